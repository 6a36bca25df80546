/**
 * Power loss at every mutating operation of seeded workloads, creation and recovery included.
 *
 * The memory storage forgets what was not synced, by seed: contents in pieces of 512 bytes,
 * creations, renames and removals. Every clone must open, hold an exact prefix of the writes that
 * is no shorter than what was acknowledged as durable, and open again with the same content.
 * Proves P1, P2, P3 and P9. At least 5,000 crash points in full.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { below, campaign, isFull, seedsOf } from '../support/campaign.js'
import { TINY, contentOf, openLevel } from '../support/level.js'
import type { LevelOptions } from '../support/level.js'
import { random } from '../support/random.js'
import { crashWhileOpening, keepCrashes } from './crashes.js'
import type { CrashPoint } from './crashes.js'
import { slowSyncs } from './slow.js'
import { Workload } from './workload.js'

type Memory = MemoryStorage

interface Promised {
  readonly durable: number
  readonly submitted: number
}

type Crash = CrashPoint<Promised>

const SEEDS = 60
const STEPS = 60
/** Every operation in full; by default every third, and another third for the next seed. */
const STRIDE = isFull ? 1 : 3
/** Crash points that the campaign must have seen at the end. */
const LEAST_POINTS = isFull ? 5000 : 500
let points = 0

/** Runs a workload and keeps a clone or more of every moment before a mutating operation. */
async function record(seed: number): Promise<{ work: Workload; crashes: Crash[] }> {
  const dice = random(seed)
  const storage = memoryStorage()
  const work = new Workload(dice)
  const promised = ({ durable, submitted }: Workload): Promised => ({ durable, submitted })
  const crashes = keepCrashes(storage, seed, STRIDE, () => promised(work))
  const options: LevelOptions = { ...TINY, compression: seed % 2 === 0 }
  // Every other seed on a disk where syncs overtake each other.
  const place = seed % 2 === 0 ? storage : slowSyncs(storage, random(seed + 13))
  const sessions = 1 + below(dice, 3)
  for (let session = 0; session < sessions; session++) {
    const db = await openLevel(place, options)
    for (let i = 0; i < STEPS / sessions; i++) await work.step(db)
    if (session < sessions - 1 || dice() < 0.5) {
      await work.settle()
      await work.covered(() => db.close())
    } else await work.settle()
  }
  storage.onOperation = undefined
  return { work, crashes }
}

/** Opens what a crash left and checks every promise; gives the state found. */
async function recover(work: Workload, crash: Crash, storage: Memory): Promise<string> {
  const db = await openLevel(storage, TINY)
  const found = await contentOf(db)
  work.history.check(found, crash.promised.durable, crash.promised.submitted)
  assert.equal(db.recovered.damage, undefined, 'a crash is no damage')
  const report = await db.verify()
  assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
  // What was recovered takes writes, and a clean close keeps them.
  await db.put('after', crash.what, { sync: true })
  await db.close()
  const again = await openLevel(storage, TINY)
  assert.equal(again.recovered.torn, undefined, 'a clean close leaves nothing torn')
  assert.equal(await again.get('after'), crash.what)
  await again.del('after')
  assert.deepEqual(await contentOf(again), found, 'a second open gives the same')
  await again.close()
  return JSON.stringify(found)
}

/** Recovers a copy of a crash point; a failure tells where it was. */
async function recoverAt(work: Workload, crash: Crash): Promise<string> {
  try {
    return await recover(work, crash, crash.clone.crashClone(1))
  } catch (error) {
    throw new Error(crash.what, { cause: error })
  }
}

/** Crashes again while it opens, to `depth`. */
async function recoverInTheEnd(
  work: Workload,
  crash: Crash,
  expected: string,
  dice: () => number,
  depth: number,
): Promise<void> {
  const open = (storage: Memory) => openLevel(storage, TINY)
  const clone = await crashWhileOpening(crash.clone, open, dice, depth)
  if (clone === undefined) return
  const deeper = { ...crash, clone, what: `${crash.what}, then again while opening` }
  const found = await recover(work, deeper, clone)
  assert.equal(found, expected, 'recovery that was cut short ends the same')
}

t.test('power loss at every operation', async (t) => {
  await campaign(t, SEEDS, async (seed) => {
    const { work, crashes } = await record(seed)
    const dice = random(seed + 77)
    for (const crash of crashes) {
      points++
      const found = await recoverAt(work, crash)
      if (dice() < 0.1) await recoverInTheEnd(work, crash, found, dice, 1 + below(dice, 3))
    }
    return `${crashes.length} crash points, ${work.submitted} writes`
  })
  if (seedsOf(SEEDS).length > 1)
    t.ok(points >= LEAST_POINTS, `${points} crash points, at least ${LEAST_POINTS}`)
})

t.test('rotation amid unsynced writes, then a synced one', async (t) => {
  // The older journal holds acknowledged records that were never synced when the newer one is:
  // a synced acknowledgement from the newer must cover them, and without one a power cut that
  // keeps the newer journal alone leaves a gap, behind which nothing may be kept.
  await campaign(t, 40, async (seed) => {
    const storage = memoryStorage()
    const work = new Workload(random(seed))
    const place = slowSyncs(storage, random(seed + 13))
    const db = await openLevel(place, { ...TINY, writeBufferSize: 2048 })
    const crashes: Crash[] = []
    const crash = (what: string): void => {
      const { durable, submitted } = work
      for (const kind of [0, 1, seed + 2, seed + 1000])
        crashes.push({ clone: storage.crashClone(kind), promised: { durable, submitted }, what })
    }
    storage.onOperation = (n, what) => {
      if (n % 5 === seed % 5) crash(`before operation ${n} (${what})`)
    }
    for (let i = 0; i < 40; i++) {
      const value = `${i}`.padEnd(300, '.')
      const sync = i % 11 === 10 || i === 39
      const written = work.write(db, sync, [{ type: 'put', key: `key-${i % 7}`, value }])
      if (i % 3 === 0 || sync) await written
      if (sync) crash(`after synced write ${i}`)
    }
    assert.equal(work.durable, work.submitted, 'the last write is synced')
    storage.onOperation = undefined
    for (const each of crashes) await recoverAt(work, each)
    await db.close()
    return `${crashes.length} crash points`
  })
})
