/**
 * The records of some segments of the journal, in order.
 *
 * They were settled before, so what can not be read is damage: there is no torn tail before them.
 */
import { corruption } from '../../errors.js'
import { FormatError } from '../../format/coding.js'
import type { StoreHome } from '../home.js'
import type { RecordSink, SegmentInfo } from '../options.js'
import { SegmentFileReader } from '../segments/reader.js'

/**
 * Gives the records from..to of segments, both inclusive, to `take`; `to` must be settled. Awaits
 * `rest` now and then, at least once behind the last record.
 */
export async function readJournal(
  home: StoreHome,
  segments: readonly SegmentInfo[],
  from: number,
  to: number,
  take: RecordSink,
  rest: () => Promise<void>,
): Promise<void> {
  for (const segment of segments) {
    // One that a crash left with its header alone holds nothing.
    if (segment.lastSequence < Math.max(from, segment.firstSequence)) continue
    if (segment.firstSequence > to) continue
    const reader = await SegmentFileReader.open(home, segment.file)
    let last = 0
    const end = Math.min(to, segment.lastSequence)
    try {
      const sink: RecordSink = (sequence, time, bytes, start, stop) => {
        last = sequence
        if (sequence >= from && sequence <= to) take(sequence, time, bytes, start, stop)
      }
      while (last < end && (await reader.next(sink))) await rest()
      const { bad, sizeBytes } = reader
      // A rewritten segment may end before the last sequence that it covers.
      if (bad !== undefined && last < end) throw corruption(segment.file, bad.offset, bad.reason)
      if (last < end && !segment.rewritten) throw corruption(segment.file, sizeBytes, 'cut short')
    } catch (error) {
      if (error instanceof FormatError) throw corruption(segment.file, 0, error.message)
      throw error
    } finally {
      await reader.close()
    }
  }
}
