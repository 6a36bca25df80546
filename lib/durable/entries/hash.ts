/**
 * The hash that places keys: HalfSipHash-1-3 with a secret seed.
 *
 * The seed is random per open and never on disk, so that nobody can choose keys that fall
 * together. The result is a signed word, which is what V8 keeps without a box.
 */

/** Two words that nobody else knows. */
export interface HashSeed {
  readonly low: number
  readonly high: number
}

export const HASH_SEED_BYTES = 8

export function hashSeed(bytes: Uint8Array): HashSeed {
  const words = new DataView(bytes.buffer, bytes.byteOffset, HASH_SEED_BYTES)
  return { low: words.getInt32(0, true), high: words.getInt32(4, true) }
}

/** The hash of bytes `start` to `end` of a view. */
export function hashKey(view: DataView, start: number, end: number, seed: HashSeed): number {
  let v0 = seed.low
  let v1 = seed.high
  let v2 = 0x6c796765 ^ v0
  let v3 = 0x74656462 ^ v1
  const length = end - start
  const whole = end - (length & 3)
  let at = start
  // The last round takes what is left of the bytes, and their number.
  for (let isLast = false; !isLast; at += 4) {
    isLast = at === whole
    const word = isLast ? lastWord(view, whole, length) : view.getInt32(at, true)
    v3 ^= word
    for (let rounds = isLast ? 4 : 1; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (rounds === 4) {
        v0 ^= word
        v2 ^= 0xff
      }
    }
    if (!isLast) v0 ^= word
  }
  return v1 ^ v3
}

/** What is left behind the whole words, and the length. */
function lastWord(view: DataView, at: number, length: number): number {
  let word = length << 24
  const left = length & 3
  if (left > 2) word |= view.getUint8(at + 2) << 16
  if (left > 1) word |= view.getUint8(at + 1) << 8
  if (left > 0) word |= view.getUint8(at)
  return word
}
