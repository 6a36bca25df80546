/**
 * Chains: an incremental snapshot with all that it stands on, down to a full one.
 */
import type { SnapshotFile } from './catalog.js'

export type Chain =
  | { readonly files: readonly SnapshotFile[] }
  | { readonly broken: SnapshotFile; readonly reason: string }

/** The chain of a snapshot, the full one first; or the link that does not fit, and why. */
export function chainOf(snapshots: readonly SnapshotFile[], last: SnapshotFile): Chain {
  const files = [last]
  for (let top = last; top.base !== 0; top = files[0]!) {
    const base = snapshots.find(({ number }) => number === top.base)
    if (base === undefined || base.damage !== undefined) {
      const state = base === undefined ? 'missing' : 'damaged'
      return { broken: top, reason: `snapshot ${top.base}, on which it stands, is ${state}` }
    }
    if (base.position !== top.basePosition) {
      const how = base.position < top.basePosition ? 'a gap' : 'an overlap'
      const ends = `snapshot ${base.number} ends at ${base.position}`
      return { broken: top, reason: `${how}: it begins behind ${top.basePosition}, ${ends}` }
    }
    files.unshift(base)
  }
  return { files }
}
