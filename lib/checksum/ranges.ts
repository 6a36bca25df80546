/**
 * CrcRanges: the checksum of any range of a window of bytes, at a cost that does not depend on
 * the length of the range.
 *
 * `fill` keeps the register behind every prefix of the window. The register is linear over
 * GF(2): with p the registers of the two prefixes, that of the range is p[end] xor p[start]
 * moved past (end - start) zero bytes, and a move past n zero bytes is a product with x^8n
 * modulo the polynomial. A reader that looks for fragments at every byte of a damaged journal
 * stays linear with this, whatever lengths the bytes claim.
 * Twin: native/checksum/ranges
 */
import { CRC_POLYNOMIAL } from '../format/checksum.js'
import { crcByte } from './crc32c.js'

/** x^0 where the lowest bit stands for the highest power. */
const ONE = 1 << 31

/** x^8n modulo the polynomial, for n from 0; made at first use, shared by all windows. */
let powers = Int32Array.of(ONE)

function powersUpTo(count: number): Int32Array {
  if (powers.length > count) return powers
  const grown = new Int32Array(count + 1)
  let power = ONE
  for (let n = 0; n <= count; n++) {
    grown[n] = power
    power = crcByte(power, 0)
  }
  return (powers = grown)
}

export class CrcRanges {
  /** Register behind the first i bytes of the window, begun at zero. */
  readonly #prefix: Int32Array
  readonly #power: Int32Array

  /** For windows of up to `maxBytes`; holds 4 bytes of memory for each. */
  constructor(maxBytes: number) {
    this.#prefix = new Int32Array(maxBytes + 1)
    this.#power = powersUpTo(maxBytes)
  }

  /** Takes `bytes[start .. end)` as the window. */
  fill(bytes: Uint8Array, start: number, end: number): void {
    const prefix = this.#prefix
    let register = 0
    for (let i = start; i < end; i++) {
      register = crcByte(register, bytes[i]!)
      prefix[i - start + 1] = register
    }
  }

  /** CRC-32C, unmasked, of bytes [from, to) of the window; `seed` as that of `crc32c`. */
  crc(from: number, to: number, seed = 0): number {
    const moved = product(~(this.#prefix[from]! ^ seed), this.#power[to - from]!)
    return ~(this.#prefix[to]! ^ moved) >>> 0
  }
}

/**
 * The product of two polynomials modulo CRC_POLYNOMIAL, bits reflected. Without branches: their
 * outcomes would be the bits of a checksum, and guessing those wrong made it four times slower.
 */
function product(a: number, b: number): number {
  let sum = 0
  for (; a !== 0; a <<= 1) {
    sum ^= b & (a >> 31)
    b = (b >>> 1) ^ (CRC_POLYNOMIAL & -(b & 1))
  }
  return sum
}
