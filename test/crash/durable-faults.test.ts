/**
 * Failing I/O at every position of what journals and maps do: EIO, a full disk, a short write,
 * EINTR; once and for good.
 *
 * Nothing hangs and no rejection goes unhandled. After the first failed write every later one is
 * refused with CAIRN_POISONED, and reads give what was acknowledged. Opened again without faults,
 * after the death of the process and after a power cut, the store holds what the mode promises
 * and nothing that was refused. Proves P4 and P7. Every seventh operation by default.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { LIMIT_MS, campaign, isFull } from '../support/campaign.js'
import { faultyStorage } from '../support/faulty.js'
import type { FaultRule, FaultyStorage } from '../support/faulty.js'
import { codesOf } from '../support/level.js'
import { random } from '../support/random.js'
import { ERRORS, KINDS, honest, inTime } from './failures.js'
import { JournalWorkload } from './journal-workload.js'
import { MapWorkload } from './map-workload.js'
import type { Opened, Promised, Subject } from './subject.js'

t.setTimeout(LIMIT_MS)

const STEPS = 8
const STRIDE = isFull ? 1 : 7

interface Run<P> {
  readonly storage: MemoryStorage
  readonly faulty: FaultyStorage
  /** What a power cut, and the end of the process, left; undefined while nothing was opened. */
  readonly cut: MemoryStorage
  readonly promised: P
}

/** Opens, works and closes with faults, twice; every step may fail, none may hang. */
async function workWithFaults<S extends Opened, P extends Promised>(
  subject: Subject<S, P>,
  rule: FaultRule | undefined,
): Promise<Run<P>> {
  const storage = memoryStorage()
  const faulty = faultyStorage(storage, rule)
  let [cut, promised] = [storage.crashClone(0), subject.promised()]
  for (let session = 0; session < 2; session++) {
    const store = await inTime(subject.open(faulty), 'open').catch(honest)
    if (store === undefined) continue
    store.on('warning', honest)
    for (let step = 0; step < STEPS; step++)
      await inTime(subject.step(store), `step ${step}`).catch(honest)
    await inTime(subject.settle(), 'settling')
    // A read may be what fails.
    if (faulty.failures > 0) await inTime(subject.judgeReads(store), 'reading').catch(judged)
    await judgeLate(subject, store)
    ;[cut, promised] = [storage.crashClone(0), subject.promised()]
    await inTime(store.close(), 'close')
    if (promised.submitted > subject.survivors().submitted) break
    if (faulty.failures > 0 && session === 0) break
  }
  return { storage, faulty, cut, promised }
}

/** Passes on what is no failure of the world. */
function judged(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error
  honest(error)
}

/** After a write was refused, all are. */
async function judgeLate<S extends Opened, P extends Promised>(
  subject: Subject<S, P>,
  store: S,
): Promise<void> {
  if (subject.survivors().submitted === subject.promised().submitted) return
  const refused: unknown = await inTime(subject.writeLate(store), 'a late write').catch((e) => e)
  const codes = codesOf(refused)
  assert.ok(codes.includes('CAIRN_POISONED'), `after a failure: ${codes.join(' ') || 'a write'}`)
}

/** Opens without faults what is there now, and what a power cut left. */
async function judgeReopened<S extends Opened, P extends Promised>(
  subject: Subject<S, P>,
  { storage, cut, promised }: Run<P>,
): Promise<void> {
  const survivors = subject.survivors()
  for (const [place, holds] of [
    [cut, { ...promised, submitted: survivors.submitted }],
    [storage, survivors],
  ] as const) {
    const store = await inTime(subject.open(place), 'opening without faults')
    try {
      await inTime(subject.judge(store, holds), 'judging')
      await inTime(subject.goOn(store, holds), 'going on')
    } finally {
      await inTime(store.close(), 'closing')
    }
  }
}

const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

function testFaults<S extends Opened, P extends Promised>(
  name: string,
  make: (seed: number) => Subject<S, P>,
): void {
  for (const kind of [...KINDS, 'makeDirectory', 'truncate'] as const)
    t.test(`${name}: failing ${kind}`, async (t) => {
      await campaign(t, 10, async (seed) => {
        const clean = make(seed)
        const calm = await workWithFaults(clean, undefined)
        await judgeReopened(clean, calm)
        const calls = calm.faulty.calls[kind]
        let runs = 0
        for (let nth = 1 + ((seed * 3) % STRIDE); nth <= calls; nth += STRIDE) {
          const fault = ERRORS[nth % ERRORS.length]!
          const rule: FaultRule = { operation: kind, nth, forGood: nth % 2 === 0, ...fault }
          try {
            const subject = make(seed)
            await judgeReopened(subject, await workWithFaults(subject, rule))
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

testFaults('journal', (seed) => new JournalWorkload(random(seed), seed % 3 === 0))
testFaults('map', (seed) => new MapWorkload(random(seed), seed % 3 === 0))
