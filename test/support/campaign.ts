/**
 * Seeded campaigns: many runs of one body, each named by the seed that repeats it.
 *
 * A tenth runs by default, all of it with CAIRN_CAMPAIGN=full, one with CAIRN_SEED=n. A failing
 * seed is printed with the command that replays it.
 */
import { inspect } from 'node:util'
import type t from 'tap'

export const isFull = process.env['CAIRN_CAMPAIGN'] === 'full'

/** `count` in full, a tenth of it (at least one) by default. */
export function share(count: number): number {
  return isFull ? count : Math.max(1, Math.round(count / 10))
}

/** The seeds to run of a campaign that has `count` in full. */
export function seedsOf(count: number): number[] {
  const one = process.env['CAIRN_SEED']
  if (one !== undefined) return [Number(one)]
  return Array.from({ length: share(count) }, (_, i) => i + 1)
}

/** How long a campaign may take. */
export const LIMIT_MS = isFull ? 7_200_000 : 600_000

/** One assertion per seed; the first failures stop the campaign, as more would say the same. */
export async function campaign(
  test: Pick<typeof t, 'pass' | 'fail' | 'setTimeout'>,
  count: number,
  body: (seed: number) => Promise<string | void>,
): Promise<void> {
  test.setTimeout(LIMIT_MS)
  let failures = 0
  for (const seed of seedsOf(count)) {
    try {
      const told = await body(seed)
      test.pass(`seed ${seed}${told ? `: ${told}` : ''}`)
    } catch (error) {
      const replay = `CAIRN_SEED=${seed} node ${process.argv[1] ?? ''}`
      test.fail(`seed ${seed} (replay: ${replay}): ${inspect(error)}`)
      if (++failures === 3) return
    }
  }
}

/** Picks from a list by a random function in [0, 1). */
export function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!
}

/** An integer in [0, limit). */
export function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit)
}
