/**
 * What the opener of a tree decides, and the fixed limits of the tree.
 *
 * Decides: sizes, levels, group limits. The data planes get these numbers and know no policy.
 */
import type { ClaimOptions } from '../commit/claim.js'
import type { LogOptions } from '../commit/log.js'
import type { ChoosePlane, Damage } from '../commit/told.js'
import type { TableOptions } from '../plane.js'

/** How opening treats damage: refuse it, keep the prefix before it, or skip what is damaged. */
export type RecoveryMode = 'strict' | 'prefix' | 'salvage'

export interface TreeOptions extends ClaimOptions, LogOptions {
  readonly errorIfExists: boolean
  readonly choose: ChoosePlane
  /** A memtable is rotated out when its batches reach this many bytes. */
  readonly writeBufferBytes: number
  readonly table: TableOptions
  readonly maxTableBytes: number
  readonly recovery: RecoveryMode
  readonly onDrop?: (damage: Damage) => void
  /** Makes of a failure what callers of reads and writes get; a group's failure is made once. */
  readonly translate?: (error: unknown) => unknown
  /** The serial schedule: every background job ends before the next operation begins. */
  readonly serial?: boolean
}

export const LEVELS = 7
export const LEVEL0_START_TABLES = 4
export const LEVEL0_SLOW_TABLES = 12
export const LEVEL0_PAUSE_TABLES = 32
export const LEVEL1_BYTES = 10 * 1024 * 1024
export const LEVEL_FACTOR = 10
/** An output may overlap this many tables' worth of its grandparents. */
export const GRANDPARENT_TABLES = 10
/** A compaction is not widened beyond this many tables' worth of bytes. */
export const EXPANSION_TABLES = 25
/** File numbers that one merge reserves at most; the last table takes what is left. */
export const OUTPUTS_MOST = 10_000
/** No file may have a higher number: what is numbered from there on must stay exact. */
export const FILE_NUMBER_MAX = 2 ** 50

export const GROUP_MAX_BYTES = 1024 * 1024
/** A group that began with a batch up to this size adds at most as much again. */
export const GROUP_SMALL_BYTES = 128 * 1024
/** Larger groups are applied in slices. */
export const GROUP_INLINE_BYTES = 64 * 1024
/** Larger groups are written without holding the event loop. */
export const JOURNAL_INLINE_BYTES = 256 * 1024
/** Writes that may wait in groups, in bytes; beyond it callers wait. */
export const QUEUE_MAX_BYTES = 64 * 1024 * 1024
/** Records applied to a memtable between two looks at the clock. */
export const APPLY_RECORDS = 1024

export const MANIFEST_ROLL_BYTES = 4 * 1024 * 1024
/** Sequences skipped after an unclean open, so that none that was handed out comes again. */
export const SEQUENCE_SKIP = 2 ** 24

export const RETRY_FIRST_MS = 500
export const RETRY_MOST_MS = 30_000

export function levelBytesLimit(level: number): number {
  return LEVEL1_BYTES * LEVEL_FACTOR ** (level - 1)
}
