/**
 * Replay: the records of snapshots and of the journal, made entries again.
 *
 * They come in order, each of the journal's behind everything before it; nobody reads meanwhile,
 * so each counts as settled at once.
 */
import { MAP_CLEAR, MAP_DELETE, MapRecord } from '../../format/map.js'
import type { Entries } from '../entries/entries.js'
import type { RecordSink } from '../options.js'
import type { Ledger } from './ledger.js'

/** Records between two looks at what may be freed. */
const SETTLE_RECORDS = 64

/**
 * A sink for everything behind `position`, or, of a snapshot, up to it. It throws FormatError for
 * what is no map record.
 */
export function replayInto(entries: Entries, ledger: Ledger, position: number): RecordSink {
  const record = new MapRecord()
  let count = 0
  entries.settle(position)
  return (sequence, time, bytes, start, end) => {
    record.read(bytes, start, end)
    const { operation, keyStart, keyEnd } = record
    if (operation === MAP_CLEAR) {
      entries.clear(sequence, time)
      ledger.clear(sequence, end - start, time)
    } else {
      entries.seekBytes(bytes, keyStart, keyEnd)
      const replaced = entries.read(Infinity) ? entries.hit.version : 0
      if (operation !== MAP_DELETE) {
        const entry = entries.allocate(keyEnd - keyStart, end - keyEnd)
        entries.put(entry, bytes, keyEnd, end, sequence, time)
        ledger.put(sequence, end - start, replaced)
      } else {
        if (replaced !== 0) entries.delete(entries.allocate(keyEnd - keyStart, 0), sequence, time)
        ledger.delete(end - start, replaced)
      }
    }
    if (++count % SETTLE_RECORDS === 0) entries.settle(Math.max(sequence, entries.settled))
  }
}
