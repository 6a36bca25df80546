/**
 * What is done with a cold store while the event loop is watched.
 *
 * A read that waited is one that had not settled when its turn was over: it went to the disk, or
 * to a thread for what might be on the disk. One that needs no disk settles in its turn.
 */
import { random } from '../../lib/io/random.js'
import { recordKey } from '../records.js'
import type { ColdStore } from './records.js'

const GETS = 2000
const IN_FLIGHT = 64
const RANGES = 20
const RANGE_ROWS = 2000
const PAGE_ROWS = 1000
const IDLE_MS = 1000

/** How many reads there were, and how many waited. */
export interface Reads {
  readonly reads: number
  readonly waited: number
}

export interface Phase {
  readonly name: string
  /** `seed` says where the reads go. */
  readonly run: (db: ColdStore, rows: number, seed: number) => Promise<Reads>
}

/** Counts turns of the event loop in which reads were begun. */
class Turns {
  current = 0
  #noticed = false

  /** The turn that this is; ticks run when all that has settled has been heard. */
  begin(): number {
    if (!this.#noticed) {
      this.#noticed = true
      process.nextTick(() => {
        this.#noticed = false
        this.current++
      })
    }
    return this.current
  }
}

async function gets(db: ColdStore, rows: number, seed: number, width: number): Promise<Reads> {
  const numbers = random(seed)
  const turns = new Turns()
  let reads = 0
  let waited = 0
  const lane = async (): Promise<void> => {
    while (reads < GETS) {
      reads++
      const turn = turns.begin()
      const value = await db.get(recordKey(Math.floor(numbers() * rows)))
      if (turns.current !== turn) waited++
      if (value === undefined) throw new Error('a row is missing')
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return { reads, waited }
}

/** Ranges at random places, each in steps of `step` rows, which say how many rows they gave. */
async function ranges(
  db: ColdStore,
  rows: number,
  seed: number,
  step: (iterator: ReturnType<ColdStore['iterator']>) => Promise<number>,
): Promise<Reads> {
  const numbers = random(seed)
  const turns = new Turns()
  const length = Math.min(RANGE_ROWS, rows)
  let reads = 0
  let waited = 0
  for (let range = 0; range < RANGES; range++) {
    const first = Math.floor(numbers() * (rows - length))
    const iterator = db.iterator({ gte: recordKey(first), limit: length })
    let left = length
    while (left > 0) {
      const turn = turns.begin()
      const given = await step(iterator)
      if (turns.current !== turn) waited++
      if (given === 0) throw new Error('a range is too short')
      reads++
      left -= given
    }
    await iterator.close()
  }
  return { reads, waited }
}

export const PHASES: readonly Phase[] = [
  {
    name: 'nothing, for a second',
    run: async () => {
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
      return { reads: 0, waited: 0 }
    },
  },
  { name: 'get, one at a time', run: (db, rows, seed) => gets(db, rows, seed, 1) },
  { name: `get, ${IN_FLIGHT} in flight`, run: (db, rows, seed) => gets(db, rows, seed, IN_FLIGHT) },
  {
    name: 'iterator, next()',
    run: (db, rows, seed) =>
      ranges(db, rows, seed, async (iterator) => ((await iterator.next()) === undefined ? 0 : 1)),
  },
  {
    name: `iterator, nextv(${PAGE_ROWS})`,
    run: (db, rows, seed) =>
      ranges(db, rows, seed, async (iterator) => (await iterator.nextv(PAGE_ROWS)).length),
  },
]
