/**
 * Small whole numbers by a seed. test/native/numbers.h makes the same ones, so that tests in both
 * languages can be held to one checksum of what the twins made of them.
 */
export function numbers(seed: number): (limit: number) => number {
  let state = seed | 0
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) % limit
  }
}
