/**
 * Key words: bytes of a key as 32-bit words, so that most comparisons and hashes touch no bytes.
 */

const SIGN = 0x80000000

/** Four bytes of a key as a word that signed comparison orders; zeros behind `end`. */
export function keyWord(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end)
    return (
      ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) ^ SIGN
    )
  let word = 0
  for (let i = 0; i < 4; i++) word = (word << 8) | (at + i < end ? bytes[at + i]! : 0)
  return word ^ SIGN
}

/** A 32-bit hash of a key; never leaves memory, so no format binds it. */
export function keyHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let at = start; at < end; at += 4) {
    hash = Math.imul(hash ^ keyWord(bytes, at, end), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
