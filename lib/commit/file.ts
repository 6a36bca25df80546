/**
 * What engines ask of single files: their size, and small ones read and written whole.
 */
import { StoreError } from '../errors.js'
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

/** The bytes of a file, of which at most `mostBytes` are read; undefined when there is none. */
export async function readWhole(
  storage: Storage,
  name: string,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    const file = await storage.open(name)
    try {
      const bytes = new Uint8Array(mostBytes)
      return bytes.subarray(0, await file.read(bytes, 0))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'CAIRN_MISSING') return undefined
    throw error
  }
}

/** Replaces a file, or makes it, in one step: temporary file, sync, rename, directory sync. */
export async function writeWhole(storage: Storage, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${name}.new`
  // A crash before the rename leaves one behind.
  await storage.remove(temporary)
  const file = await storage.create(temporary)
  try {
    await file.write(bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await storage.rename(temporary, name)
  await storage.syncDirectory()
}
