/** Seeded randomness for the format tests: CAIRN_SEED replays one seed. */
import { below, isFull } from '../support/campaign.js'
import { random as seeded } from '../support/random.js'

export type Random = () => number

/** Multiplies the sizes of campaigns: a tenth runs by default. */
export const CAMPAIGN = isFull ? 10 : 1

/** A generator of numbers in [0, 1) and the seed to print on failure. */
export function generator(): { random: Random; seed: number } {
  const seed = Number(process.env['CAIRN_SEED'] ?? 1)
  return { random: seeded(seed), seed }
}

/** Up to `most` bytes, each one of `kinds` values from `base` on. */
export function randomBytes(random: Random, most: number, kinds = 256, base = 0): Uint8Array {
  const bytes = new Uint8Array(below(random, most + 1))
  return bytes.map(() => base + below(random, kinds))
}
