/**
 * Verification of a journal: reads and checks every byte that it stands on, and changes nothing.
 */
import type { Verification } from '../commit/told.js'
import { StoreError } from '../errors.js'
import type { StoreHome } from './home.js'
import type { Segment } from './segments/segment.js'
import { SegmentFileReader } from './segments/reader.js'

/** Checks the segments, oldest first, as far as they reached at the call. */
export async function verifySegments(
  home: StoreHome,
  segments: readonly Segment[],
  report: Verification,
): Promise<void> {
  const extents = segments.map((segment) => ({ segment, ...segment.info() }))
  let before: (typeof extents)[number] | undefined
  for (const extent of extents) {
    const { header } = extent.segment
    const follows =
      before === undefined ||
      (header.previousNumber === before.number &&
        header.previousSequence === before.segment.chainLast)
    if (!follows)
      report.damage.push({ file: extent.file, offset: 0, bytes: 0, reason: 'sequence gap' })
    await verifySegment(home, extent, report)
    before = extent
  }
}

interface Extent {
  readonly segment: Segment
  readonly file: string
  readonly records: number
  readonly bytes: number
  readonly sealed: boolean
}

/** What stands behind the extent is being written, or was torn off. */
async function verifySegment(
  home: StoreHome,
  { segment, file, records, bytes, sealed }: Extent,
  report: Verification,
): Promise<void> {
  const damaged = (offset: number, reason: string): void => {
    report.damage.push({ file, offset, bytes: Math.max(bytes - offset, 0), reason })
  }
  let reader: SegmentFileReader
  try {
    reader = await SegmentFileReader.open(home, file, segment.readableBytes)
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'CAIRN_MISSING') throw error
    damaged(0, 'the segment is missing')
    return
  }
  try {
    while (reader.end < bytes && (await reader.group()) !== undefined);
    const { bad } = reader
    if (bad !== undefined && bad.offset < bytes) damaged(bad.offset, bad.reason)
    else if (reader.end < bytes) damaged(reader.end, 'cut off')
    else if (reader.records < records) damaged(reader.end, `${records} records were here`)
    else if (sealed && reader.seal === undefined && (await reader.group()) === undefined)
      if (reader.seal === undefined) damaged(reader.end, 'the end is missing')
    report.file(bytes, Math.min(reader.records, records))
  } finally {
    await reader.close()
  }
}
