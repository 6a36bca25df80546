/**
 * Walk: one pass of an iterator over a range, page by page.
 *
 * `next()` fetches one entry at first and after a seek, then up to 1,000; `nextv(size)` up to
 * `size`. A fetch stops behind the entry that brings its bytes over `highWaterMarkBytes`, and so
 * always gives one. What is in memory is given without a wait, so a walk lets timers run every
 * few milliseconds. The snapshot is the one of the call that made the iterator.
 * Stands on: TreeCursor
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Datum as Target } from '../../format/batch.js'
import type { TreeCursor } from '../../lsm/reads.js'
import type { Tree } from '../../lsm/tree.js'
import type { Page, ScanBounds } from '../../plane.js'
import { aborted, translate } from './errors.js'
import { readHighWaterMark } from './options.js'
import { outside, ownBytes, scanBounds } from './range.js'
import type { EncodedRange } from './range.js'
import type { Columns, Format } from './rows.js'
import { LevelSnapshot } from './snapshot.js'

/** What abstract-level hands to `_iterator`, `_keys` and `_values`. */
export interface WalkOptions extends EncodedRange {
  readonly keyEncoding: Format
  readonly valueEncoding: Format
  readonly keys?: boolean
  readonly values?: boolean
  readonly fillCache?: boolean
  readonly highWaterMarkBytes?: number
  readonly signal?: AbortSignal | null
  readonly snapshot?: unknown
}

/** Appends a page's rows; gives whether they keep the page, so that it must not be filled again. */
type Decode<T> = (page: Page, count: number, columns: Columns, into: T[]) => boolean

const NEXT_ENTRIES = 1000
const FIRST_PAGE_BYTES = 1024
const PAGE_MAX_BYTES = 64 * 1024
/** How long the walks of one turn of the event loop may go on before it gets the next. */
const TURN_MS = 8

/** When a walk first fetched in this turn of the event loop; 0 before that. */
let turnStart = 0

function isLongTurn(): boolean {
  const now = performance.now()
  if (turnStart !== 0) return now - turnStart > TURN_MS
  turnStart = now
  setImmediate(() => {
    turnStart = 0
  })
  return false
}

/** One pass over a range. Rows are T: an entry or a datum. */
export class Walk<T> {
  readonly #cursor: TreeCursor
  readonly #bounds: ScanBounds
  readonly #columns: Columns
  readonly #decode: Decode<T>
  readonly #highWaterMark: number
  readonly #signal: AbortSignal | undefined
  readonly #page: Page = { bytes: new Uint8Array(0), ends: new Uint32Array(0) }
  /** Memory for pages; given away with rows that are views of it. */
  #slab = new Uint8Array(0)
  #ended = false
  #first = true
  /** What a fetch has gathered, and how much more it may. */
  #rows: T[] = []
  #limit = 0
  #bytesLeft = 0
  /** Rows fetched for `next()`, and how many of them are gone. */
  #ahead: T[] = []
  #taken = 0

  constructor(tree: Tree, options: WalkOptions, columns: Columns, decode: Decode<T>) {
    this.#highWaterMark = readHighWaterMark(options)
    const at = LevelSnapshot.sequenceOf(tree, options.snapshot)
    this.#bounds = {
      ...scanBounds(options),
      keys: columns.key !== undefined,
      values: columns.value !== undefined,
      fillCache: options.fillCache === true,
    }
    this.#columns = columns
    this.#decode = decode
    this.#signal = options.signal ?? undefined
    this.#cursor = tree.cursor(this.#bounds, at)
  }

  /** The next row; `limit` rows at most may be fetched ahead, this one included. */
  next(limit: number): T | undefined | Promise<T | undefined> {
    if (this.#taken < this.#ahead.length) return this.#ahead[this.#taken++]
    const rows = this.#fetch(this.#first ? 1 : Math.min(limit, NEXT_ENTRIES))
    return rows instanceof Promise ? rows.then((fetched) => this.#keep(fetched)) : this.#keep(rows)
  }

  nextv(size: number): T[] | Promise<T[]> {
    if (this.#taken === this.#ahead.length) return this.#fetch(size)
    const rows = this.#ahead.slice(this.#taken, this.#taken + size)
    this.#taken += rows.length
    return rows
  }

  seek(target: Target): void {
    const key = ownBytes(target)
    this.#ahead = []
    this.#taken = 0
    this.#first = true
    this.#ended = outside(key, this.#bounds)
    if (!this.#ended) this.#cursor.seek(key)
  }

  close(): void {
    this.#ahead = []
    this.#taken = 0
    this.#ended = true
    this.#cursor.close()
  }

  #keep(rows: T[]): T | undefined {
    this.#ahead = rows
    this.#taken = Math.min(1, rows.length)
    return rows[0]
  }

  #fetch(limit: number): T[] | Promise<T[]> {
    if (this.#ended) return []
    this.#first = false
    this.#rows = []
    this.#limit = limit
    this.#bytesLeft = this.#highWaterMark
    if (this.#signal === undefined) return this.#fill()
    // An abort right behind this call must still be seen.
    return this.#fillLater(Promise.resolve(undefined))
  }

  #fill(): T[] | Promise<T[]> {
    try {
      while (!this.#ended && this.#rows.length < this.#limit && this.#bytesLeft >= 0) {
        if (isLongTurn()) return this.#fillLater(nextTurn(undefined))
        const limit = this.#preparePage()
        const count = this.#cursor.next(this.#page, limit)
        if (typeof count !== 'number') return this.#fillLater(count)
        this.#take(count)
      }
    } catch (error) {
      throw translate(error)
    }
    return this.#rows
  }

  /** Goes on when `waiting` settles: with the count of the entries in the page, if any. */
  async #fillLater(waiting: Promise<number | undefined>): Promise<T[]> {
    let count
    try {
      count = await waiting
    } catch (error) {
      throw translate(error)
    }
    if (this.#signal?.aborted === true) throw aborted()
    if (count !== undefined) this.#take(count)
    return this.#fill()
  }

  /** Lends the page its memory; gives the most entries that it has room for. */
  #preparePage(): number {
    const wanted = this.#limit - this.#rows.length
    const room = wanted === 1 ? FIRST_PAGE_BYTES : PAGE_MAX_BYTES
    const sizeBytes = Math.min(this.#bytesLeft, room)
    if (this.#slab.length < sizeBytes) this.#slab = Buffer.allocUnsafeSlow(sizeBytes)
    this.#page.bytes = this.#slab.subarray(0, sizeBytes)
    // Only a key may be empty, and only one: more entries than bytes can come only without keys.
    const limit = Math.min(wanted, sizeBytes + 1)
    if (this.#page.ends.length < 2 * limit) this.#page.ends = new Uint32Array(2 * limit)
    return limit
  }

  #take(count: number): void {
    if (count === 0) {
      this.#ended = true
      return
    }
    const { ends } = this.#page
    this.#bytesLeft -= ends[2 * count - 1]!
    const kept = this.#decode(this.#page, count, this.#columns, this.#rows)
    if (kept) this.#slab = new Uint8Array(0)
  }
}
