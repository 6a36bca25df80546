/**
 * CRC-32C (Castagnoli), unmasked.
 *
 * Short inputs go by slicing-by-16 over single bytes. Long ones are braided: four interleaved
 * registers take every fourth 32-bit word, so that four chains of table look-ups run side by
 * side, and are folded into one at the end. Table k gives the register after a byte and k zero
 * bytes; both ways use the same sixteen tables, kept apart because look-ups by `& 255` in a table
 * of 256 need no check of bounds. Measured on 1 MiB: braid of four 2.7 GB/s, slicing-by-16 over
 * words 2.3, slicing-by-8 over words 1.6; braids of 2, 3, 5, 6 and 8 words 2.2 to 2.5.
 * Format: docs/format/journal.md (checksums)
 * Twin: native/checksum/crc32c
 */
import { CRC_POLYNOMIAL } from '../format/checksum.js'

const TABLES = 16
/** From here on a braid beats single bytes, though it must make a view of words first. */
const BRAID_MIN_BYTES = 384
/** Words are read in the order of the machine; the braid needs little-endian ones. */
const WORDS_ARE_LITTLE = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

function makeTables(): Int32Array[] {
  const byte = Int32Array.from({ length: 256 }, (_, value) => {
    let register = value
    for (let bit = 0; bit < 8; bit++)
      register = register & 1 ? (register >>> 1) ^ CRC_POLYNOMIAL : register >>> 1
    return register
  })
  const tables = [byte]
  for (let k = 1; k < TABLES; k++)
    tables.push(tables[k - 1]!.map((register) => (register >>> 8) ^ byte[register & 255]!))
  return tables
}

const tables = makeTables()
const T0 = tables[0]!
const T1 = tables[1]!
const T2 = tables[2]!
const T3 = tables[3]!
const T4 = tables[4]!
const T5 = tables[5]!
const T6 = tables[6]!
const T7 = tables[7]!
const T8 = tables[8]!
const T9 = tables[9]!
const T10 = tables[10]!
const T11 = tables[11]!
const T12 = tables[12]!
const T13 = tables[13]!
const T14 = tables[14]!
const T15 = tables[15]!

/**
 * The checksum of `bytes[start .. end)`. `seed` is the checksum of what stands before, so that
 * pieces chain: `crc32c(b, crc32c(a))` is the checksum of a and b. Gives 0 to 2^32 - 1.
 */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  if (end - start < BRAID_MIN_BYTES || !WORDS_ARE_LITTLE)
    return ~short(bytes, ~seed, start, end) >>> 0
  const aligned = start + (-(bytes.byteOffset + start) & 3)
  const count = ((end - aligned) >>> 4) << 2
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, count)
  const register = braid(words, short(bytes, ~seed, start, aligned))
  return ~short(bytes, register, aligned + count * 4, end) >>> 0
}

/** The register after a byte, without inversions: what `ranges.ts` builds on. */
export function crcByte(register: number, byte: number): number {
  return (register >>> 8) ^ T0[(register ^ byte) & 255]!
}

function short(bytes: Uint8Array, register: number, start: number, end: number): number {
  let i = start
  for (const stop = end - 15; i < stop; i += 16) {
    register ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    register =
      T15[register & 255]! ^
      T14[(register >>> 8) & 255]! ^
      T13[(register >>> 16) & 255]! ^
      T12[register >>> 24]! ^
      T11[bytes[i + 4]!]! ^
      T10[bytes[i + 5]!]! ^
      T9[bytes[i + 6]!]! ^
      T8[bytes[i + 7]!]! ^
      T7[bytes[i + 8]!]! ^
      T6[bytes[i + 9]!]! ^
      T5[bytes[i + 10]!]! ^
      T4[bytes[i + 11]!]! ^
      T3[bytes[i + 12]!]! ^
      T2[bytes[i + 13]!]! ^
      T1[bytes[i + 14]!]! ^
      T0[bytes[i + 15]!]!
  }
  for (; i < end; i++) register = (register >>> 8) ^ T0[(register ^ bytes[i]!) & 255]!
  return register
}

/** `words` holds a multiple of four, and at least four. */
function braid(words: Int32Array, register: number): number {
  const last = words.length - 4
  let a = register
  let b = 0
  let c = 0
  let d = 0
  for (let i = 0; i < last; i += 4) {
    a ^= words[i]!
    b ^= words[i + 1]!
    c ^= words[i + 2]!
    d ^= words[i + 3]!
    // Each register is moved past its own word and the three of the others: 16 bytes.
    a = T15[a & 255]! ^ T14[(a >>> 8) & 255]! ^ T13[(a >>> 16) & 255]! ^ T12[a >>> 24]!
    b = T15[b & 255]! ^ T14[(b >>> 8) & 255]! ^ T13[(b >>> 16) & 255]! ^ T12[b >>> 24]!
    c = T15[c & 255]! ^ T14[(c >>> 8) & 255]! ^ T13[(c >>> 16) & 255]! ^ T12[c >>> 24]!
    d = T15[d & 255]! ^ T14[(d >>> 8) & 255]! ^ T13[(d >>> 16) & 255]! ^ T12[d >>> 24]!
  }
  a = word(a ^ words[last]!)
  a = word(a ^ b ^ words[last + 1]!)
  a = word(a ^ c ^ words[last + 2]!)
  return word(a ^ d ^ words[last + 3]!)
}

/** Moves a register, with a word already in it, past that word. */
function word(register: number): number {
  return (
    T3[register & 255]! ^
    T2[(register >>> 8) & 255]! ^
    T1[(register >>> 16) & 255]! ^
    T0[register >>> 24]!
  )
}
