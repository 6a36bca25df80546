/**
 * What a journal tells of itself.
 */
import type { Committer } from './committer.js'
import type { SegmentSet } from './segments/set.js'

/** Times in milliseconds, sizes in bytes. Counters run from opening or `resetStats()`. */
export interface JournalStats {
  readonly records: number
  readonly groups: number
  /** Bytes of groups as they were encoded. */
  readonly bytesWritten: number
  readonly syncs: number
  readonly rotations: number
  readonly segments: number
  /** Bytes of all segments. */
  readonly journalBytes: number
  /** Bytes of records that wait for their turn. */
  readonly waitingBytes: number
  /** How often callers waited for room, and how long. */
  readonly waits: number
  readonly waitMs: number
  readonly avgWriteMs: number
  readonly p99WriteMs: number
  readonly avgSyncMs: number
  readonly p99SyncMs: number
  /** The last failure of background work, if any. */
  readonly lastError?: Error
}

export function journalStats(
  committer: Committer,
  segments: SegmentSet,
  lastError: Error | undefined,
): JournalStats {
  const { writes, syncs, callers } = committer
  const { all } = segments
  return {
    records: committer.records,
    groups: committer.groups,
    bytesWritten: committer.bytes,
    syncs: segments.syncs,
    rotations: segments.rotations,
    segments: all.length,
    journalBytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    waitingBytes: committer.queue.waitingBytes,
    waits: callers.count,
    waitMs: callers.waitedMs,
    avgWriteMs: writes.averageMs,
    p99WriteMs: writes.p99Ms,
    avgSyncMs: syncs.averageMs,
    p99SyncMs: syncs.p99Ms,
    ...(lastError && { lastError }),
  }
}
