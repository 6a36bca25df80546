/**
 * Internal keys: a user key and an 8-byte trailer, sequence << 8 | type, little-endian.
 *
 * Order: user keys ascending bytewise, then trailers descending, so that the newest version of a
 * key comes first. Trailers are compared as two 32-bit words, because separators carry 2^56 - 1,
 * which no JavaScript number holds.
 * Format: docs/format/key.md
 */
import { fixed32, putFixed32 } from './coding.js'

export const KEY_TRAILER_BYTES = 8
export const KEY_TYPE_DELETION = 0
export const KEY_TYPE_VALUE = 1
/** Type of a lookup key: sorts before every entry of the same key and sequence. */
export const KEY_TYPE_SEEK = 1
/** The largest sequence that this engine hands out: exact as a number. */
export const KEY_SEQUENCE_MAX = Number.MAX_SAFE_INTEGER
export const KEY_COMPARATOR = 'leveldb.BytewiseComparator'

/** Compares two ranges of bytes; negative, zero or positive. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const shared = aLength < bLength ? aLength : bLength
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

export function compareUserKeys(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length)
}

/** High word of the trailer of (sequence, type); the low word is `trailerLow`. */
export function trailerHigh(sequence: number): number {
  return Math.floor(sequence / 0x1000000) >>> 0
}

export function trailerLow(sequence: number, type: number): number {
  return (((sequence % 0x1000000) << 8) | type) >>> 0
}

/** The sequence of two trailer words; rounded where it is over 2^53. */
export function trailerSequence(high: number, low: number): number {
  return high * 0x1000000 + (low >>> 8)
}

/** Compares internal keys that lie in ranges of at least KEY_TRAILER_BYTES. */
export function compareInternal(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aUser = aEnd - KEY_TRAILER_BYTES
  const bUser = bEnd - KEY_TRAILER_BYTES
  const order = compareBytes(a, aStart, aUser, b, bStart, bUser)
  if (order !== 0) return order
  const high = fixed32(b, bUser + 4) - fixed32(a, aUser + 4)
  return high !== 0 ? high : fixed32(b, bUser) - fixed32(a, aUser)
}

export function compareInternalKeys(a: Uint8Array, b: Uint8Array): number {
  return compareInternal(a, 0, a.length, b, 0, b.length)
}

export function putTrailer(
  bytes: Uint8Array,
  offset: number,
  sequence: number,
  type: number,
): number {
  putFixed32(bytes, offset, trailerLow(sequence, type))
  return putFixed32(bytes, offset + 4, trailerHigh(sequence))
}

/** A fresh internal key. */
export function internalKey(user: Uint8Array, sequence: number, type: number): Uint8Array {
  const key = new Uint8Array(user.length + KEY_TRAILER_BYTES)
  key.set(user)
  putTrailer(key, user.length, sequence, type)
  return key
}

/** The user part of an internal key, as a view. */
export function userKey(internal: Uint8Array): Uint8Array {
  return internal.subarray(0, internal.length - KEY_TRAILER_BYTES)
}

export function sequenceOf(internal: Uint8Array): number {
  const at = internal.length - KEY_TRAILER_BYTES
  return trailerSequence(fixed32(internal, at + 4), fixed32(internal, at))
}

export function typeOf(internal: Uint8Array): number {
  return internal[internal.length - KEY_TRAILER_BYTES]!
}

/** A shortest internal key k with a <= k < b, as a fresh copy; for the index between two blocks. */
export function internalSeparator(a: Uint8Array, b: Uint8Array): Uint8Array {
  const shorter = userSeparator(userKey(a), userKey(b))
  return shorter === undefined ? new Uint8Array(a) : withMaxTrailer(shorter)
}

/** A shortest internal key k >= a, as a fresh copy; for the index entry of the last block. */
export function internalSuccessor(a: Uint8Array): Uint8Array {
  const shorter = userSuccessor(userKey(a))
  return shorter === undefined ? new Uint8Array(a) : withMaxTrailer(shorter)
}

/**
 * A key between two user keys that is shorter than `a`, or undefined to keep `a`. It copies by
 * constructor: `slice` of a Buffer is a view, and the caller's key would change.
 */
function userSeparator(a: Uint8Array, b: Uint8Array): Uint8Array | undefined {
  const shared = Math.min(a.length, b.length)
  let i = 0
  while (i < shared && a[i] === b[i]) i++
  if (i === shared) return undefined
  const next = a[i]! + 1
  if (a[i] === 0xff || next >= b[i]! || i + 1 >= a.length) return undefined
  const key = new Uint8Array(a.subarray(0, i + 1))
  key[i] = next
  return key
}

function userSuccessor(a: Uint8Array): Uint8Array | undefined {
  const i = a.findIndex((byte) => byte !== 0xff)
  if (i < 0 || i + 1 >= a.length) return undefined
  const key = new Uint8Array(a.subarray(0, i + 1))
  key[i]!++
  return key
}

/** Appends (2^56 - 1) << 8 | KEY_TYPE_SEEK: sorts before every real entry of the user key. */
function withMaxTrailer(user: Uint8Array): Uint8Array {
  const key = new Uint8Array(user.length + KEY_TRAILER_BYTES).fill(0xff)
  key.set(user)
  key[user.length] = KEY_TYPE_SEEK
  return key
}
