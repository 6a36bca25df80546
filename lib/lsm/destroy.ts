/**
 * Destroying: removes the files of a store, nothing that is not one of them, and then the
 * directory if it is empty.
 */
import { FILE_CURRENT, FILE_LOCK } from '../format/names.js'
import type { Storage } from '../io/files.js'
import { listEntries } from './entries.js'

/**
 * CURRENT goes first, durably, so that a crash on the way leaves no half of a database behind
 * that looks whole. Absent is fine. CAIRN_LOCKED while the store is open, CAIRN_FORMAT_VERSION
 * for a store of another kind.
 */
export async function destroy(storage: Storage): Promise<void> {
  if (!(await storage.exists())) return
  const lock = await storage.lock({ readOnly: false, timeoutMs: 0 })
  try {
    const entries = await listEntries(storage)
    await storage.remove(FILE_CURRENT)
    await storage.syncDirectory()
    for (const { name, kind } of entries)
      if (kind !== 'unknown' && kind !== 'lock') await storage.remove(name)
    // The lock itself is still held; its own file goes with it.
    await storage.remove(FILE_LOCK)
    await storage.syncDirectory()
  } finally {
    await lock.release()
  }
  await storage.removeDirectory()
}
