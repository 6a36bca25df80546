/**
 * TableWriter: sorted entries in, a table file out, as LevelDB writes it: byte for byte but for
 * what Snappy leaves to an encoder.
 *
 * A data block is finished by the add that fills it; its index entry waits for the next key, so
 * that the separator can be short. Finished blocks gather in one of two buffers: `flush` hands one
 * to the disk while `add` goes on in the other. The blocks behind the data stand in the order
 * filter, properties, metaindex, index, footer.
 * Format: docs/format/table.md
 * Twin: native/table/writer.h
 */
import { crc32c } from '../checksum/crc32c.js'
import {
  BLOCK_COMPRESS_DIVISOR,
  BLOCK_INDEX_RESTART_INTERVAL,
  BLOCK_KIND_NONE,
  BLOCK_KIND_SNAPPY,
  BLOCK_TRAILER_BYTES,
} from '../format/block.js'
import { maskCrc } from '../format/checksum.js'
import { putFixed32 } from '../format/coding.js'
import type { TableMeta } from '../format/edit.js'
import { FILTER_NAME } from '../format/filter.js'
import {
  KEY_TRAILER_BYTES,
  KEY_TYPE_DELETION,
  compareInternal,
  internalSeparator,
  internalSuccessor,
  trailerSequence,
} from '../format/key.js'
import {
  TABLE_PROPERTIES_NAME,
  encodeFooter,
  encodeHandle,
  encodeProperties,
} from '../format/table.js'
import type { BlockHandle, TableProperties } from '../format/table.js'
import type { StorageFile } from '../io/files.js'
import type { TableOptions } from '../plane.js'
import { BlockWriter, copyBytes } from './block.js'
import { FilterBlockWriter } from './filter.js'
import { snappy, snappyRoom } from './snappy.js'

const BUFFER_BYTES = 256 * 1024

export class TableWriter {
  readonly #file: StorageFile
  readonly #number: number
  readonly #blockSizeBytes: number
  readonly #compression: boolean
  readonly #data: BlockWriter
  readonly #index = new BlockWriter(BLOCK_INDEX_RESTART_INTERVAL)
  readonly #metaindex: BlockWriter
  readonly #filter: FilterBlockWriter | undefined
  /** The present and the last internal key; they change places. */
  #key = new Uint8Array(64)
  #last = new Uint8Array(64)
  #lastLength = 0
  #smallest = new Uint8Array(0)
  /** The finished block whose index entry waits for the next key. */
  #waiting: BlockHandle | undefined
  /** Finished blocks that are not written yet. */
  #pending = new Uint8Array(BUFFER_BYTES)
  #pendingEnd = 0
  #spare = new Uint8Array(0)
  /** Bytes handed to the file. */
  #written = 0
  #writing: Promise<void> = Promise.resolve()
  #entries = 0
  #deletions = 0
  #keyBytes = 0
  #valueBytes = 0
  #smallestSequence = Infinity
  #largestSequence = 0

  /** Writes to an empty file; the caller closes it, and removes it when anything fails. */
  constructor(file: StorageFile, number: number, options: TableOptions) {
    this.#file = file
    this.#number = number
    this.#blockSizeBytes = options.blockSizeBytes
    this.#compression = options.compression
    this.#data = new BlockWriter(options.restartInterval)
    this.#metaindex = new BlockWriter(options.restartInterval)
    if (options.filterBits > 0) this.#filter = new FilterBlockWriter(options.filterBits)
  }

  get entries(): number {
    return this.#entries
  }

  /** Bytes of all finished blocks, trailers included: policy reads it. */
  get sizeBytes(): number {
    return this.#written + this.#pendingEnd
  }

  /** Bytes of finished blocks that no `flush` has taken yet. */
  get pendingBytes(): number {
    return this.#pendingEnd
  }

  /**
   * Appends an entry: user key, the two words of its trailer, and value. Entries come in the
   * order of internal keys; a RangeError says that they do not.
   */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    high: number,
    low: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const user = keyEnd - keyStart
    const length = user + KEY_TRAILER_BYTES
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2)
    const key = this.#key
    copyBytes(key, 0, keyBytes, keyStart, keyEnd)
    putFixed32(key, user, low)
    putFixed32(key, user + 4, high)
    if (this.#entries === 0) this.#smallest = key.slice(0, length)
    else if (compareInternal(this.#last, 0, this.#lastLength, key, 0, length) >= 0)
      throw new RangeError('table entries must come in the order of their internal keys')
    if (this.#waiting !== undefined) this.#indexBlock(this.#waiting, key.subarray(0, length))

    this.#filter?.addKey(key, 0, user)
    this.#data.add(key, length, valueBytes, valueStart, valueEnd)
    this.#count(user, high, low, valueEnd - valueStart)
    this.#key = this.#last
    this.#last = key
    this.#lastLength = length
    if (this.#data.sizeBytes >= this.#blockSizeBytes) this.#finishData()
  }

  /**
   * Writes the finished blocks. `add` may go on while that is under way; a second flush waits for
   * the first. Rejects when a write fails, and from then on always: who does not await it hears of
   * that from `finish`.
   */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writePending())
    this.#writing.catch(() => {})
    return this.#writing
  }

  /** Writes what is left; the sync is the caller's. There must be an entry. */
  async finish(): Promise<TableMeta> {
    if (this.#entries === 0) throw new RangeError('a table needs an entry')
    this.#finishData()
    const last = this.#last.subarray(0, this.#lastLength)
    this.#indexBlock(this.#waiting!, undefined)
    const properties: TableProperties = {
      entries: this.#entries,
      deletions: this.#deletions,
      keyBytes: this.#keyBytes,
      valueBytes: this.#valueBytes,
      smallestSequence: this.#smallestSequence,
      largestSequence: this.#largestSequence,
    }
    const filter = this.#filter && this.#append(this.#filter.finish(), false)
    this.#name(TABLE_PROPERTIES_NAME, this.#append(encodeProperties(properties), false))
    if (filter !== undefined) this.#name(FILTER_NAME, filter)
    const metaindex = this.#append(this.#metaindex.finish(), this.#compression)
    const index = this.#append(this.#index.finish(), this.#compression)
    this.#appendBytes(encodeFooter({ metaindex, index }))
    await this.flush()
    return {
      number: this.#number,
      sizeBytes: this.#written,
      smallest: this.#smallest,
      largest: last.slice(),
      properties,
    }
  }

  #count(keyBytes: number, high: number, low: number, valueBytes: number): void {
    const sequence = trailerSequence(high, low)
    this.#entries++
    if ((low & 0xff) === KEY_TYPE_DELETION) this.#deletions++
    this.#keyBytes += keyBytes
    this.#valueBytes += valueBytes
    if (sequence < this.#smallestSequence) this.#smallestSequence = sequence
    if (sequence > this.#largestSequence) this.#largestSequence = sequence
  }

  #finishData(): void {
    if (this.#data.empty) return
    this.#waiting = this.#append(this.#data.finish(), this.#compression)
    this.#filter?.startBlock(this.sizeBytes)
  }

  /** Adds the index entry of a block; `next` is the key behind it, if there is one. */
  #indexBlock(block: BlockHandle, next: Uint8Array | undefined): void {
    const last = this.#last.subarray(0, this.#lastLength)
    const separator = next === undefined ? internalSuccessor(last) : internalSeparator(last, next)
    const handle = encodeHandle(block)
    this.#index.add(separator, separator.length, handle, 0, handle.length)
    this.#waiting = undefined
  }

  #name(name: string, block: BlockHandle): void {
    const key = new Uint8Array(Buffer.from(name, 'latin1'))
    const handle = encodeHandle(block)
    this.#metaindex.add(key, key.length, handle, 0, handle.length)
  }

  /** Appends a block with its trailer, compressed where that is asked for and saves enough. */
  #append(contents: Uint8Array, compress: boolean): BlockHandle {
    const offset = this.sizeBytes
    const most = compress ? snappyRoom(contents.length) : contents.length
    this.#room(most + BLOCK_TRAILER_BYTES)
    const start = this.#pendingEnd
    const enough = contents.length - Math.floor(contents.length / BLOCK_COMPRESS_DIVISOR)
    let kind = BLOCK_KIND_SNAPPY
    let end = compress ? snappy(contents, this.#pending, start) : Infinity
    if (end - start >= enough) {
      kind = BLOCK_KIND_NONE
      this.#pending.set(contents, start)
      end = start + contents.length
    }
    this.#pending[end] = kind
    const crc = crc32c(this.#pending, 0, start, end + 1)
    this.#pendingEnd = putFixed32(this.#pending, end + 1, maskCrc(crc))
    return { offset, sizeBytes: end - start }
  }

  #appendBytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#pending.set(bytes, this.#pendingEnd)
    this.#pendingEnd += bytes.length
  }

  #room(more: number): void {
    const need = this.#pendingEnd + more
    if (need <= this.#pending.length) return
    const grown = new Uint8Array(Math.max(need, this.#pending.length * 2))
    grown.set(this.#pending.subarray(0, this.#pendingEnd))
    this.#pending = grown
  }

  async #writePending(): Promise<void> {
    if (this.#pendingEnd === 0) return
    const taken = this.#pending
    const bytes = taken.subarray(0, this.#pendingEnd)
    const position = this.#written
    this.#pending = this.#spare.length > 0 ? this.#spare : new Uint8Array(BUFFER_BYTES)
    this.#spare = new Uint8Array(0)
    this.#pendingEnd = 0
    this.#written += bytes.length
    await this.#file.write(bytes, position)
    this.#spare = taken
  }
}
