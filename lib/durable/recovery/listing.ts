/**
 * What stands in a journal's folder: segments by number, with their headers, and what is no part
 * of the chain. Looking changes nothing.
 *
 * Numbers decide the order, never the directory. Of overlapping ranges the rewritten segment
 * counts, so a crash before the others were removed does no harm.
 */
import { corruption } from '../../errors.js'
import { SEGMENT_REWRITTEN, type SegmentHeader } from '../../format/segment.js'
import type { FileEntry } from '../../io/files.js'
import type { StoreHome } from '../home.js'
import { segmentPath, type Folder } from '../segments/segment.js'
import { SegmentFileReader, type BadPlace } from '../segments/reader.js'

/** No file may have a higher number: what is numbered from there on must stay exact. */
const NUMBER_MAX = 2 ** 50

export interface FoundSegment {
  readonly number: number
  readonly file: string
  readonly sizeBytes: number
  readonly header: SegmentHeader | undefined
  /** Why there is no header, unless the file is empty or zeros. */
  readonly bad: BadPlace | undefined
}

export interface Listing {
  /** Ascending; files without records and unreadable ones included, covered ones not. */
  readonly segments: readonly FoundSegment[]
  /** What a rewritten segment stands for, and temporary files. */
  readonly obsolete: readonly string[]
  /** One above every number in the folder. */
  readonly nextNumber: number
}

export async function listSegments(home: StoreHome, folder: Folder): Promise<Listing> {
  const entries = await home.storage.list(undefined, folder === '' ? undefined : folder)
  const beyond = entries.find(({ kind, number }) => kind === 'segment' && number > NUMBER_MAX)
  if (beyond) throw corruption(beyond.name, 0, 'no store counts that far; move the file away')
  const found: FoundSegment[] = []
  const isSegment = ({ kind, name, number }: FileEntry): boolean =>
    kind === 'segment' && name === segmentPath(folder, number)
  for (const { name, number } of entries.filter(isSegment).sort((a, b) => a.number - b.number))
    found.push(await look(home, name, number))
  const covered = found.filter(({ number }) => isCovered(found, number))
  const temporary = entries.filter(({ kind }) => kind === 'temporary')
  return {
    segments: found.filter((segment) => !covered.includes(segment)),
    obsolete: [...covered.map(({ file }) => file), ...temporary.map(({ name }) => name)],
    nextNumber: 1 + entries.reduce((most, { number }) => Math.max(most, number), 0),
  }
}

async function look(home: StoreHome, file: string, number: number): Promise<FoundSegment> {
  const reader = await SegmentFileReader.open(home, file)
  try {
    const { header, bad, sizeBytes } = reader
    if (header === undefined || header.number === number)
      return { number, file, sizeBytes, header, bad }
    const reason = `it is segment ${header.number} under another name`
    return { number, file, sizeBytes, header: undefined, bad: { offset: 0, reason, rot: true } }
  } finally {
    await reader.close()
  }
}

/** Whether the range of a later rewritten segment holds this number. */
function isCovered(found: readonly FoundSegment[], number: number): boolean {
  return found.some(
    ({ header }) =>
      header !== undefined &&
      (header.flags & SEGMENT_REWRITTEN) !== 0 &&
      number > header.previousNumber &&
      number < header.number,
  )
}
