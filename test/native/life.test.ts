/**
 * Life and death of processes and threads that hold stores: no crash, no hang, nothing
 * acknowledged lost, and the directory free again.
 *
 * The children acknowledge over a pipe. A child that dies of a signal that was not sent to it is
 * a failure, whatever it had done. 200 cycles in full.
 */
import t from 'tap'
import type { Test } from 'tap'
import { join } from 'node:path'
import { CairnLevel } from '../../lib/stores/kv/index.js'
import { LIMIT_MS, below, isFull } from '../support/campaign.js'
import { PLANES } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { random } from '../support/random.js'
import { scratch } from '../support/scratch.js'
import { runChild, scriptBeside } from './children.js'
import { ENDS, SMALL, WHOLE, keyOf, valueOf } from './mortal.js'
import type { End, MortalTask } from './mortal.js'

t.setTimeout(LIMIT_MS)

const CYCLES = 220
const MORTAL = scriptBeside(import.meta.url, 'mortal.js')
const KINDS = Object.keys(ENDS) as End[]
const IO = ['auto', 'threads'] as const

/** Lets a child live and die; gives the numbers that it acknowledged. */
async function live(
  t: Test,
  plane: PlaneName,
  io: (typeof IO)[number],
  task: MortalTask,
  name: string,
): Promise<number[]> {
  const { end } = task
  let seen = 0
  let sent = false
  const found = await runChild({
    script: MORTAL,
    args: [JSON.stringify(task)],
    environment: { CAIRN_PLANE: plane, CAIRN_IO: io === 'auto' ? undefined : io },
    onLine: (_, kill) => {
      if ((end !== 'SIGTERM' && end !== 'SIGKILL') || ++seen < task.count || sent) return
      sent = true
      setTimeout(() => kill(end), task.delayMs)
    },
  })
  t.notOk(found.hung, `${name} does not hang`)
  const { code, signal } = found
  t.same({ code, signal }, ENDS[end], `${name}: ${found.complaint}`)
  return found.lines.map(Number).filter((n) => !Number.isNaN(n))
}

/** Opens with a plane, compares what is there with what was written; gives how many there are. */
async function survivors(t: Test, directory: string, plane: PlaneName, name: string) {
  const db = new CairnLevel(directory, { ...SMALL, plane })
  await db.open()
  t.same(db.recovered.damage, undefined, `${name}: nothing is damaged`)
  const entries = await db.iterator({ gte: 'key-', lt: 'key.' }).all()
  const wrong = entries.findIndex(([key, value], n) => key !== keyOf(n) || value !== valueOf(n))
  t.equal(wrong, -1, `${name}: what is there is a prefix of what was written`)
  await db.close()
  return entries.length
}

for (const writer of PLANES)
  t.test(`deaths with 16 commits in flight: ${writer}`, async (t) => {
    const seed = Number(process.env['CAIRN_SEED'] ?? 1)
    const dice = random(seed)
    const directory = join(scratch(t), 'store')
    let first = 0
    // Every kind, and natively with both ways of I/O.
    const least = (writer === 'native' ? IO.length : 1) * KINDS.length
    for (let cycle = 0; cycle < (isFull ? CYCLES : least); cycle++) {
      const end = KINDS[cycle % KINDS.length]!
      const io = IO[Math.floor(cycle / KINDS.length) % IO.length]!
      const task = { directory, end, first, count: 1 + below(dice, 200), delayMs: below(dice, 6) }
      const name = `seed ${seed} cycle ${cycle} ${end} ${io} ${task.count}+${task.delayMs} ms`
      const acknowledged = await live(t, writer, io, task, name)
      const reader = PLANES[below(dice, PLANES.length)]!
      const found = await survivors(t, directory, reader, `${name}, read by ${reader}`)
      const last = acknowledged.reduce((most, n) => Math.max(most, n), -1)
      t.ok(found > last, `${name}: ${found} are there, the last acknowledged is ${last}`)
      if (WHOLE.includes(end))
        t.equal(acknowledged.length, task.count, `${name}: every promise settled`)
      first = found
    }
  })
