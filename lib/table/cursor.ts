/**
 * A walk over a table through the block cache, in both directions: the source of scans.
 *
 * A move that needs a block which is neither cached nor held by the cursor changes nothing and
 * gives false; `load` brings it, and the cursor holds what was loaded until the next load, so
 * that it gets on with a cache of any size, and whether or not the table was closed meanwhile.
 * Loads that follow one another double their reach, up to READ_AHEAD_BYTES in one read.
 * Twin: native/table/cursor.h
 */
import type { EntryCursor } from '../view/entries.js'
import type { Block } from './block.js'
import type { TableFiles, TableHandle } from './files.js'
import type { TableIndex } from './handles.js'
import { BlockWalk, startsBefore } from './walk.js'

const READ_AHEAD_MIN_BYTES = 16 * 1024
const READ_AHEAD_BYTES = 128 * 1024
/** Nothing but the table itself has to be opened. */
const NO_BLOCK = -1

export class TableCursor extends BlockWalk implements EntryCursor {
  readonly #files: TableFiles
  readonly #handle: TableHandle
  readonly #fillCache: boolean
  /** Kept from the first opening on: the file does not change. */
  #index: TableIndex | undefined
  /** The block that the present entry lies in. */
  #ordinal = 0
  /** What the last move missed. */
  #wanted = NO_BLOCK
  /** Blocks [#heldFrom, #heldFrom + #held.length), from the last load. */
  #held: Block[] = []
  #heldFrom = 0
  #reachBytes = 0

  constructor(files: TableFiles, handle: TableHandle, fillCache: boolean) {
    super()
    this.#files = files
    this.#handle = handle
    this.#fillCache = fillCache
  }

  first(): boolean {
    const index = this.#requireIndex()
    if (index === undefined) return false
    return index.count === 0 ? this.#end() : this.#toFirst(0)
  }

  last(): boolean {
    const index = this.#requireIndex()
    if (index === undefined) return false
    return index.count === 0 ? this.#end() : this.#toLast(index.count - 1)
  }

  seek(key: Uint8Array, high: number, low: number): boolean {
    const index = this.#requireIndex()
    if (index === undefined) return false
    const ordinal = index.seek(key, high, low)
    if (ordinal === index.count) return this.#end()
    const block = this.#require(ordinal)
    if (block === undefined) return false
    if (this.enterAt(block, key, high, low)) {
      this.#ordinal = ordinal
      return true
    }
    // The key lies between the block's last entry and its separator.
    return ordinal + 1 === index.count ? this.#end() : this.#toFirst(ordinal + 1)
  }

  seekBefore(key: Uint8Array, high: number, low: number): boolean {
    const index = this.#requireIndex()
    if (index === undefined) return false
    const ordinal = index.seek(key, high, low)
    if (ordinal === index.count) return this.last()
    const block = this.#require(ordinal)
    if (block === undefined) return false
    if (!startsBefore(block, key, high, low))
      return ordinal === 0 ? this.#end() : this.#toLast(ordinal - 1)
    if (this.enterAt(block, key, high, low)) this.stepPrevious()
    else this.enterLast(block)
    this.#ordinal = ordinal
    return true
  }

  next(): boolean {
    if (this.stepNext()) return true
    const ordinal = this.#ordinal + 1
    return ordinal === this.#index!.count ? this.#end() : this.#toFirst(ordinal)
  }

  previous(): boolean {
    if (this.stepPrevious()) return true
    return this.#ordinal === 0 ? this.#end() : this.#toLast(this.#ordinal - 1)
  }

  /** Brings what the last move missed. */
  async load(): Promise<void> {
    const open = await this.#files.acquire(this.#handle)
    try {
      this.#index = open.parts.index
      if (this.#wanted === NO_BLOCK) return
      const wanted = this.#wanted
      const [from, to] = this.#reach(open.blocks)
      const loaded = await open.loadRange(from, to, wanted, this.#fillCache)
      this.#hold(loaded.from, loaded.blocks)
    } finally {
      this.#files.release(open)
    }
  }

  /** The same, at once: one block at a time. */
  loadSync(): void {
    const open = this.#files.openSync(this.#handle)
    this.#index = open.parts.index
    if (this.#wanted === NO_BLOCK) return
    this.#hold(this.#wanted, [open.loadSync(this.#wanted, this.#fillCache)])
  }

  close(): void {
    this.#held = []
    this.valid = false
  }

  #end(): true {
    this.valid = false
    return true
  }

  #toFirst(ordinal: number): boolean {
    const block = this.#require(ordinal)
    if (block === undefined) return false
    this.enterFirst(block)
    this.#ordinal = ordinal
    return true
  }

  #toLast(ordinal: number): boolean {
    const block = this.#require(ordinal)
    if (block === undefined) return false
    this.enterLast(block)
    this.#ordinal = ordinal
    return true
  }

  #requireIndex(): TableIndex | undefined {
    this.#index ??= this.#files.opened(this.#handle)?.parts.index
    if (this.#index === undefined) this.#wanted = NO_BLOCK
    return this.#index
  }

  #require(ordinal: number): Block | undefined {
    if (this.block !== undefined && ordinal === this.#ordinal) return this.block
    const block =
      this.#held[ordinal - this.#heldFrom] ?? this.#files.opened(this.#handle)?.blocks[ordinal]
    if (block === undefined) this.#wanted = ordinal
    else block.referenced = true
    return block
  }

  /** Takes blocks [from, ...) in place of what was held, but for a neighbour: a seek may have to
   * look into two blocks side by side. */
  #hold(from: number, blocks: Block[]): void {
    const before = this.#held[from - 1 - this.#heldFrom]
    const behind = this.#held[from + blocks.length - this.#heldFrom]
    if (before !== undefined) blocks.unshift(before)
    if (behind !== undefined) blocks.push(behind)
    this.#held = blocks
    this.#heldFrom = before === undefined ? from : from - 1
  }

  /** The blocks to load for the wanted one: [from, to). */
  #reach(cached: readonly (Block | undefined)[]): [from: number, to: number] {
    const index = this.#index!
    let from = this.#wanted
    let to = from + 1
    const onward = this.#held.length > 0 && from === this.#heldFrom + this.#held.length
    const backward = this.#held.length > 0 && to === this.#heldFrom
    this.#reachBytes =
      onward || backward
        ? Math.min(Math.max(this.#reachBytes * 2, READ_AHEAD_MIN_BYTES), READ_AHEAD_BYTES)
        : 0
    const fits = (): boolean => index.end(to - 1) - index.offsets[from]! <= this.#reachBytes
    if (onward) while (to < index.count && cached[to] === undefined && fits()) to++
    if (backward) while (from > 0 && cached[from - 1] === undefined && fits()) from--
    return [from, to]
  }
}
