/**
 * Compaction: closed segments of the journal become one that holds what still matters.
 *
 * A set stays while its key has its version, judged at a position that is pinned and synced before
 * the result takes the place of its sources. The last deletion of an absent key, and the last
 * clear, stay while something older may hold what they delete: a snapshot before them, or a
 * segment before the range. A result that is not smaller is given up.
 * Format: docs/format/segment.md (REWRITTEN)
 */
import { MAP_CLEAR, MAP_DELETE, MapRecord } from '../../format/map.js'
import type { RecordSink, SegmentInfo } from '../options.js'
import type { SegmentFileWriter } from '../segments/writer.js'
import { Deletions } from './deletions.js'
import { readJournal } from './journaled.js'
import { Outbox } from './outbox.js'
import type { MapParts } from './parts.js'
import { lowestPosition } from './retention.js'
import type { Slices } from './slices.js'

export interface Compacted {
  /** Bytes of the segments that were taken, and of the one that took their place. */
  readonly beforeBytes: number
  readonly afterBytes: number
}

/** Rewrites segments, which are neighbours and closed. */
export async function compactSegments(
  parts: MapParts,
  segments: readonly SegmentInfo[],
  slices: Slices,
): Promise<Compacted> {
  const { journal, entries, ledger, catalog } = parts
  const beforeBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  const position = entries.settled
  const isOldest = journal.segments()[0]?.number === segments[0]!.number
  entries.pin(position)
  try {
    const writer = await journal.rewrite(segments)
    try {
      // A deletion up to here is in every snapshot, and no segment holds anything older.
      const forgotten = isOldest ? lowestPosition(catalog.lasting) : 0
      const rewriting = new Rewriting(parts, segments, position, forgotten, slices)
      await rewriting.write(writer, beforeBytes)
      if (writer.bytes >= beforeBytes || (await writer.finish()) >= beforeBytes) {
        await writer.abandon()
        ledger.hold(segments)
        return { beforeBytes, afterBytes: beforeBytes }
      }
      // What makes a record dead becomes as durable as the record was.
      await journal.sync()
      await journal.replace(writer)
      ledger.rewritten(segments, writer.records, rewriting.held)
      return { beforeBytes, afterBytes: writer.bytes }
    } catch (error) {
      await writer.abandon()
      throw error
    }
  } finally {
    entries.unpin(position)
  }
}

class Rewriting {
  /** Dead records that were written. */
  held = 0
  readonly #record = new MapRecord()
  /** The last clear, and the last deletion of each key behind it. */
  #clear = 0
  #deletions: Deletions

  constructor(
    private readonly parts: MapParts,
    private readonly segments: readonly SegmentInfo[],
    private readonly position: number,
    /** Deletions up to here have nothing left to delete. */
    private readonly forgotten: number,
    private readonly slices: Slices,
  ) {
    this.#deletions = new Deletions(parts.home)
  }

  /** Writes what matters; ends early when that is no less than there is. */
  async write(writer: SegmentFileWriter, mostBytes: number): Promise<void> {
    await this.#gather()
    const outbox = new Outbox(writer, this.slices)
    const take: RecordSink = (sequence, time, bytes, start, end) => {
      if (writer.bytes < mostBytes && this.#stays(sequence, bytes, start, end))
        outbox.add(sequence, time, bytes, start, end)
    }
    await this.#read(0, take, () => outbox.drain())
  }

  /** Finds what must stay deleted. */
  async #gather(): Promise<void> {
    const record = this.#record
    const take: RecordSink = (sequence, time, bytes, start, end) => {
      record.read(bytes, start, end)
      if (record.operation === MAP_CLEAR) {
        this.#clear = sequence
        this.#deletions = new Deletions(this.parts.home)
      } else if (record.operation === MAP_DELETE)
        this.#deletions.add(bytes.subarray(record.keyStart, record.keyEnd), sequence, time)
    }
    await this.#read(this.forgotten + 1, take, async () => {
      if (this.slices.isOver) await this.slices.rest()
    })
  }

  #read(from: number, take: RecordSink, rest: () => Promise<void>): Promise<void> {
    return readJournal(this.parts.home, this.segments, from, this.position, take, rest)
  }

  #stays(sequence: number, bytes: Uint8Array, start: number, end: number): boolean {
    const record = this.#record
    record.read(bytes, start, end)
    const isDeletion = record.operation === MAP_DELETE
    if (record.operation === MAP_CLEAR) {
      if (sequence !== this.#clear) return false
      this.held++
      return true
    }
    const key = bytes.subarray(record.keyStart, record.keyEnd)
    const { entries } = this.parts
    const isThere = entries.find(key, this.position)
    if (!isDeletion) return isThere && entries.hit.version === sequence
    if (isThere || !this.#deletions.isLast(key, sequence)) return false
    this.held++
    return true
  }
}
