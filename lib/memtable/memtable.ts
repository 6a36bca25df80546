/**
 * Memtable: sorted entries in memory, the newest source of a view.
 *
 * An arena holds the records, a tree orders them; nothing is ever removed or changed, so that
 * cursors stay right while batches are applied between their moves. Writing fills the arena alone:
 * who looks brings the tree up to date, and who writes only where it has fallen far behind.
 * Twin: native/memtable/memtable.h
 */
import { BatchReader } from '../format/batch.js'
import { ABSENT } from '../plane.js'
import type { Memtable } from '../plane.js'
import {
  Arena,
  ENTRY_CHUNK,
  ENTRY_HIGH,
  ENTRY_LOW,
  ENTRY_VALUE_END,
  ENTRY_VALUE_START,
  ENTRY_WORDS,
} from './arena.js'
import { MemtableCursor } from './cursor.js'
import { MemtableStream } from './stream.js'
import { Tree } from './tree.js'

/** Where a lookup found its entry; its owner's, used again and again. */
export interface MemtableHit {
  high: number
  low: number
  valueBytes: Uint8Array
  valueStart: number
  valueEnd: number
}

export class TypescriptMemtable implements Memtable {
  readonly kind = 'memtable'
  bytes = 0
  #arena = new Arena()
  #tree: Tree | undefined = new Tree(this.#arena)
  /** Stands behind the last record applied while a batch is applied in parts. */
  #reader: BatchReader | undefined
  #readerIndex = 0

  get entries(): number {
    return this.#arena.count
  }

  get memoryBytes(): number {
    return this.#arena.memoryBytes + (this.#tree?.memoryBytes ?? 0)
  }

  /**
   * Applies records [from, from + limit) of a batch; gives the index behind the last. Throws
   * FormatError for bad bytes among them, and then nothing has changed. `bytes` counts a batch
   * when its last record is applied.
   */
  apply(batch: Uint8Array, from: number, limit: number): number {
    const tree = this.#openTree()
    if (!(limit >= 0)) throw new RangeError('the limit is negative')
    const reader = this.#readerAt(batch, from)
    this.#reader = undefined
    const to = this.#arena.add(reader, from, limit)
    if (tree.isFarBehind) tree.catchUp()
    if (to === reader.count) this.bytes += batch.length
    else {
      this.#reader = reader
      this.#readerIndex = to
    }
    return to
  }

  #readerAt(batch: Uint8Array, from: number): BatchReader {
    if (this.#reader?.bytes === batch && this.#readerIndex === from) return this.#reader
    const reader = new BatchReader(batch)
    if (!(Number.isInteger(from) && from >= 0 && from <= reader.count))
      throw new RangeError(`the batch has no record ${from}`)
    for (let i = 0; i < from; i++) reader.next()
    return reader
  }

  /** Newest entry of `key` with a trailer <= (high, low): fills `hit` and gives its type, or
   * ABSENT. */
  find(key: Uint8Array, high: number, low: number, hit: MemtableHit): number {
    const tree = this.#openTree()
    const { rows, chunks } = this.#arena
    tree.catchUp()
    const entry = tree.find(key, high, low)
    if (entry < 0) return ABSENT
    const row = entry * ENTRY_WORDS
    hit.high = rows[row + ENTRY_HIGH]!
    hit.low = rows[row + ENTRY_LOW]!
    hit.valueBytes = chunks[rows[row + ENTRY_CHUNK]!]!
    hit.valueStart = rows[row + ENTRY_VALUE_START]!
    hit.valueEnd = rows[row + ENTRY_VALUE_END]!
    return hit.low & 0xff
  }

  cursor(): MemtableCursor {
    return new MemtableCursor(this.#openTree())
  }

  /** For merges: forward only. */
  stream(): MemtableStream {
    this.#openTree()
    return new MemtableStream(this.#arena)
  }

  /** Lets go of the memory. Cursors that are open keep what they walk; every other use is a
   * TypeError from now on, because an emptied memtable would answer wrongly. */
  close(): void {
    this.#arena = new Arena()
    this.#tree = undefined
    this.#reader = undefined
  }

  #openTree(): Tree {
    if (this.#tree === undefined) throw new TypeError('the memtable is closed')
    return this.#tree
  }
}
