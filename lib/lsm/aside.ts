/**
 * Damaged files are kept in lost/ before anything is removed: linked there, or copied.
 */
import { DIRECTORY_LOST } from '../format/names.js'
import type { Storage } from '../io/files.js'

/** Settles when the files stand in lost/ durably, beside their originals. */
export async function keepAside(storage: Storage, names: Iterable<string>): Promise<void> {
  const files = [...names]
  if (files.length === 0) return
  await storage.makeDirectory(DIRECTORY_LOST)
  for (const name of files) {
    const copy = `${DIRECTORY_LOST}/${name}`
    await storage.remove(copy)
    await storage.copyTo(storage, name, copy)
  }
  await storage.syncDirectory()
}
