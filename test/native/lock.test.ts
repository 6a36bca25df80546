/**
 * Who may open a directory, over both planes, threads, processes and a real LevelDB.
 *
 * One of them, always; the others get CAIRN_LOCKED and change nothing; death frees it. The
 * TypeScript plane against a LevelDB is not certain by what Node can do, and not asked here.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/stores/kv/index.js'
import { diskStorage } from '../../lib/io/index.js'
import { selectPlane } from '../../lib/planes/select.js'
import { LIMIT_MS, share } from '../support/campaign.js'
import { PLANES, nativeMissing } from '../support/planes.js'
import { scratch } from '../support/scratch.js'
import { scriptBeside } from './children.js'
import { claim, refusal } from './claimant.js'
import type { Engine, Held, Order } from './claimant.js'

t.setTimeout(LIMIT_MS)

const CLAIMANT = scriptBeside(import.meta.url, 'claimant.js')
const RACERS = 8
const ROUNDS = 40
const LOCKED = /^LEVEL_DATABASE_NOT_OPEN LEVEL_LOCKED CAIRN_LOCKED: /
const CLASSIC_LOCKED = /^LEVEL_DATABASE_NOT_OPEN LEVEL_LOCKED: .*lock/i

interface Claimant {
  open(directory: string, engine: Engine): Promise<string>
  close(): Promise<void>
  /** Ends it at once, as kill -9 does; the test's own thread closes instead. */
  end(): Promise<void>
}

type Start = (t: Test) => Promise<Claimant>

const here: Start = async () => {
  let held: Held | undefined
  const close = async (): Promise<void> => {
    await held?.close()
    held = undefined
  }
  const open = async (directory: string, engine: Engine): Promise<string> => {
    try {
      held = await claim({ directory, engine })
      return 'held'
    } catch (error) {
      return refusal(error)
    }
  }
  return { open, close, end: close }
}

const inThread: Start = async (t) => {
  const worker = new Worker(CLAIMANT)
  const end = async (): Promise<void> => void (await worker.terminate())
  t.teardown(end)
  return obeying(worker, (order) => worker.postMessage(order), end)
}

const inProcess: Start = async (t) => {
  const child = fork(CLAIMANT)
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  t.teardown(end)
  return obeying(child, (order) => child.send(order), end)
}

async function obeying(
  from: EventEmitter,
  send: (order: Order) => void,
  end: () => Promise<void>,
): Promise<Claimant> {
  const answer = async (): Promise<string> => String((await once(from, 'message'))[0])
  await answer()
  const tell = (order: Order): Promise<string> => {
    const told = answer()
    send(order)
    return told
  }
  return {
    open: (directory, engine) => tell({ open: { directory, engine } }),
    close: async () => void (await tell('close')),
    end,
  }
}

const STARTS: readonly [string, Start][] = [
  ['this thread', here],
  ['a worker thread', inThread],
  ['another process', inProcess],
]

/**
 * What stands in a directory. LOCK is not read: closing it would drop the lock that a LevelDB of
 * this process has on it; nor is LOG, which a LevelDB begins anew before it asks for the lock.
 * An empty file is the next journal, which a holder makes when it finds the time.
 */
function contentOf(directory: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of fs.readdirSync(directory).sort()) {
    const isTheirs = name === 'LOCK' || name.startsWith('LOG')
    const bytes = isTheirs ? '' : fs.readFileSync(join(directory, name), 'latin1')
    if (bytes !== '') found[name] = bytes
  }
  return found
}

/** A store with something in it. */
async function filled(t: Test): Promise<string> {
  const directory = join(scratch(t), 'store')
  const db = new CairnLevel(directory, { infoLog: false })
  await db.put('key', 'value', { sync: true })
  await db.close()
  return directory
}

for (const [where, startHolder] of STARTS)
  for (const [there, startOther] of STARTS)
    t.test(`${where} holds, ${there} asks`, async (t) => {
      const holder = await startHolder(t)
      const other = await startOther(t)
      const directory = await filled(t)
      for (const first of PLANES)
        for (const second of PLANES) {
          const name = `${first}, then ${second}`
          t.equal(await holder.open(directory, first), 'held', name)
          const before = contentOf(directory)
          t.match(await other.open(directory, second), LOCKED, name)
          t.same(contentOf(directory), before, `${name}: a refusal changes nothing`)
          await holder.close()
          t.equal(await other.open(directory, second), 'held', `${name}: it is free again`)
          await other.close()
          const both = await Promise.all([
            holder.open(directory, first),
            other.open(directory, second),
          ])
          const winners = both.filter((answer) => answer === 'held').length
          t.equal(winners, 1, `${name} at once: ${both.join('; ')}`)
          t.equal(both.filter((answer) => LOCKED.test(answer)).length, 1, name)
          await holder.close()
          await other.close()
        }
    })

for (const [where, start] of STARTS.slice(1))
  for (const plane of PLANES)
    t.test(`${where} that holds by ${plane} dies`, async (t) => {
      const directory = await filled(t)
      for (const next of PLANES) {
        const holder = await start(t)
        t.equal(await holder.open(directory, plane), 'held')
        t.match(await (await here(t)).open(directory, next), LOCKED)
        await holder.end()
        const heir = await here(t)
        t.equal(await heir.open(directory, next), 'held', `free for ${next}`)
        await heir.close()
      }
    })

t.test(`${RACERS} processes race`, async (t) => {
  const racers = await Promise.all(Array.from({ length: RACERS }, () => inProcess(t)))
  const directory = await filled(t)
  for (let round = 0; round < share(ROUNDS); round++) {
    const engine = (i: number): Engine => PLANES[(i + round) % PLANES.length]!
    const answers = await Promise.all(racers.map((racer, i) => racer.open(directory, engine(i))))
    const winners = answers.filter((answer) => answer === 'held').length
    t.equal(winners, 1, `round ${round}: ${winners} of ${RACERS} got in`)
    const refused = answers.filter((answer) => LOCKED.test(answer)).length
    t.equal(refused, RACERS - 1, answers.join('; '))
    await Promise.all(racers.map((racer) => racer.close()))
  }
})

const native = nativeMissing === undefined ? {} : { skip: nativeMissing }

for (const [where, start] of STARTS) {
  t.test(`a LevelDB in ${where} keeps the native plane out`, native, async (t) => {
    const level = await start(t)
    const directory = await filled(t)
    t.equal(await level.open(directory, 'classic'), 'held')
    const before = contentOf(directory)
    t.match(await (await here(t)).open(directory, 'native'), LOCKED)
    t.same(contentOf(directory), before, 'a refusal changes nothing')
    const stranger = await inProcess(t)
    t.match(await stranger.open(directory, 'native'), LOCKED)
    t.match(await stranger.open(directory, 'classic'), CLASSIC_LOCKED, 'and keeps its own lock')
    await level.close()
    t.equal(await stranger.open(directory, 'native'), 'held')
    await stranger.end()
  })

  t.test(`the native plane keeps a LevelDB in ${where} out`, native, async (t) => {
    const level = await start(t)
    const directory = await filled(t)
    const holder = await here(t)
    t.equal(await holder.open(directory, 'native'), 'held')
    const before = contentOf(directory)
    for (let i = 0; i < 2; i++)
      t.match(await level.open(directory, 'classic'), CLASSIC_LOCKED, 'also behind a refusal')
    t.same(contentOf(directory), before, 'it changed no file of ours')
    await holder.close()
    t.equal(await level.open(directory, 'classic'), 'held')
    await level.close()
  })
}

t.test('the lock of the native plane alone', native, async (t) => {
  const directory = await filled(t)
  const storage = diskStorage(directory)
  const options = { storage, cacheBytes: 0, maxOpenTables: 1 }
  const [first, second] = [selectPlane('native', options), selectPlane('native', options)]
  first.plane.lock()
  first.plane.lock()
  t.throws(() => second.plane.lock(), { code: 'CAIRN_LOCKED' }, 'another plane of this thread')
  for (const engine of PLANES)
    t.match(await (await here(t)).open(directory, engine), LOCKED, 'seen by every opening')
  t.throws(() => second.plane.lock(), { code: 'CAIRN_LOCKED' }, 'a refusal has not dropped it')
  await first.plane.close()
  second.plane.lock()
  await second.plane.close()
})
