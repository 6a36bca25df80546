/**
 * Reading a journal that may be appended to and trimmed meanwhile.
 *
 * Only settled records are read, so what is being written never shows. A segment that is trimmed
 * away while it is read ends the reading with CAIRN_MISSING, though its bytes may still be there.
 */
import { corruption, StoreError } from '../errors.js'
import type { StoreHome } from './home.js'
import type { Segment } from './segments/segment.js'
import { SegmentFileReader } from './segments/reader.js'

export interface JournalEntry {
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly time: number
  /** The caller's own copy. */
  readonly payload: Buffer
}

export interface Reading {
  readonly home: StoreHome
  /** Those that are there now. */
  readonly segments: () => readonly Segment[]
  /** The files that are open, to be closed with the journal. */
  readonly open: Set<SegmentFileReader>
  /** Whether damage was told already and is passed over. */
  readonly skipsDamage: boolean
}

/** Records from..to, all of them settled. */
export async function* readRecords(
  { home, segments, open, skipsDamage }: Reading,
  from: number,
  to: number,
): AsyncGenerator<JournalEntry> {
  for (let next = from; next <= to;) {
    const segment = segments().find(
      ({ records, lastSequence }) => records > 0 && lastSequence >= next,
    )
    if (segment === undefined) return
    const { file } = segment
    checkThere(segments(), next, file)
    const reader = await SegmentFileReader.open(home, file, segment.readableBytes)
    open.add(reader)
    try {
      for (;;) {
        const group = await reader.group()
        checkThere(segments(), next, file)
        if (group === undefined) {
          if (skipsDamage && reader.bad && (await reader.skip()) < reader.sizeBytes) continue
          break
        }
        while (group.next() && next <= to) {
          const { sequence, time, body, start, end } = group
          if (sequence < next) continue
          if (sequence > to) return
          next = sequence + 1
          yield { sequence, time, payload: Buffer.from(body.subarray(start, end)) }
        }
        if (next > to) return
      }
      const { bad } = reader
      if (bad) throw corruption(file, bad.offset, bad.reason)
      // What the segment covers beyond its last record was compacted away.
      next = Math.max(next, segment.chainLast + 1)
    } finally {
      open.delete(reader)
      await reader.close()
    }
  }
}

/** CAIRN_MISSING when records from `next` on were trimmed. */
function checkThere(segments: readonly Segment[], next: number, file: string): void {
  const first = segments[0]
  if (first !== undefined && first.firstSequence <= next) return
  const oldest = first === undefined ? '' : `; the oldest is ${first.firstSequence}`
  throw new StoreError('CAIRN_MISSING', `record ${next} was trimmed away${oldest}`, { file })
}
