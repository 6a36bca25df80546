/**
 * Walk: one pass of an iterator over a range, page by page.
 *
 * `next()` fetches one entry at first and after a seek, then 16, 256 and 4,096 or as many as
 * 64 KiB hold, so that a short walk stays cheap; `nextv(size)` up to `size`. A fetch stops behind
 * the entry that brings its bytes over `highWaterMarkBytes`, and so always gives one. What is in
 * memory is given without a wait, so a walk lets timers run every few milliseconds. The snapshot is
 * the one of the call that made the iterator.
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
import type { Columns, Format, Rows } from './rows.js'
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

/** `next()` fetches so many entries at first, and so many times more each time. */
const FIRST_ENTRIES = 1
const GROWTH = 16
/** Pages up to this size come out of the pool of Buffers. */
const SMALL_PAGE_BYTES = 1024
const PAGE_MAX_ENTRIES = 4096
const PAGE_MAX_BYTES = 64 * 1024
/** Bytes that an entry is taken to have until some were seen. */
const ENTRY_BYTES = 128
/** Pages have room for entries somewhat larger than those before. */
const SLACK = 1.125
const NO_BYTES = new Uint8Array(0)
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
  readonly #rows: Rows<T>
  readonly #highWaterMark: number
  readonly #signal: AbortSignal | undefined
  readonly #page: Page = { bytes: NO_BYTES, ends: new Uint32Array(0) }
  /** Memory for pages; given away with rows that are views of it. */
  #slab: Uint8Array = NO_BYTES
  #ended = false
  /** Entries that the next fetch of `next()` is for. */
  #ahead = FIRST_ENTRIES
  /** About how many bytes an entry takes. */
  #entryBytes = ENTRY_BYTES
  /** How many more bytes `nextv` may gather. */
  #bytesLeft = 0

  constructor(tree: Tree, options: WalkOptions, columns: Columns, rows: Rows<T>) {
    this.#highWaterMark = readHighWaterMark(options)
    const at = LevelSnapshot.sequenceOf(tree, options.snapshot)
    this.#bounds = {
      ...scanBounds(options),
      keys: columns.key !== undefined,
      values: columns.value !== undefined,
      fillCache: options.fillCache === true,
    }
    this.#rows = rows
    this.#signal = options.signal ?? undefined
    this.#cursor = tree.cursor(this.#bounds, at)
  }

  /** Rows that are fetched and not taken. */
  get left(): number {
    return this.#rows.left
  }

  /** The next row; only when some are left. */
  take(): T {
    return this.#rows.take()
  }

  /** Many rows will be asked for: the first fetch need not be for one alone. */
  expectMany(): void {
    if (this.#ahead === FIRST_ENTRIES) this.#ahead *= GROWTH
  }

  /** The next row; `limit` rows at most may be fetched ahead, this one included. */
  next(limit: number): T | undefined | Promise<T | undefined> {
    const rows = this.#rows
    if (rows.left > 0) return rows.take()
    if (this.#ended) return undefined
    const entries = Math.min(limit, this.#ahead)
    if (this.#ahead < PAGE_MAX_ENTRIES) this.#ahead *= GROWTH
    const fetched = this.#fetch(entries, this.#highWaterMark)
    if (fetched !== undefined) return fetched.then(() => this.#first())
    return this.#first()
  }

  /** Up to `size` rows, and not more than about the high-water mark; none at the end. */
  nextv(size: number): T[] | Promise<T[]> {
    this.#bytesLeft = this.#highWaterMark
    const rows: T[] = []
    if (this.#rows.left === 0) return this.#gather(size, rows)
    this.#drain(size, rows)
    return rows
  }

  /** All rows that are left, up to `limit`. */
  rest(limit: number): T[] | Promise<T[]> {
    this.#bytesLeft = Infinity
    const rows: T[] = []
    this.#drain(limit, rows)
    return this.#gather(limit, rows)
  }

  seek(target: Target): void {
    const key = ownBytes(target)
    this.#rows.clear()
    this.#ahead = FIRST_ENTRIES
    this.#ended = outside(key, this.#bounds)
    if (!this.#ended) this.#cursor.seek(key)
  }

  close(): void {
    this.#rows.clear()
    this.#slab = NO_BYTES
    this.#page.bytes = NO_BYTES
    this.#ended = true
    this.#cursor.close()
  }

  #first(): T | undefined {
    return this.#rows.left > 0 ? this.#rows.take() : undefined
  }

  #drain(size: number, into: T[]): void {
    const rows = this.#rows
    for (let more = Math.min(rows.left, size - into.length); more > 0; more--)
      into.push(rows.take())
  }

  #gather(size: number, into: T[]): T[] | Promise<T[]> {
    while (!this.#ended && into.length < size && this.#bytesLeft >= 0) {
      const fetched = this.#fetch(size - into.length, this.#bytesLeft)
      if (fetched !== undefined)
        return fetched.then(() => {
          this.#drain(size, into)
          return this.#gather(size, into)
        })
      this.#drain(size, into)
    }
    return into
  }

  /** Turns to the next page, of up to so many entries and bytes; a promise where that waits. */
  #fetch(entries: number, bytes: number): Promise<void> | undefined {
    // An abort right behind this call must still be seen.
    if (this.#signal !== undefined)
      return this.#fetchLater(entries, bytes, Promise.resolve(undefined))
    return this.#fetchNow(entries, bytes)
  }

  #fetchNow(entries: number, bytes: number): Promise<void> | undefined {
    if (isLongTurn()) return this.#fetchLater(entries, bytes, nextTurn(undefined))
    try {
      const count = this.#cursor.next(this.#page, this.#preparePage(entries, bytes))
      if (typeof count !== 'number') return this.#fetchLater(entries, bytes, count)
      this.#open(count)
      return undefined
    } catch (error) {
      throw translate(error)
    }
  }

  /** Goes on when `waiting` settles: with the count of the entries in the page, if any. */
  async #fetchLater(
    entries: number,
    bytes: number,
    waiting: Promise<number | undefined>,
  ): Promise<void> {
    let count
    try {
      count = await waiting
    } catch (error) {
      throw translate(error)
    }
    if (this.#signal?.aborted === true) throw aborted()
    if (count === undefined) await this.#fetchNow(entries, bytes)
    else this.#open(count)
  }

  /** Lends the page its memory; gives the most entries that it has room for. */
  #preparePage(entries: number, bytes: number): number {
    const wanted = Math.min(entries, PAGE_MAX_ENTRIES)
    const room = Math.max(SMALL_PAGE_BYTES, wanted * this.#entryBytes)
    const sizeBytes = Math.min(bytes, room, PAGE_MAX_BYTES)
    if (this.#slab.length < sizeBytes) this.#slab = memoryOf(sizeBytes)
    this.#page.bytes =
      this.#slab.length === sizeBytes ? this.#slab : this.#slab.subarray(0, sizeBytes)
    // Only a key may be empty, and only one: more entries than bytes can come only without keys.
    const limit = Math.min(wanted, sizeBytes + 1)
    if (this.#page.ends.length < 2 * limit) this.#page.ends = new Uint32Array(2 * limit)
    return limit
  }

  #open(count: number): void {
    if (count === 0) {
      this.#ended = true
      return
    }
    const bytes = this.#page.ends[2 * count - 1]!
    this.#bytesLeft -= bytes
    this.#entryBytes = Math.ceil((bytes / count) * SLACK)
    if (this.#rows.open(this.#page, count)) this.#slab = NO_BYTES
  }
}

function memoryOf(sizeBytes: number): Uint8Array {
  return sizeBytes <= SMALL_PAGE_BYTES
    ? Buffer.allocUnsafe(sizeBytes)
    : Buffer.allocUnsafeSlow(sizeBytes)
}
