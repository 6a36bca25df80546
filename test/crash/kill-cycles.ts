/**
 * Cycles of kill -9 for journals and maps: a writer, a kill at a random moment, a look.
 *
 * Half of the looks are read-only, so that the next writer does the recovery. A store lives for a
 * few cycles, as every look reads all of it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { LIMIT_MS, below, share } from '../support/campaign.js'
import { PLANES, eachPlane } from '../support/planes.js'
import { random } from '../support/random.js'
import type { KillOptions, StoreName } from './durable-writer.js'
import { runAndKill } from './killed.js'

const CYCLES = 500
const CYCLES_OF_A_STORE = 10
const LONGEST_MS = 80
const KINDS: readonly KillOptions[] = [
  { sync: 'always', encrypted: false },
  { sync: 'interval', encrypted: true },
  { sync: 'never', encrypted: false },
]
const WRITER = fileURLToPath(new URL('./durable-writer.js', import.meta.url))

/** A line of the writer: a unit that was acknowledged, and the sequence of its last record. */
export interface Acknowledged {
  readonly index: number
  readonly sequence: number
}

/** What the parent knows of a store, and checks after each kill. */
export abstract class Killed {
  /** Units found so far. */
  count = 0
  constructor(
    readonly store: string,
    readonly seed: number,
    readonly options: KillOptions,
  ) {}

  /** Opens, checks what is found against the units and what was told; gives how many there are. */
  abstract look(readOnly: boolean, told: readonly Acknowledged[]): Promise<number>
}

type KilledArgs = [store: string, seed: number, options: KillOptions]

/** Tests a store on each plane. */
export function testKills(store: StoreName, make: new (...args: KilledArgs) => Killed): void {
  t.setTimeout(LIMIT_MS)
  eachPlane(t, `kill -9 of a ${store} loses nothing acknowledged`, async (t, plane) => {
    const seed = Number(process.env['CAIRN_SEED'] ?? (plane === 'native' ? 1 : 2))
    const dice = random(seed)
    for (const options of KINDS) {
      const directory = await mkdtemp(join(tmpdir(), 'cairn-kill-'))
      t.teardown(() => rm(directory, { recursive: true, force: true }))
      const cycles = Math.ceil(share(CYCLES) / (PLANES.length * KINDS.length))
      let units = 0
      for (let first = 1; first <= cycles; first += CYCLES_OF_A_STORE) {
        const killed = new make(join(directory, `store${first}`), seed + first, options)
        const last = Math.min(first + CYCLES_OF_A_STORE - 1, cycles)
        for (let cycle = first; cycle <= last; cycle++)
          try {
            await killAndLook(store, killed, dice)
          } catch (error) {
            const where = `${JSON.stringify(options)} seed ${seed} cycle ${cycle}`
            t.fail(`${where}: ${(error as Error).stack}`)
            return
          }
        units += killed.count
      }
      t.pass(`${JSON.stringify(options)}: ${cycles} cycles, ${units} units`)
    }
  })
}

async function killAndLook(store: StoreName, killed: Killed, dice: () => number): Promise<void> {
  const args = [store, killed.store, String(killed.seed), JSON.stringify(killed.options)]
  const [fromFirstLine, delayMs] = [dice() < 0.8, below(dice, LONGEST_MS)]
  const lines = await runAndKill({ script: WRITER, args, delayMs, fromFirstLine })
  const told = lines.map((line): Acknowledged => {
    const [index, sequence] = line.split(' ').map(Number)
    return { index: index!, sequence: sequence! }
  })
  const readOnly = dice() < 0.5 && (fromFirstLine || killed.count > 0)
  killed.count = await killed.look(readOnly, told)
}
