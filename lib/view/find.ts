/**
 * find: the newest version of one key at a sequence.
 *
 * Runs are asked newest first, and the first version at or below the sequence decides: a deletion
 * is absence. In a run of tables at most one can hold it: the first whose largest internal key is
 * at or after the lookup.
 * Twin: native/view/find.cc
 */
import { KEY_TRAILER_BYTES, KEY_TYPE_SEEK, KEY_TYPE_VALUE, compareBytes } from '../format/key.js'
import { trailerHigh, trailerLow, trailerSequence } from '../format/key.js'
import { ABSENT, COLD } from '../plane.js'
import type { FindHow } from '../plane.js'
import { copyBytes } from '../table/block.js'
import type { TableHit, TypescriptTable } from '../table/reader.js'
import { firstNotBefore } from './lane.js'
import type { OwnRun, TypescriptView } from './view.js'

/**
 * Copies the value to `into[offset..]` when there is room and gives its length, ABSENT, or COLD
 * unless `how.wait`. Sets `view.found`.
 */
export function find(
  view: TypescriptView,
  key: Uint8Array,
  at: number,
  into: Uint8Array,
  offset: number,
  how: FindHow,
): number {
  const { hit } = view
  const type = search(view, key, at, hit, how)
  if (type === COLD) return COLD
  view.found = type === ABSENT ? 0 : trailerSequence(hit.high, hit.low)
  if (type !== KEY_TYPE_VALUE) return ABSENT
  const { valueBytes, valueStart, valueEnd } = hit
  const length = valueEnd - valueStart
  if (length <= into.length - offset) copyBytes(into, offset, valueBytes, valueStart, valueEnd)
  return length
}

/** As `find`, reading what is not in memory asynchronously. The caller's own copy. */
export async function findCold(
  view: TypescriptView,
  key: Uint8Array,
  at: number,
  how: FindHow,
): Promise<Uint8Array | undefined> {
  const hit: TableHit = { ...view.hit }
  const high = trailerHigh(at)
  const low = trailerLow(at, KEY_TYPE_SEEK)
  let type = ABSENT
  for (let i = 0; type === ABSENT && i < view.ownRuns.length; i++) {
    type = searchRun(view.ownRuns[i]!, key, high, low, hit, false, how.fillCache)
    if (type === COLD)
      type = await tableFor(view.ownRuns[i]!, key, high, low)!.findCold(
        key,
        high,
        low,
        hit,
        how.fillCache,
      )
  }
  view.found = type === ABSENT ? 0 : trailerSequence(hit.high, hit.low)
  if (type !== KEY_TYPE_VALUE) return undefined
  return Uint8Array.prototype.slice.call(hit.valueBytes, hit.valueStart, hit.valueEnd)
}

function search(
  view: TypescriptView,
  key: Uint8Array,
  at: number,
  hit: TableHit,
  how: FindHow,
): number {
  const high = trailerHigh(at)
  const low = trailerLow(at, KEY_TYPE_SEEK)
  const runs = view.ownRuns
  for (let i = 0; i < runs.length; i++) {
    const type = searchRun(runs[i]!, key, high, low, hit, how.wait, how.fillCache)
    if (type !== ABSENT) return type
  }
  return ABSENT
}

/** The type of the version that decides, in `hit`; ABSENT when the run has none; or COLD. */
function searchRun(
  run: OwnRun,
  key: Uint8Array,
  high: number,
  low: number,
  hit: TableHit,
  wait: boolean,
  fillCache: boolean,
): number {
  const first = run[0]!
  if (first.kind === 'memtable') return first.find(key, high, low, hit)
  const table = tableFor(run, key, high, low)
  return table === undefined ? ABSENT : table.find(key, high, low, hit, wait, fillCache)
}

/** The only table of a run of tables that may hold the version. */
function tableFor(
  run: OwnRun,
  key: Uint8Array,
  high: number,
  low: number,
): TypescriptTable | undefined {
  const table = run[firstNotBefore(run, key, high, low)] as TypescriptTable | undefined
  if (table === undefined) return undefined
  const { smallest } = table.meta
  const order = compareBytes(smallest, 0, smallest.length - KEY_TRAILER_BYTES, key, 0, key.length)
  return order > 0 ? undefined : table
}
