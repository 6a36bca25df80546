/**
 * Integers and slices as they stand on disk: little-endian, base-128 varints, length prefixes.
 *
 * Numbers are JavaScript numbers up to 2^53 - 1; what is larger on disk is a FormatError.
 * Format: docs/format/batch.md (primitives).
 */

/** Bytes that do not follow their grammar. Callers add the file: see `corruption`. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  constructor(
    reason: string,
    /** Byte offset in the bytes that were decoded. */
    readonly offset: number,
  ) {
    super(reason)
  }
}

/** Bytes of a version that this code does not know: they may be whole. */
export class VersionError extends FormatError {}

export const VARINT32_MAX_BYTES = 5
export const VARINT64_MAX_BYTES = 10

export function varintLength(value: number): number {
  let length = 1
  while (value >= 0x80) {
    value = Math.floor(value / 0x80)
    length++
  }
  return length
}

/** Writes `value` (0 to 2^53 - 1) at `offset`; gives the offset behind it. */
export function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  while (value > 0x7fffffff) {
    bytes[offset++] = (value % 0x80) | 0x80
    value = Math.floor(value / 0x80)
  }
  while (value >= 0x80) {
    bytes[offset++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[offset++] = value
  return offset
}

export function putFixed32(bytes: Uint8Array, offset: number, value: number): number {
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value >>> 16
  bytes[offset + 3] = value >>> 24
  return offset + 4
}

export function fixed32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! |
      (bytes[offset + 1]! << 8) |
      (bytes[offset + 2]! << 16) |
      (bytes[offset + 3]! << 24)) >>>
    0
  )
}

/** Writes a number below 2^53 as 8 bytes. */
export function putFixed64(bytes: Uint8Array, offset: number, value: number): number {
  putFixed32(bytes, offset, value % 0x100000000)
  return putFixed32(bytes, offset + 4, Math.floor(value / 0x100000000))
}

/** Reads 8 bytes; exact below 2^53, rounded above: callers that care compare with the limit. */
export function fixed64(bytes: Uint8Array, offset: number): number {
  return fixed32(bytes, offset + 4) * 0x100000000 + fixed32(bytes, offset)
}

/** Reads fields one after the other from untrusted bytes; throws FormatError at the first bad. */
export class FieldReader {
  offset: number
  readonly end: number

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    end = bytes.length,
  ) {
    this.offset = start
    this.end = end
  }

  get atEnd(): boolean {
    return this.offset >= this.end
  }

  uint8(): number {
    this.#need(1, 'byte')
    return this.bytes[this.offset++]!
  }

  fixed32(): number {
    this.#need(4, 'fixed32')
    this.offset += 4
    return fixed32(this.bytes, this.offset - 4)
  }

  /** A fixed64 that must be below 2^53. */
  fixed64(): number {
    this.#need(8, 'fixed64')
    const value = fixed64(this.bytes, this.offset)
    if (value > Number.MAX_SAFE_INTEGER) throw new FormatError('number over 2^53', this.offset)
    this.offset += 8
    return value
  }

  varint32(): number {
    const start = this.offset
    const value = this.#varint(VARINT32_MAX_BYTES)
    if (value > 0xffffffff) throw new FormatError('varint32 overflows', start)
    return value
  }

  /** A varint64 that must be below 2^53. */
  varint64(): number {
    const start = this.offset
    const value = this.#varint(VARINT64_MAX_BYTES)
    if (value > Number.MAX_SAFE_INTEGER) throw new FormatError('number over 2^53', start)
    return value
  }

  /** A length-prefixed slice, as a view. */
  slice(): Uint8Array {
    const start = this.offset
    const length = this.varint32()
    if (length > this.end - this.offset) throw new FormatError('slice runs past the end', start)
    this.offset += length
    return this.bytes.subarray(this.offset - length, this.offset)
  }

  #varint(maxBytes: number): number {
    const start = this.offset
    let value = 0
    let scale = 1
    for (let i = 0; i < maxBytes; i++) {
      if (this.offset >= this.end) throw new FormatError('varint runs past the end', start)
      const byte = this.bytes[this.offset++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    throw new FormatError('varint is too long', start)
  }

  #need(count: number, what: string): void {
    if (this.end - this.offset < count) throw new FormatError(`${what} cut short`, this.offset)
  }
}
