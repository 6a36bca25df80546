/**
 * A small seeded generator, mulberry32: the same numbers for the same seed everywhere. For
 * simulated crashes and for tests; never for secrets.
 */

/** Gives a function of numbers in [0, 1), which are multiples of 2^-32. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
