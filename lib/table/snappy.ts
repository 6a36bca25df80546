/**
 * Raw Snappy, decoded: literals and copies out of what was decoded before.
 *
 * The declared length is believed only as far as the input can produce it, so that no block asks
 * for more than SNAPPY_MAX_RATIO times its size; every offset and length is checked before use.
 * Format: docs/format/table.md (Snappy)
 * Twin: native/table/snappy.h
 */
import { FieldReader, FormatError } from '../format/coding.js'

/** The densest element is a copy of 64 bytes in 3 bytes of input. */
export const SNAPPY_MAX_RATIO = 22
/** Longer pieces are copied by the runtime instead of a loop. */
const LOOP_BYTES = 64

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
