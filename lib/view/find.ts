/**
 * find: the newest version of one key at a sequence.
 *
 * Runs are asked newest first, and the first version at or below the sequence decides: a deletion
 * is absence. In a run of tables at most one can hold it: the first whose largest internal key is
 * at or after the lookup.
 * Twin: native/view/find.cc
 */
import { KEY_TYPE_SEEK, KEY_TYPE_VALUE } from '../format/key.js'
import { trailerHigh, trailerLow, trailerSequence } from '../format/key.js'
import { TypescriptMemtable } from '../memtable/memtable.js'
import { ABSENT, COLD } from '../plane.js'
import type { FindHow } from '../plane.js'
import { copyBytes } from '../table/block.js'
import type { TableHit } from '../table/reader.js'
import { TableRun } from './run.js'
import type { TypescriptView, ViewPart } from './view.js'

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
  // The caller's bytes may change while blocks are read.
  key = Uint8Array.prototype.slice.call(key)
  const hit: TableHit = { ...view.hit }
  const high = trailerHigh(at)
  const low = trailerLow(at, KEY_TYPE_SEEK)
  let type = ABSENT
  for (let i = 0; type === ABSENT && i < view.parts.length; i++) {
    const part = view.parts[i]!
    type = searchPart(part, key, high, low, hit, false, how.fillCache)
    if (type === COLD && part instanceof TableRun)
      type = await part.tableFor(key, high, low)!.findCold(key, high, low, hit, how.fillCache)
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
  const { parts } = view
  for (let i = 0; i < parts.length; i++) {
    const type = searchPart(parts[i]!, key, high, low, hit, how.wait, how.fillCache)
    if (type !== ABSENT) return type
  }
  return ABSENT
}

/** The type of the version that decides, in `hit`; ABSENT when the part has none; or COLD. */
function searchPart(
  part: ViewPart,
  key: Uint8Array,
  high: number,
  low: number,
  hit: TableHit,
  wait: boolean,
  fillCache: boolean,
): number {
  if (part instanceof TypescriptMemtable) return part.find(key, high, low, hit)
  const table = part.tableFor(key, high, low)
  return table === undefined ? ABSENT : table.find(key, high, low, hit, wait, fillCache)
}
