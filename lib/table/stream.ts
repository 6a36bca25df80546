/**
 * A walk over a whole table from front to back, past the block cache: the source of merges.
 *
 * Reads STREAM_CHUNK_BYTES of adjacent blocks at a time, into two buffers in turn: while the
 * entries of one are walked, the other is filled. Verifies every block, and that keys rise, so
 * that a merge never hands damage on: it fails, or (for a repair) skips and tells what is damaged.
 * Twin: native/table/stream.h
 */
import { StoreError, corruption } from '../errors.js'
import type { MergeDamage } from '../plane.js'
import type { EntryCursor } from '../view/entries.js'
import type { Block } from './block.js'
import { blockContents } from './block.js'
import { tableName } from '../format/names.js'
import { parseDataBlock } from './files.js'
import type { OpenTable, TableFiles, TableHandle } from './files.js'
import type { TableIndex } from './handles.js'
import { requireAll } from './open.js'
import { BlockWalk } from './walk.js'

const DAMAGED = Symbol('damaged')

function isDamage(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'CAIRN_CORRUPTION'
}

export const STREAM_CHUNK_BYTES = 256 * 1024

/** Blocks [from, to) as they lie in the file. */
interface Chunk {
  readonly from: number
  readonly to: number
  readonly bytes: Uint8Array
}

/** The first block behind `from` that does not fit into one chunk with it; larger ones go alone. */
export function chunkEnd(index: TableIndex, from: number): number {
  const start = index.offsets[from]!
  let to = from + 1
  while (to < index.count && index.end(to) - start <= STREAM_CHUNK_BYTES) to++
  return to
}

export class TableStream extends BlockWalk implements EntryCursor {
  /** Bytes of the file read so far. */
  bytesRead = 0
  readonly #files: TableFiles
  readonly #handle: TableHandle
  #open: OpenTable | undefined
  /** The block that the present entry lies in. */
  #ordinal = -1
  #wanted = 0
  #chunk: Chunk | undefined
  /** The chunk behind `#chunk`, on its way since the walk entered that. */
  #ahead: { readonly from: number; readonly chunk: Promise<Chunk> } | undefined
  /** The last read begun; the file stays open until it has settled. */
  #reading: Promise<unknown> = Promise.resolve()
  readonly #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)]
  /** The buffer that the next read fills. */
  #turn = 0
  #closed = false
  readonly #onDamage: ((damage: MergeDamage) => void) | undefined
  /** Blocks that were told as damaged; all of the table when it can not be opened. */
  readonly #damaged = new Set<number>()
  #unreadable = false

  constructor(files: TableFiles, handle: TableHandle, onDamage?: (damage: MergeDamage) => void) {
    super()
    this.#files = files
    this.#handle = handle
    this.#onDamage = onDamage
  }

  first(): boolean {
    if (this.#unreadable || this.#open?.parts.index.count === 0) return this.#end()
    return this.#toFirst(0)
  }

  seek(key: Uint8Array, high: number, low: number): boolean {
    if (this.#open === undefined) return false
    const { index } = this.#open.parts
    const ordinal = index.seek(key, high, low)
    if (ordinal === index.count) return this.#end()
    const block = this.#require(ordinal)
    if (block === undefined) return false
    if (block === DAMAGED) return this.#toFirst(ordinal + 1)
    if (!this.enterAt(block, key, high, low))
      return ordinal + 1 === index.count ? this.#end() : this.#toFirst(ordinal + 1)
    this.#entered(ordinal)
    return true
  }

  next(): boolean {
    if (!this.atLast && !this.#damaged.has(this.#ordinal)) {
      if (this.rises(undefined)) return this.stepNext()
      this.#tell(this.#ordinal, this.#fallen(this.#ordinal))
    }
    return this.#toFirst(this.#ordinal + 1, true)
  }

  last(): never {
    throw new TypeError('a stream goes forward only')
  }

  seekBefore(): never {
    throw new TypeError('a stream goes forward only')
  }

  previous(): never {
    throw new TypeError('a stream goes forward only')
  }

  async load(): Promise<void> {
    if (this.#open === undefined) {
      const open = await this.#acquire()
      if (open === undefined) return
      if (this.#closed) return this.#files.release(open)
      this.#open = open
    }
    const wanted = this.#wanted
    if (this.#open.parts.index.count === 0 || this.#holds(wanted)) return
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead === undefined) {
      this.#chunk = await this.#read(wanted)
    } else if (ahead.from === wanted) {
      this.#chunk = await ahead.chunk
    } else {
      // What was on its way is not wanted after all: read into its buffer, not over the entry.
      await ahead.chunk.catch(() => {})
      this.#turn = 1 - this.#turn
      this.#chunk = await this.#read(wanted)
    }
  }

  loadSync(): never {
    throw new TypeError('a stream reads asynchronously only')
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.valid = false
    const open = this.#open
    if (open === undefined) return
    const release = (): void => this.#files.release(open)
    this.#reading.then(release, release)
  }

  #end(): true {
    this.valid = false
    return true
  }

  /** To the first entry of the first sound block from `from` on; `rising`: past this entry. */
  #toFirst(from: number, rising = false): boolean {
    const { count } = this.#open?.parts.index ?? { count: 1 }
    for (let ordinal = from; ordinal < count; ordinal++) {
      if (this.#damaged.has(ordinal)) continue
      const block = this.#require(ordinal)
      if (block === undefined) return false
      if (block === DAMAGED) continue
      if (rising && !this.rises(block)) {
        this.#tell(ordinal, this.#fallen(ordinal))
        continue
      }
      this.enterFirst(block)
      this.#entered(ordinal)
      return true
    }
    return this.#end()
  }

  /** Opens the table; undefined when it is damaged beyond reading and that was told. */
  async #acquire(): Promise<OpenTable | undefined> {
    try {
      return await this.#files.acquire(this.#handle)
    } catch (error) {
      if (this.#onDamage === undefined || !isDamage(error)) throw error
      this.#unreadable = true
      const { number, sizeBytes } = this.#handle.meta
      const file = error.file ?? tableName(number)
      this.#onDamage({ file, offset: error.offset ?? 0, bytes: sizeBytes, reason: error.message })
      return undefined
    }
  }

  /** Reports a damaged block and leaves it out from now on; throws when nobody wants to hear. */
  #tell(ordinal: number, error: unknown): void {
    if (this.#onDamage === undefined || !isDamage(error)) throw error
    this.#damaged.add(ordinal)
    const { file, parts } = this.#open!
    const offset = parts.index.offsets[ordinal]!
    const bytes = parts.index.end(ordinal) - offset
    this.#onDamage({ file: file.name, offset, bytes, reason: error.message })
  }

  #holds(ordinal: number): boolean {
    const chunk = this.#chunk
    return chunk !== undefined && ordinal >= chunk.from && ordinal < chunk.to
  }

  #require(ordinal: number): Block | typeof DAMAGED | undefined {
    if (!this.#holds(ordinal)) {
      this.#wanted = ordinal
      return undefined
    }
    const chunk = this.#chunk!
    const { file, parts } = this.#open!
    const { offsets, sizes } = parts.index
    const offset = offsets[ordinal]!
    const start = offset - offsets[chunk.from]!
    try {
      const contents = blockContents(chunk.bytes, start, sizes[ordinal]!, file.name, offset)
      return parseDataBlock(contents, file.name, offset)
    } catch (error) {
      this.#tell(ordinal, error)
      return DAMAGED
    }
  }

  #entered(ordinal: number): void {
    this.#ordinal = ordinal
    const { to } = this.#chunk!
    // Not before a move into the chunk: until then the entry in the other buffer holds.
    if (this.#ahead !== undefined || to === this.#open!.parts.index.count) return
    const chunk = this.#read(to)
    chunk.catch(() => {})
    this.#ahead = { from: to, chunk }
  }

  async #read(from: number): Promise<Chunk> {
    const { file, parts } = this.#open!
    const to = chunkEnd(parts.index, from)
    const offset = parts.index.offsets[from]!
    const length = parts.index.end(to - 1) - offset
    const turn = this.#turn
    this.#turn = 1 - turn
    let buffer = this.#buffers[turn]!
    if (buffer.length < length)
      buffer = this.#buffers[turn] = new Uint8Array(Math.max(length, STREAM_CHUNK_BYTES))
    const bytes = buffer.subarray(0, length)
    const reading = file.read(bytes, offset)
    this.#reading = reading
    const count = await reading
    // Past the end there is nothing: zeros never pass for a block.
    if (this.#onDamage !== undefined) bytes.fill(0, count)
    else requireAll(file, count, bytes, offset)
    this.bytesRead += length
    return { from, to, bytes }
  }

  #fallen(ordinal: number): Error {
    const { file, parts } = this.#open!
    return corruption(file.name, parts.index.offsets[ordinal]!, 'keys out of order')
  }
}
