/**
 * A full snapshot: every entry that is live at a position, copied a slice per turn while writers
 * run.
 *
 * The position is pinned, so an entry that changes before its slice keeps its old value until it
 * was copied.
 */
import { MAP_SET } from '../../format/map.js'
import { SCAN_START, type Entries } from '../entries/entries.js'
import type { SegmentFileWriter } from '../segments/writer.js'
import { Outbox } from './outbox.js'
import type { Slices } from './slices.js'

/** Keys that are looked at between two looks at the clock. */
const SCAN_KEYS = 64

/** Writes the entries of a position that is pinned. */
export async function writeFull(
  entries: Entries,
  position: number,
  writer: SegmentFileWriter,
  slices: Slices,
): Promise<void> {
  const outbox = new Outbox(writer, slices)
  const visit = (): boolean => outbox.addEntry(entries.hit, MAP_SET)
  for (let from: number | undefined = SCAN_START; from !== undefined;) {
    from = entries.scan(from, position, SCAN_KEYS, visit)
    await outbox.drain()
  }
}
