/**
 * Failing I/O at every position of a workload: EIO, a full disk, a short write, EINTR.
 *
 * Every seventh operation of each kind is made to fail, once and for good (every one in full).
 * Nothing hangs and no rejection goes unhandled; after the first failed write every later one is
 * refused, reads give what was acknowledged, and no file is synced again whose sync failed.
 * Opened again without faults, the store holds a prefix of the writes with everything acknowledged
 * in it and nothing that was refused. Proves P4 and P7.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { campaign, isFull } from '../support/campaign.js'
import { faultyStorage } from '../support/faulty.js'
import type { FaultRule, FaultyStorage } from '../support/faulty.js'
import { TINY, codesOf, contentOf, fileOf, openLevel } from '../support/level.js'
import type { Level } from '../support/level.js'
import { random } from '../support/random.js'
import { ERRORS, KINDS, honest, inTime } from './failures.js'
import { Workload } from './workload.js'

const STEPS = 25
const STRIDE = isFull ? 1 : 7

interface Run {
  readonly work: Workload
  readonly storage: MemoryStorage
  readonly faulty: FaultyStorage
}

/** Opens, works and closes with faults; every step may fail, none may hang. */
async function workWithFaults(seed: number, rule: FaultRule | undefined): Promise<Run> {
  const storage = memoryStorage()
  const faulty = faultyStorage(storage, rule)
  const work = new Workload(random(seed))
  for (let session = 0; session < 2; session++) {
    let db: Level
    try {
      db = await inTime(openLevel(faulty, TINY), 'open')
    } catch (error) {
      honest(error)
      continue
    }
    db.on('warning', honest)
    for (let step = 0; step < STEPS; step++) {
      try {
        await inTime(work.step(db), `step ${step}`)
      } catch (error) {
        honest(error)
      }
    }
    await inTime(work.settle(), 'settling')
    if (faulty.failures > 0) await judgeReads(db, work)
    await inTime(db.close(), 'close')
    if (work.poisoned) break
  }
  return { work, storage, faulty }
}

/** Reads go on after a failure, and give what was acknowledged; a read itself may fail. */
async function judgeReads(db: Level, work: Workload): Promise<void> {
  const found = await inTime(contentOf(db), 'reading').catch(honest)
  if (found) work.checkFaulty(found, false)
  if (!work.poisoned) return
  const refused: unknown = await inTime(db.put('key-000', 'late'), 'a late write').catch((e) => e)
  const codes = codesOf(refused)
  assert.ok(codes.includes('CAIRN_POISONED'), `after a failure: ${codes.join(' ') || 'a write'}`)
}

/** Opens without faults: a prefix that has all that was acknowledged and nothing refused. */
async function judgeReopened({ work, storage }: Run): Promise<void> {
  const db = await openLevel(storage, TINY)
  work.checkFaulty(await contentOf(db), true)
  const report = await db.verify()
  assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
  await db.close()
}

const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

for (const kind of KINDS) {
  t.test(`failing ${kind}`, async (t) => {
    await campaign(t, 5, async (seed) => {
      const clean = await workWithFaults(seed, undefined)
      await judgeReopened(clean)
      const calls = clean.faulty.calls[kind]
      let runs = 0
      for (let nth = 1 + ((seed * 3) % STRIDE); nth <= calls; nth += STRIDE) {
        const fault = ERRORS[nth % ERRORS.length]!
        const rule: FaultRule = { operation: kind, nth, forGood: nth % 2 === 0, ...fault }
        try {
          const run = await workWithFaults(seed, rule)
          await judgeReopened(run)
          runs++
        } catch (error) {
          throw new Error(JSON.stringify(rule), { cause: error })
        }
      }
      assert.deepEqual(unhandled, [], 'no rejection goes unhandled')
      return `${runs} of ${calls} calls failed`
    })
  })
}

t.test('a sync that failed is never tried again', async (t) => {
  await campaign(t, 100, async (seed) => {
    const storage = memoryStorage()
    const rule: FaultRule = { operation: 'sync', file: /^MANIFEST|\.log$/, nth: 3 + (seed % 12) }
    const faulty = faultyStorage(storage)
    const db = await openLevel(faulty, TINY)
    faulty.rule = rule
    const work = new Workload(random(seed))
    let failed: string | undefined
    const after: string[] = []
    const note = (error: unknown): void => {
      honest(error)
      failed ??= fileOf(error)
    }
    db.on('warning', note)
    storage.onOperation = (_, what) => {
      if (faulty.failures > 0) after.push(what)
    }
    for (let step = 0; step < 3 * STEPS; step++) await work.step(db).catch(note)
    await work.settle()
    await inTime(db.close(), 'close')
    storage.onOperation = undefined
    if (faulty.failures === 0) return 'no sync failed'
    assert.ok(failed !== undefined, 'the failure names its file')
    const again = after.filter((what) => /^(write|sync) /.test(what) && what.endsWith(failed!))
    assert.deepEqual(again, [], 'the file is left alone')
    await judgeReopened({ work, storage, faulty })
    return failed
  })
})
