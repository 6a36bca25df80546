/**
 * What compaction is worth: when it starts by itself, and on which segments.
 *
 * A pure function of counts that are the same on both planes.
 */
import type { SegmentInfo } from '../options.js'
import type { Ledger } from './ledger.js'

export interface CompactionLimits {
  /** Records that the journal holds at least. */
  readonly compactThreshold: number
  /** Share of them that is dead at least, 0 to 1. */
  readonly compactRatio: number
}

/** Whether compaction is due, by counts alone. */
export function isDue(ledger: Ledger, limits: CompactionLimits): boolean {
  const { records, dead } = ledger
  return dead > 0 && records >= limits.compactThreshold && dead >= limits.compactRatio * records
}

/**
 * The neighbours to rewrite: from the first to the last segment of which at least half of the
 * ratio is dead. So what stays dead is far from the ratio, and the next compaction far away.
 */
export function choose(
  segments: readonly SegmentInfo[],
  ledger: Ledger,
  { compactRatio }: CompactionLimits,
): readonly SegmentInfo[] {
  const isWorth = (segment: SegmentInfo): boolean => {
    const dead = ledger.deadIn(segment)
    return dead > 0 && dead >= (compactRatio / 2) * segment.records
  }
  return segments.slice(segments.findIndex(isWorth), segments.findLastIndex(isWorth) + 1)
}
