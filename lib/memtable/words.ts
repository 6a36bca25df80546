/**
 * Key words: bytes of a key as 32-bit words, so that most comparisons touch no bytes.
 * Twin: native/memtable/words.h
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
