/**
 * Write batches: the record of a key-value journal, applied whole or not at all.
 *
 * A batch is a sequence, a count and that many records; record i has sequence + i. A batch of
 * count 0 is a mark (docs/format/journal.md). BatchWriter appends records to one growing buffer
 * without an object per record; BatchReader checks every length before it uses it.
 * Format: docs/format/batch.md
 */
import { StoreError } from '../errors.js'
import {
  FormatError,
  VARINT32_MAX_BYTES,
  fixed32,
  fixed64,
  putFixed32,
  putFixed64,
  putVarint,
} from './coding.js'
import { KEY_SEQUENCE_MAX, KEY_TYPE_DELETION, KEY_TYPE_VALUE } from './key.js'

export const BATCH_HEADER_BYTES = 12
export const BATCH_COUNT_OFFSET = 8
/** A value or key may take up to 2^31 - 1 bytes; no string reaches that. */
export const BATCH_DATUM_MAX_BYTES = 0x7fffffff

/** A key or value as callers give it; strings are written as UTF-8. */
export type Datum = string | Uint8Array

const INITIAL_BYTES = 16 * 1024
/** Strings up to this many UTF-16 units are written by a loop while they are ASCII. */
const ASCII_LOOP_UNITS = 64

/** Appends records to one buffer, behind room for the header. */
export class BatchWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #end = BATCH_HEADER_BYTES
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Bytes of the whole batch, header included. */
  get sizeBytes(): number {
    return this.#end
  }

  put(key: Datum, value: Datum): void {
    const start = this.#end
    try {
      this.#begin(KEY_TYPE_VALUE, key)
      this.#slice(value)
    } catch (error) {
      this.#end = start
      throw error
    }
    this.#count++
  }

  delete(key: Datum): void {
    const start = this.#end
    try {
      this.#begin(KEY_TYPE_DELETION, key)
    } catch (error) {
      this.#end = start
      throw error
    }
    this.#count++
  }

  /** Takes the records of another batch, which is empty then. */
  take(batch: BatchWriter): void {
    if (this.#count > 0) this.append(batch)
    else {
      // Buffers are exchanged rather than copied.
      const bytes = this.#bytes
      this.#bytes = batch.#bytes
      this.#end = batch.#end
      this.#count = batch.#count
      batch.#bytes = bytes
    }
    batch.clear()
  }

  /** Appends the records of another batch. */
  append(batch: BatchWriter): void {
    const length = batch.#end - BATCH_HEADER_BYTES
    this.#room(length)
    this.#bytes.set(batch.#bytes.subarray(BATCH_HEADER_BYTES, batch.#end), this.#end)
    this.#end += length
    this.#count += batch.#count
  }

  /** A batch of its own with the same records. */
  copy(): BatchWriter {
    const copy = new BatchWriter()
    copy.append(this)
    return copy
  }

  /** Writes the header and gives the batch as a view that holds until the next change. */
  stamp(sequence: number): Uint8Array {
    putFixed64(this.#bytes, 0, sequence)
    putFixed32(this.#bytes, BATCH_COUNT_OFFSET, this.#count)
    return this.#bytes.subarray(0, this.#end)
  }

  /** Empties the batch; keeps its buffer unless that grew beyond `keepBytes`. */
  clear(keepBytes = Infinity): void {
    if (this.#bytes.length > keepBytes) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
    this.#end = BATCH_HEADER_BYTES
    this.#count = 0
  }

  #begin(type: number, key: Datum): void {
    this.#room(1)
    this.#bytes[this.#end++] = type
    this.#slice(key)
  }

  #slice(datum: Datum): void {
    if (typeof datum !== 'string') {
      if (datum.length > BATCH_DATUM_MAX_BYTES)
        throw new StoreError(
          'CAIRN_LIMIT',
          `${datum.length} bytes in one key or value, over 2^31 - 1`,
        )
      this.#room(datum.length + VARINT32_MAX_BYTES)
      this.#end = putVarint(this.#bytes, this.#end, datum.length)
      this.#bytes.set(datum, this.#end)
      this.#end += datum.length
    } else if (datum.length > ASCII_LOOP_UNITS || !this.#ascii(datum)) {
      const length = Buffer.byteLength(datum)
      this.#room(length + VARINT32_MAX_BYTES)
      this.#end = putVarint(this.#bytes, this.#end, length)
      this.#bytes.write(datum, this.#end, length, 'utf8')
      this.#end += length
    }
  }

  /** Writes a short string if all of it is ASCII. */
  #ascii(text: string): boolean {
    const length = text.length
    this.#room(length + 1)
    const bytes = this.#bytes
    const start = this.#end
    bytes[start] = length
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) return false
      bytes[start + 1 + i] = code
    }
    this.#end = start + 1 + length
    return true
  }

  #room(more: number): void {
    const need = this.#end + more
    if (need <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(need, Math.min(this.#bytes.length * 2, 2 ** 32)))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}

/** A batch of count 0 that carries the next sequence: see docs/format/journal.md, marks. */
export function markBatch(nextSequence: number): Uint8Array {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES)
  putFixed64(bytes, 0, nextSequence)
  return bytes
}

export function batchCount(batch: Uint8Array): number {
  return fixed32(batch, BATCH_COUNT_OFFSET)
}

export function batchSequence(batch: Uint8Array): number {
  return fixed64(batch, 0)
}

/** Walks the records of a batch: after `next()` gave true, the fields tell one record. */
export class BatchReader {
  readonly sequence: number
  readonly count: number
  type = 0
  keyStart = 0
  keyEnd = 0
  valueStart = 0
  valueEnd = 0
  /** Offset behind the record that the fields tell. */
  offset: number
  #index = 0

  /** Throws FormatError when the header is cut short or the sequence is out of range. */
  constructor(readonly bytes: Uint8Array) {
    if (bytes.length < BATCH_HEADER_BYTES) throw new FormatError('batch is too short', 0)
    this.sequence = batchSequence(bytes)
    this.count = batchCount(bytes)
    this.offset = BATCH_HEADER_BYTES
    if (this.sequence + this.count > KEY_SEQUENCE_MAX)
      throw new FormatError('sequence over 2^53', 0)
  }

  /** Moves to the next record; false behind the last. Throws FormatError on bad bytes. */
  next(): boolean {
    if (this.#index === this.count) {
      if (this.offset !== this.bytes.length)
        throw new FormatError('bytes behind the last record', this.offset)
      return false
    }
    if (this.offset >= this.bytes.length)
      throw new FormatError('fewer records than the count says', this.offset)
    this.#index++
    this.type = this.bytes[this.offset++]!
    if (this.type > KEY_TYPE_VALUE) throw new FormatError('unknown record type', this.offset - 1)
    const keyLength = this.#length()
    this.keyStart = this.offset
    this.keyEnd = this.offset += keyLength
    const valueLength = this.type === KEY_TYPE_VALUE ? this.#length() : 0
    this.valueStart = this.offset
    this.valueEnd = this.offset += valueLength
    return true
  }

  /** Reads a varint32 length and checks that so many bytes follow. */
  #length(): number {
    const { bytes } = this
    const start = this.offset
    let value = 0
    let scale = 1
    for (let i = 0; i < VARINT32_MAX_BYTES; i++) {
      const byte = bytes[this.offset]
      if (byte === undefined) throw new FormatError('length cut short', start)
      this.offset++
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > bytes.length - this.offset) throw new FormatError('length past the end', start)
        return value
      }
      scale *= 0x80
    }
    throw new FormatError('length is too long', start)
  }
}

/** Throws FormatError unless every record of the batch is well-formed. */
export function checkBatch(batch: Uint8Array): void {
  const reader = new BatchReader(batch)
  while (reader.next());
}
