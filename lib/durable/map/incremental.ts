/**
 * An incremental snapshot: the newest record of each key since its base, deletions and the last
 * clear included.
 *
 * It is taken from the journal: a record is the newest of its key when the key has its version at
 * the position; a deletion counts when the key is absent there. The clear comes first, so that
 * records can be applied in the order of the file; deletions are gathered and come last, each key
 * once.
 */
import { MAP_CLEAR, MAP_DELETE, MapRecord } from '../../format/map.js'
import type { Entries } from '../entries/entries.js'
import type { StoreHome } from '../home.js'
import type { SegmentInfo } from '../options.js'
import type { SegmentFileWriter } from '../segments/writer.js'
import { Deletions } from './deletions.js'
import { readJournal } from './journaled.js'
import type { Clear } from './ledger.js'
import { Outbox } from './outbox.js'
import type { Slices } from './slices.js'

const CLEAR = Uint8Array.of(MAP_CLEAR)

export interface Increment {
  readonly home: StoreHome
  /** The map, pinned at the position. */
  readonly entries: Entries
  readonly segments: readonly SegmentInfo[]
  /** Of the base, and the snapshot's own. */
  readonly basePosition: number
  readonly position: number
  /** The last one up to the position, if it is known; it may lie before the base. */
  readonly clear: Clear | undefined
}

export async function writeIncremental(
  { home, entries, segments, basePosition, position, clear }: Increment,
  writer: SegmentFileWriter,
  slices: Slices,
): Promise<void> {
  const outbox = new Outbox(writer, slices)
  const cleared = clear !== undefined && clear.sequence > basePosition ? clear : undefined
  const from = (cleared?.sequence ?? basePosition) + 1
  if (cleared !== undefined) outbox.add(cleared.sequence, cleared.time, CLEAR, 0, CLEAR.length)
  await outbox.drain()
  const deletions = new Deletions(home)
  const record = new MapRecord()
  await readJournal(
    home,
    segments,
    from,
    position,
    (sequence, time, bytes, start, end) => {
      record.read(bytes, start, end)
      const key = bytes.subarray(record.keyStart, record.keyEnd)
      const isThere = entries.find(key, position)
      if (record.operation === MAP_DELETE) {
        if (!isThere) deletions.add(key, sequence, time)
      } else if (isThere && entries.hit.version === sequence)
        outbox.add(sequence, time, bytes, start, end)
    },
    () => outbox.drain(),
  )
  await deletions.drain(outbox)
}
