/**
 * Lane: one run of a view as a single walk, its sources one behind the other.
 *
 * `cursor` is the cursor of the source that the lane stands in. A move that needs a block which
 * is not in memory gives false and stays pending: `load` brings the block, `resume` makes the move
 * again. Lanes are compared by where they stand, so a merge is an ordered list of lanes.
 * Twin: native/view/lane.h
 */
import { KEY_TRAILER_BYTES, compareBytes } from '../format/key.js'
import { fixed32 } from '../format/coding.js'
import type { EntryCursor } from './entries.js'
import type { OwnSource } from './view.js'

type Move = 'none' | 'edge' | 'seek' | 'step'

/** Opens a source's cursor: for a scan or for a merge. */
export type OpenSource = (source: OwnSource) => EntryCursor

const NO_BYTES = new Uint8Array(0)

export class Lane {
  cursor: EntryCursor | undefined
  #index = 0
  #move: Move = 'none'
  #key: Uint8Array = NO_BYTES
  #high = 0
  #low = 0

  /** `age` breaks ties: the newer run has the lower number. */
  constructor(
    readonly sources: readonly OwnSource[],
    readonly age: number,
    readonly reverse: boolean,
    readonly open: OpenSource,
  ) {}

  get valid(): boolean {
    return this.cursor !== undefined && this.cursor.valid
  }

  /** To the first entry of the run; reverse: to the last. */
  toEdge(): boolean {
    this.#enter(this.reverse ? this.sources.length - 1 : 0, 'edge')
    return this.resume()
  }

  /** To the first entry at or after the internal key; reverse: to the last before it. */
  seek(key: Uint8Array, high: number, low: number): boolean {
    this.#key = key
    this.#high = high
    this.#low = low
    const index = this.reverse
      ? lastBefore(this.sources, key, high, low)
      : firstNotBefore(this.sources, key, high, low)
    this.#enter(index, 'seek')
    return this.resume()
  }

  /** To the next entry; reverse: to the previous. */
  step(): boolean {
    const cursor = this.cursor!
    if (!(this.reverse ? cursor.previous() : cursor.next())) {
      this.#move = 'step'
      return false
    }
    return cursor.valid || this.#nextSource()
  }

  /** Makes the pending move; false while a block is missing. */
  resume(): boolean {
    const { cursor } = this
    if (cursor === undefined || this.#move === 'none') return true
    if (!this.#tryMove(cursor)) return false
    this.#move = 'none'
    return cursor.valid || this.#nextSource()
  }

  async load(): Promise<void> {
    await this.cursor?.load()
  }

  close(): void {
    this.cursor?.close()
    this.cursor = undefined
    this.#move = 'none'
  }

  #tryMove(cursor: EntryCursor): boolean {
    if (this.#move === 'edge') return this.reverse ? cursor.last() : cursor.first()
    if (this.#move === 'step') return this.reverse ? cursor.previous() : cursor.next()
    return this.reverse
      ? cursor.seekBefore(this.#key, this.#high, this.#low)
      : cursor.seek(this.#key, this.#high, this.#low)
  }

  /** Opens the source `index`, unless the lane stands in it; outside the run there is none. */
  #enter(index: number, move: Move): void {
    if (index !== this.#index || this.cursor === undefined) {
      this.cursor?.close()
      const source = this.sources[index]
      this.cursor = source === undefined ? undefined : this.open(source)
      this.#index = index
    }
    this.#move = move
  }

  #nextSource(): boolean {
    this.#enter(this.#index + (this.reverse ? -1 : 1), 'edge')
    return this.resume()
  }
}

/**
 * Order of two lanes by their entries: user key, then newest version first, then age. Both stand
 * at an entry.
 */
export function compareLanes(a: Lane, b: Lane): number {
  const x = a.cursor!
  const y = b.cursor!
  const order = compareBytes(x.keyBytes, x.keyStart, x.keyEnd, y.keyBytes, y.keyStart, y.keyEnd)
  if (order !== 0) return order
  if (x.high !== y.high) return y.high - x.high
  if (x.low !== y.low) return y.low - x.low
  return a.age - b.age
}

/**
 * Puts a lane among `lanes`, which are ordered (reverse lanes: largest entry first). `from` is the
 * first place that it may take.
 */
export function placeLane(lanes: Lane[], lane: Lane, from: number): void {
  let low = from
  let high = lanes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compareLanes(lanes[middle]!, lane)
    if (lane.reverse ? order > 0 : order < 0) low = middle + 1
    else high = middle
  }
  lanes.splice(low, 0, lane)
}

/**
 * Brings the first of ordered lanes to its place after a step that it made. Nothing moves while
 * it stays the first, so a long stretch of one source costs one comparison an entry.
 */
export function replaceFirst(lanes: Lane[]): void {
  const lane = lanes[0]!
  const count = lanes.length
  const { reverse } = lane
  let low = 1
  let high = count
  let middle = 1
  while (low < high) {
    const order = compareLanes(lanes[middle]!, lane)
    if (reverse ? order > 0 : order < 0) low = middle + 1
    else high = middle
    middle = (low + high) >>> 1
  }
  for (let i = 1; i < low; i++) lanes[i - 1] = lanes[i]!
  lanes[low - 1] = lane
}

/** Order of an internal key against (key, high, low). */
export function compareInternalTo(
  internal: Uint8Array,
  key: Uint8Array,
  high: number,
  low: number,
): number {
  const userEnd = internal.length - KEY_TRAILER_BYTES
  const order = compareBytes(internal, 0, userEnd, key, 0, key.length)
  if (order !== 0) return order
  const other = fixed32(internal, userEnd + 4)
  return high !== other ? high - other : low - fixed32(internal, userEnd)
}

/** The first source whose largest key is at or after the internal key; their number if none. */
export function firstNotBefore(
  sources: readonly OwnSource[],
  key: Uint8Array,
  high: number,
  low: number,
): number {
  let from = 0
  let to = sources.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const source = sources[middle]!
    const before =
      source.kind === 'table' && compareInternalTo(source.meta.largest, key, high, low) < 0
    if (before) from = middle + 1
    else to = middle
  }
  return from
}

/** The last source whose smallest key is before the internal key; -1 if none. */
function lastBefore(
  sources: readonly OwnSource[],
  key: Uint8Array,
  high: number,
  low: number,
): number {
  let from = 0
  let to = sources.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const source = sources[middle]!
    const before =
      source.kind === 'memtable' || compareInternalTo(source.meta.smallest, key, high, low) < 0
    if (before) from = middle + 1
    else to = middle
  }
  return from - 1
}
