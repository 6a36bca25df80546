/**
 * What control asks of single files.
 */
import type { Storage } from '../io/files.js'

/** Size of an existing file, in bytes. CAIRN_MISSING when there is none. */
export async function sizeOf(storage: Storage, name: string): Promise<number> {
  const file = await storage.open(name)
  try {
    return file.size()
  } finally {
    await file.close()
  }
}
