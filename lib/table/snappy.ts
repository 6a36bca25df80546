/**
 * Raw Snappy: literals, and copies out of what came before.
 *
 * Decoding believes the declared length only as far as the input can produce it, so that no block
 * asks for more than SNAPPY_MAX_RATIO times its size; every offset and length is checked before
 * use. Encoding is greedy over a table that knows the last place of every four bytes by their
 * hash; it is specified to the byte, so that both planes write the same tables.
 * Format: docs/format/table.md (Snappy)
 * Twin: native/table/snappy.h
 */
import { FieldReader, FormatError, putVarint } from '../format/coding.js'
import {
  SNAPPY_FRAGMENT_BYTES,
  SNAPPY_HASH_LG_MAX,
  SNAPPY_HASH_LG_MIN,
  SNAPPY_HASH_MULTIPLIER,
  SNAPPY_MATCH_BYTES,
  SNAPPY_SKIP_LG,
} from '../format/snappy.js'

/** The densest element is a copy of 64 bytes in 3 bytes of input. */
export const SNAPPY_MAX_RATIO = 22
/** Longer pieces are copied by the runtime instead of a loop. */
const LOOP_BYTES = 64

/** Where in the fragment each hash was seen last; 0 for never. Every fragment starts it anew. */
const places = new Uint16Array(2 ** SNAPPY_HASH_LG_MAX)

/** The decoded bytes, in memory of their own. Throws FormatError on anything malformed. */
export function unsnappy(input: Uint8Array): Uint8Array {
  const header = new FieldReader(input)
  const length = header.varint32()
  let at = header.offset
  if (length > (input.length - at) * SNAPPY_MAX_RATIO)
    throw new FormatError('snappy: length exceeds what the input can hold', 0)
  const output = new Uint8Array(length)
  let end = 0
  while (at < input.length) {
    const element = at
    const tag = input[at++]!
    if ((tag & 3) === 0) {
      let size = (tag >>> 2) + 1
      if (size > 60) {
        const width = size - 60
        if (width > input.length - at) throw new FormatError('snappy: literal cut short', element)
        size = littleEndian(input, at, width) + 1
        at += width
      }
      if (size > input.length - at) throw new FormatError('snappy: literal cut short', element)
      if (size > length - end) throw new FormatError('snappy: more than declared', element)
      if (size > LOOP_BYTES) output.set(input.subarray(at, at + size), end)
      else for (let i = 0; i < size; i++) output[end + i] = input[at + i]!
      at += size
      end += size
      continue
    }
    const width = (tag & 3) === 3 ? 4 : tag & 3
    if (width > input.length - at) throw new FormatError('snappy: copy cut short', element)
    let offset = littleEndian(input, at, width)
    let size = (tag >>> 2) + 1
    if (width === 1) {
      offset += (tag >>> 5) << 8
      size = ((tag >>> 2) & 7) + 4
    }
    at += width
    if (offset === 0 || offset > end) throw new FormatError('snappy: copy out of range', element)
    if (size > length - end) throw new FormatError('snappy: more than declared', element)
    // Byte by byte: a copy may overlap what it writes.
    for (let i = 0; i < size; i++) output[end + i] = output[end - offset + i]!
    end += size
  }
  if (end !== length) throw new FormatError('snappy: less than declared', input.length)
  return output
}

function littleEndian(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}

/** The most bytes that `snappy` may write for an input of this length. */
export function snappyRoom(length: number): number {
  return 32 + length + Math.ceil(length / 6)
}

/**
 * Writes `input`, compressed, to `output[at..]`, which must have `snappyRoom(input.length)` bytes
 * of room there. Gives the end of what it wrote.
 */
export function snappy(input: Uint8Array, output: Uint8Array, at = 0): number {
  // Words read through a view, not put together from bytes, made encoding a third faster.
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  at = putVarint(output, at, input.length)
  for (let start = 0; start < input.length; start += SNAPPY_FRAGMENT_BYTES) {
    const end = Math.min(start + SNAPPY_FRAGMENT_BYTES, input.length)
    at = fragment(input, view, start, end, output, at)
  }
  return at
}

function fragment(
  input: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
): number {
  const lg = hashLg(end - start)
  const shift = 32 - lg
  places.fill(0, 0, 1 << lg)
  // The last position with the bytes of a match left from there on.
  const last = end - SNAPPY_MATCH_BYTES
  let literal = start
  let position = start + 1
  for (;;) {
    let candidate: number
    for (let tries = 1 << SNAPPY_SKIP_LG; ; tries++) {
      if (position > last) return putLiteral(output, at, input, literal, end)
      const word = wordAt(view, position)
      const hash = Math.imul(word, SNAPPY_HASH_MULTIPLIER) >>> shift
      candidate = start + places[hash]!
      places[hash] = position - start
      if (wordAt(view, candidate) === word) break
      position += tries >> SNAPPY_SKIP_LG
    }
    at = putLiteral(output, at, input, literal, position)
    for (;;) {
      let match = position + SNAPPY_MATCH_BYTES
      const offset = position - candidate
      while (match < end && input[match] === input[match - offset]) match++
      at = putCopy(output, at, offset, match - position)
      literal = position = match
      if (position > last) return putLiteral(output, at, input, literal, end)
      const before = Math.imul(wordAt(view, position - 1), SNAPPY_HASH_MULTIPLIER) >>> shift
      places[before] = position - 1 - start
      const word = wordAt(view, position)
      const hash = Math.imul(word, SNAPPY_HASH_MULTIPLIER) >>> shift
      candidate = start + places[hash]!
      places[hash] = position - start
      if (wordAt(view, candidate) !== word) break
    }
    position++
  }
}

/** The logarithm of the smallest table, within its bounds, with a place for each byte. */
function hashLg(length: number): number {
  const lg = 32 - Math.clz32(length - 1)
  return Math.min(Math.max(lg, SNAPPY_HASH_LG_MIN), SNAPPY_HASH_LG_MAX)
}

function wordAt(view: DataView, at: number): number {
  return view.getInt32(at, true)
}

/** The literal of `input[start .. end)`; nothing when that is empty. */
function putLiteral(
  output: Uint8Array,
  at: number,
  input: Uint8Array,
  start: number,
  end: number,
): number {
  const size = end - start
  if (size === 0) return at
  if (size <= 60) output[at++] = (size - 1) << 2
  else {
    const long = size > 256
    output[at++] = (long ? 61 : 60) << 2
    output[at++] = (size - 1) & 255
    if (long) output[at++] = (size - 1) >>> 8
  }
  if (size > LOOP_BYTES) output.set(input.subarray(start, end), at)
  else for (let i = 0; i < size; i++) output[at + i] = input[start + i]!
  return at + size
}

/** Copies of 64 bytes while at least 68 are left, so that the rest is never below a match. */
function putCopy(output: Uint8Array, at: number, offset: number, size: number): number {
  for (; size >= 64 + SNAPPY_MATCH_BYTES; size -= 64) at = putFarCopy(output, at, offset, 64)
  if (size > 64) {
    at = putFarCopy(output, at, offset, 60)
    size -= 60
  }
  if (size >= 12 || offset >= 2048) return putFarCopy(output, at, offset, size)
  output[at] = 1 | ((size - 4) << 2) | ((offset >>> 8) << 5)
  output[at + 1] = offset & 255
  return at + 2
}

function putFarCopy(output: Uint8Array, at: number, offset: number, size: number): number {
  output[at] = 2 | ((size - 1) << 2)
  output[at + 1] = offset & 255
  output[at + 2] = offset >>> 8
  return at + 3
}
