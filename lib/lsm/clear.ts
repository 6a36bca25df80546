/**
 * Clearing a range: deletions in batches, of the keys that stood there at the call.
 *
 * A batch ends by what it holds, never with a page: how far a page goes depends on what is in
 * memory, and the same calls must write the same bytes on every plane.
 */
import { BatchWriter } from '../format/batch.js'
import type { Page } from '../plane.js'
import type { TreeCursor } from './reads.js'

const PAGE_ENTRIES = 1024
const PAGE_BYTES = 64 * 1024
const BATCH_DELETIONS = 1024
/** A batch ends with the deletion that brings it to so many bytes. */
const BATCH_BYTES = 64 * 1024

/** Closes the cursor, whose pages hold keys only. */
export async function clearRange(
  cursor: TreeCursor,
  limit: number,
  write: (batch: BatchWriter) => Promise<void>,
): Promise<void> {
  const page: Page = {
    bytes: new Uint8Array(PAGE_BYTES),
    ends: new Uint32Array(2 * PAGE_ENTRIES),
  }
  const batch = new BatchWriter()
  try {
    for (let left = limit; left > 0;) {
      const count = await cursor.next(page, Math.min(left, PAGE_ENTRIES))
      if (count === 0) break
      for (let i = 0, start = 0; i < count; i++) {
        batch.delete(page.bytes.subarray(start, page.ends[2 * i]))
        start = page.ends[2 * i + 1]!
        if (batch.count < BATCH_DELETIONS && batch.sizeBytes < BATCH_BYTES) continue
        await write(batch)
        batch.clear()
      }
      left -= count
    }
    if (batch.count > 0) await write(batch)
  } finally {
    cursor.close()
  }
}
