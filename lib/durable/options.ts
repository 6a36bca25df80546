/**
 * What the opener of a journal decides, and the fixed limits of the engine.
 *
 * Decides: group limits, what may wait, when something goes inline. Sizes are bytes, times are
 * microseconds unless a name says otherwise.
 */
import type { StoreHome } from './home.js'

/** When an acknowledgement comes: after a sync, or before the next one that a timer makes. */
export type SyncMode = 'always' | 'interval' | 'never'

/** How opening treats damage: refuse it, or skip what is damaged. */
export type RecoveryMode = 'strict' | 'salvage'

/** Bytes that were not, or will not be, read. */
export interface Damage {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

/** What opening found. */
export interface Recovered {
  /** Records replayed. */
  readonly records: number
  /** Where the journal was cut: the last records before a crash, never synced. */
  readonly torn?: Damage
  /** Skipped by `recovery: 'salvage'`. */
  readonly damage?: readonly Damage[]
}

/** The same, with damage that was met before. */
export function withDamage(recovered: Recovered, before: readonly Damage[]): Recovered {
  if (before.length === 0) return recovered
  return { ...recovered, damage: [...before, ...(recovered.damage ?? [])] }
}

/** A record's payload is `bytes[start .. end)`, which are the callee's only until it returns. */
export type RecordSink = (
  sequence: number,
  time: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void

export interface JournalSetup {
  /** The open directory: storage, plane, keys, identity, clock and random source. */
  readonly home: StoreHome
  /** Where segments lie: the directory itself, or a subdirectory of it. */
  readonly folder: '' | 'wal'
  readonly sync: SyncMode
  readonly syncIntervalMs: number
  readonly segmentBytes: number
  readonly segmentRecords: number
  readonly segmentAgeMs: number
  readonly batchRecords: number
  readonly batchBytes: number
  readonly recovery: RecoveryMode
  readonly onDrop?: (damage: Damage) => void
  /** Records up to this sequence are known from elsewhere: they are not given to the sink, and
   * segments that hold no others are not read. */
  readonly position?: number
  /** Records up to this sequence had been synced, as something else says that was written then. */
  readonly synced?: number
}

/** A segment as the engine knows it. */
export interface SegmentInfo {
  readonly number: number
  /** Its name in the storage: `00000001.journal`, `wal/00000001.journal`. */
  readonly file: string
  readonly firstSequence: number
  /** firstSequence - 1 while it holds no record. */
  readonly lastSequence: number
  readonly records: number
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly sealed: boolean
  readonly encrypted: boolean
  readonly rewritten: boolean
}

/** Room for one record in the open group: one object, filled anew by each call. */
export interface Reservation {
  /** The payload belongs to `bytes[at ..]`, before the next call to the journal. */
  readonly bytes: Buffer
  readonly at: number
  readonly sequence: number
  readonly time: number
  /** Shared by the group: settles as the sync mode says. */
  readonly settled: Promise<void>
}

/** Records that wait in groups, in bytes; beyond it callers wait. */
export const QUEUE_MAX_BYTES = 64 * 1024 * 1024
/** Groups that wait are written together up to this many bytes, and synced once. */
export const COMMIT_MAX_BYTES = 8 * 1024 * 1024
/** Larger groups are written without holding the event loop. */
export const INLINE_BYTES = 512 * 1024
