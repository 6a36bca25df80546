/**
 * Arena: the bytes of a memtable's records and one row of numbers per entry.
 *
 * Records are copied once, whole runs at a time, into chunks that never move, so that a range of
 * bytes which a cursor handed out stays right while the memtable grows. An entry is a row of
 * ENTRY_WORDS words in one flat array and is named by its row number; rows are never changed.
 * Twin: native/memtable/arena.h
 */
import type { BatchReader } from '../format/batch.js'
import { trailerHigh, trailerLow } from '../format/key.js'

export const ENTRY_WORDS = 7
/** Words of a row. */
export const ENTRY_CHUNK = 0
export const ENTRY_KEY_START = 1
export const ENTRY_KEY_END = 2
export const ENTRY_VALUE_START = 3
export const ENTRY_VALUE_END = 4
export const ENTRY_HIGH = 5
export const ENTRY_LOW = 6

const FIRST_CHUNK_BYTES = 64 * 1024
const CHUNK_BYTES = 1024 * 1024
const FIRST_ROWS = 1024
/** Runs up to this many bytes are copied by a loop: cheaper than making a view. */
const LOOP_BYTES = 96

export class Arena {
  readonly chunks: Uint8Array[] = []
  rows = new Uint32Array(FIRST_ROWS * ENTRY_WORDS)
  count = 0
  #room = 0
  #end = 0
  #heldBytes = 0

  get memoryBytes(): number {
    return this.#heldBytes + this.rows.byteLength
  }

  /**
   * Adds up to `limit` records of `reader`, the first with index `from`; gives the index behind
   * the last. The end of the batch is checked with its last record. Throws FormatError on bad
   * bytes, and then nothing has changed.
   */
  add(reader: BatchReader, from: number, limit: number): number {
    const { count } = this
    const chunkCount = this.chunks.length
    const room = this.#room
    const end = this.#end
    const heldBytes = this.#heldBytes
    try {
      return this.#add(reader, from, limit)
    } catch (error) {
      this.count = count
      this.chunks.length = chunkCount
      this.#room = room
      this.#end = end
      this.#heldBytes = heldBytes
      throw error
    }
  }

  #add(reader: BatchReader, from: number, limit: number): number {
    const { bytes } = reader
    const to = Math.min(reader.count, from + limit)
    let runStart = reader.offset
    let runEnd = runStart
    for (let index = from; index < to; index++) {
      if (!reader.next()) break
      if (reader.offset - runStart > this.#room - this.#end) {
        this.#copy(bytes, runStart, runEnd)
        runStart = runEnd
        this.#grow(reader.offset - runStart, bytes.length - runStart)
      }
      this.#addRow(reader, runStart, reader.sequence + index)
      runEnd = reader.offset
    }
    if (to === reader.count) reader.next()
    this.#copy(bytes, runStart, runEnd)
    return to
  }

  #addRow(reader: BatchReader, runStart: number, sequence: number): void {
    let row = this.count * ENTRY_WORDS
    if (row === this.rows.length) {
      const grown = new Uint32Array(row * 2)
      grown.set(this.rows)
      this.rows = grown
    }
    const { rows } = this
    const shift = this.#end - runStart
    rows[row++] = this.chunks.length - 1
    rows[row++] = reader.keyStart + shift
    rows[row++] = reader.keyEnd + shift
    rows[row++] = reader.valueStart + shift
    rows[row++] = reader.valueEnd + shift
    rows[row++] = trailerHigh(sequence)
    rows[row] = trailerLow(sequence, reader.type)
    this.count++
  }

  /** Copies a run behind what the newest chunk holds; its rows point there already. */
  #copy(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return
    const chunk = this.chunks[this.chunks.length - 1]!
    let at = this.#end
    this.#end += end - start
    if (end - start > LOOP_BYTES) chunk.set(bytes.subarray(start, end), at)
    else while (start < end) chunk[at++] = bytes[start++]!
  }

  /** A new chunk: `need` bytes at least, and all that the batch still has if that is modest. */
  #grow(need: number, wanted: number): void {
    const usual = Math.min(CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, this.#heldBytes))
    this.#room = Math.max(need, usual, Math.min(wanted, 4 * CHUNK_BYTES))
    this.#end = 0
    this.#heldBytes += this.#room
    this.chunks.push(Buffer.allocUnsafeSlow(this.#room))
  }
}
