/**
 * The child of kill.test.ts: writes numbered batches without end and tells what was acknowledged.
 *
 * Write i is a function of (seed, i) alone, so the parent can replay it. Every batch also puts its
 * number under COUNT_KEY, which makes the prefix that survived plain. Acknowledgements go out as
 * lines with one synchronous write each, after the promise settled.
 * Usage: node writer.js DIRECTORY SEED FIRST
 */
import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { diskStorage } from '../../lib/io/index.js'
import { below, pick } from '../support/campaign.js'
import { TINY, openLevel } from '../support/level.js'
import type { Change } from '../support/model.js'
import { random } from '../support/random.js'

export const COUNT_KEY = '!count'
const KEYS = 500
const IN_FLIGHT = 16

/** Write number `index` of a run. */
export function writeAt(seed: number, index: number): { changes: Change[]; sync: boolean } {
  const dice = random(seed * 1_000_003 + index)
  const changes = Array.from({ length: pick(dice, [1, 2, 10]) }, (): Change => {
    const key = `key-${below(dice, KEYS)}`
    if (dice() < 0.2) return { type: 'del', key }
    return { type: 'put', key, value: `${index}.`.padEnd(pick(dice, [8, 100, 1000]), 'v') }
  })
  changes.push({ type: 'put', key: COUNT_KEY, value: String(index + 1) })
  return { changes, sync: dice() < 0.2 }
}

async function main(directory: string, seed: number, first: number): Promise<void> {
  const db = await openLevel(diskStorage(directory), TINY)
  const pending: Promise<void>[] = []
  for (let index = first; ; index++) {
    const { changes, sync } = writeAt(seed, index)
    const written = db.batch(changes, { sync })
    pending.push(
      written.then(() => {
        writeSync(1, `${index + 1}\n`)
      }),
    )
    if (pending.length >= IN_FLIGHT) await pending.shift()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [directory = '', seed, first] = process.argv.slice(2)
  await main(directory, Number(seed), Number(first))
}
