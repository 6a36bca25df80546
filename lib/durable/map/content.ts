/**
 * The content of a snapshot, read and judged: every record whole, in its range, and all of them.
 */
import { FormatError } from '../../format/coding.js'
import { MapRecord } from '../../format/map.js'
import type { StoreHome } from '../home.js'
import type { Damage, RecordSink } from '../options.js'
import { SegmentFileReader } from '../segments/reader.js'
import type { SnapshotFile } from './catalog.js'
import { Slices } from './slices.js'

/**
 * Gives the records of a snapshot to the sink, in the order in which they must be applied. What
 * is damaged is told and noted; then the sink has got some of them, or all.
 */
export async function readSnapshot(
  home: StoreHome,
  snapshot: SnapshotFile,
  sink: RecordSink,
  slices = new Slices(),
): Promise<Damage | undefined> {
  const { file, basePosition, position } = snapshot
  const reader = await SegmentFileReader.open(home, file)
  const within: RecordSink = (sequence, time, bytes, start, end) => {
    if (sequence <= basePosition || sequence > position)
      throw new FormatError(`sequence ${sequence} out of its range`, 0)
    sink(sequence, time, bytes, start, end)
  }
  try {
    const fault = await faultOf(reader, within, slices)
    if (fault === undefined) {
      snapshot.records = reader.records
      snapshot.isRead = true
      return undefined
    }
    const { offset, reason } = fault
    const bytes = Math.max(reader.sizeBytes - offset, 0)
    return (snapshot.damage = { file, offset, bytes, reason })
  } finally {
    await reader.close()
  }
}

/** Reads a snapshot as `readSnapshot`, and keeps nothing of it. */
export function checkSnapshot(
  home: StoreHome,
  snapshot: SnapshotFile,
  slices = new Slices(),
): Promise<Damage | undefined> {
  const record = new MapRecord()
  const sink: RecordSink = (_sequence, _time, bytes, start, end) => record.read(bytes, start, end)
  return readSnapshot(home, snapshot, sink, slices)
}

async function faultOf(
  reader: SegmentFileReader,
  sink: RecordSink,
  slices: Slices,
): Promise<{ offset: number; reason: string } | undefined> {
  try {
    while (await reader.next(sink)) if (slices.isOver) await slices.rest()
  } catch (error) {
    if (error instanceof FormatError) return { offset: 0, reason: error.message }
    throw error
  }
  const { bad, seal, records, sizeBytes } = reader
  if (bad !== undefined) return bad
  if (seal === undefined) return { offset: sizeBytes, reason: 'cut short' }
  if (seal.records !== records)
    return { offset: 0, reason: `${records} records where ${seal.records} were written` }
  return undefined
}

/** Finds out how many records a snapshot has: its seal tells, which is not to judge it. */
export async function countRecords(home: StoreHome, snapshot: SnapshotFile): Promise<void> {
  const reader = await SegmentFileReader.open(home, snapshot.file)
  try {
    const seal = await reader.findSeal()
    if (seal !== undefined) snapshot.records = seal.records
  } finally {
    await reader.close()
  }
}
