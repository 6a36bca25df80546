/**
 * kill -9 of a writing process, again and again on one directory.
 *
 * The child acknowledges over a pipe; what it acknowledged, synced or not, must be there after the
 * kill, and what is there must be an exact prefix of its writes. Some kills come while it opens.
 * Proves P1 and P2 for the death of the process, on a real disk. 100 cycles in full.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { diskStorage } from '../../lib/io/index.js'
import { LIMIT_MS, below, share } from '../support/campaign.js'
import { TINY, contentOf, openLevel } from '../support/level.js'
import { Model, difference } from '../support/model.js'
import { random } from '../support/random.js'
import { runAndKill } from './killed.js'
import { COUNT_KEY, writeAt } from './writer.js'
import { eachPlane, seedsFor } from '../support/planes.js'

t.setTimeout(LIMIT_MS)

const CYCLES = 100
const WRITER = fileURLToPath(new URL('./writer.js', import.meta.url))

/** Runs the writer, kills it some time after it started; gives the last number acknowledged. */
async function writeAndKill(
  directory: string,
  seed: number,
  first: number,
  delayMs: number,
  fromFirstLine: boolean,
): Promise<number> {
  const args = [directory, String(seed), String(first)]
  const lines = await runAndKill({ script: WRITER, args, delayMs, fromFirstLine })
  return Number(lines.at(-1) ?? first)
}

eachPlane(t, 'kill -9 loses nothing acknowledged', async (t, plane) => {
  const seed = Number(process.env['CAIRN_SEED'] ?? 1)
  const dice = random(seed)
  const directory = await mkdtemp(join(tmpdir(), 'cairn-kill-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const store = join(directory, 'store')
  const model = new Model()
  let count = 0
  for (let cycle = 1; cycle <= share(seedsFor(plane, CYCLES)); cycle++) {
    const fromAcknowledgement = dice() < 0.8
    const delayMs = below(dice, 200)
    const acknowledged = await writeAndKill(store, seed, count, delayMs, fromAcknowledgement)
    const db = await openLevel(diskStorage(store), TINY)
    const found = await contentOf(db)
    const recovered = Number((await db.get(COUNT_KEY)) ?? 0)
    t.ok(
      recovered >= acknowledged,
      `seed ${seed} cycle ${cycle}: ${recovered} writes found, ${acknowledged} acknowledged`,
    )
    for (; count < recovered; count++) model.apply(writeAt(seed, count).changes)
    const expected = model.entries()
    if (JSON.stringify(found) !== JSON.stringify(expected))
      t.fail(`seed ${seed} cycle ${cycle}: ${difference(found, expected)}`)
    t.same((await db.verify()).damage, [], 'nothing is damaged')
    await db.close()
  }
})
