/**
 * Map records: the payloads of a map's journal and snapshots, one change of one key each.
 *
 * Format: docs/format/map.md
 */
import { FormatError, VARINT32_MAX_BYTES, putVarint, varintLength } from './coding.js'

/** Operations, the first byte of a record. */
export const MAP_SET = 1
export const MAP_MODIFY = 2
export const MAP_DELETE = 3
export const MAP_CLEAR = 4
export const MAP_KEY_MAX_BYTES = 64 * 1024
export const MAP_VALUE_MAX_BYTES = 64 * 1024 * 1024

/** A key up to this many bytes is copied by a loop: cheaper than a call. */
const LOOP_BYTES = 64

/** Size of a record of a key, with its value or 0 for a deletion. */
export function mapRecordBytes(keyBytes: number, valueBytes: number): number {
  return 1 + varintLength(keyBytes) + keyBytes + valueBytes
}

/** Writes all of a record but its value at `at`, with the key `key[start..end)`; gives where the
 * value belongs. */
export function putMapHead(
  bytes: Uint8Array,
  at: number,
  operation: number,
  key: Uint8Array,
  start = 0,
  end = key.length,
): number {
  bytes[at] = operation
  let to = putVarint(bytes, at + 1, end - start)
  if (end - start > LOOP_BYTES) {
    bytes.set(key.subarray(start, end), to)
    return to + end - start
  }
  for (let i = start; i < end; i++) bytes[to++] = key[i]!
  return to
}

/** Reads one record after the other: the fields tell the last one. */
export class MapRecord {
  operation = 0
  keyStart = 0
  keyEnd = 0
  /** The value ends with the record. */
  valueEnd = 0

  /** Reads `bytes[start..end)`; throws FormatError when it is no record. */
  read(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) throw new FormatError('an empty map record', start)
    const operation = (this.operation = bytes[start]!)
    this.valueEnd = end
    let at = start + 1
    if (operation === MAP_CLEAR) {
      if (at !== end) throw new FormatError('bytes behind a clear', at)
      this.keyStart = this.keyEnd = at
      return
    }
    if (operation < MAP_SET || operation > MAP_DELETE)
      throw new FormatError('unknown map operation', start)
    let length = 0
    for (let shift = 0; ; shift += 7) {
      if (at === end || at - start > VARINT32_MAX_BYTES)
        throw new FormatError('length of a key cut short', at)
      const byte = bytes[at++]!
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    if (length > MAP_KEY_MAX_BYTES) throw new FormatError('key over its limit', start + 1)
    this.keyStart = at
    this.keyEnd = at + length
    if (this.keyEnd > end) throw new FormatError('key past the end', at)
    if (operation === MAP_DELETE ? this.keyEnd !== end : end - this.keyEnd > MAP_VALUE_MAX_BYTES)
      throw new FormatError('value over its limit', this.keyEnd)
  }
}
