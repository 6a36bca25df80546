/**
 * Which snapshots are kept: the newest ones and the young ones, with what they stand on.
 *
 * Pure functions. Snapshots come oldest first; a damaged one counts as absent.
 */
import type { SnapshotFile } from './catalog.js'

export interface Retention {
  /** At least one. */
  readonly keepSnapshots: number
  readonly keepSnapshotsMs: number
}

/** Numbers of the snapshots to keep at a time in microseconds: never none, if there are any. */
export function kept(
  snapshots: readonly SnapshotFile[],
  { keepSnapshots, keepSnapshotsMs }: Retention,
  now: number,
): Set<number> {
  const whole = snapshots.filter(({ damage }) => damage === undefined)
  const oldest = now - keepSnapshotsMs * 1000
  const newest = whole.slice(-Math.max(keepSnapshots, 1))
  const young = whole.filter(({ createdAt }) => createdAt > oldest)
  return withBases(snapshots, [...newest, ...young])
}

/** The numbers of snapshots and of all that they stand on. */
export function withBases(
  snapshots: readonly SnapshotFile[],
  chosen: readonly SnapshotFile[],
): Set<number> {
  const byNumber = new Map(snapshots.map((file) => [file.number, file]))
  const numbers = new Set<number>()
  for (const file of chosen)
    for (let at: SnapshotFile | undefined = file; at !== undefined; at = byNumber.get(at.base))
      numbers.add(at.number)
  return numbers
}

/**
 * The position up to which the journal is no longer needed: that of the second newest full
 * snapshot that was read back. 0 while there are fewer than two.
 */
export function journalCut(snapshots: readonly SnapshotFile[]): number {
  const full = snapshots.filter(({ base, isRead }) => base === 0 && isRead)
  return full.at(-2)?.position ?? 0
}

/** The lowest position from which opening could begin, as far as snapshots go. */
export function lowestPosition(snapshots: readonly SnapshotFile[]): number {
  return snapshots.reduce((least, { position }) => Math.min(least, position), Infinity)
}
