/**
 * Damaged files are kept in a subdirectory before anything is removed: linked there, or copied.
 */
import type { Storage } from '../io/files.js'

/** Settles when the files stand there durably, beside their originals. */
export async function keepAside(
  storage: Storage,
  directory: string,
  names: Iterable<string>,
): Promise<void> {
  const files = [...names]
  if (files.length === 0) return
  await storage.makeDirectory(directory)
  for (const name of files) {
    const copy = `${directory}/${name.split('/').at(-1)}`
    await storage.remove(copy)
    await storage.copyTo(storage, name, copy)
  }
  await storage.syncDirectory()
}
