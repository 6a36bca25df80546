/**
 * Power loss at every operation of a workload, for any subject: recording, recovery, and working
 * on from what was recovered.
 */
import assert from 'node:assert/strict'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { below, pick } from '../support/campaign.js'
import { onCopy, withEnvironment } from '../support/planes.js'
import { random } from '../support/random.js'
import { crashWhileOpening, keepCrashes } from './crashes.js'
import type { CrashPoint } from './crashes.js'
import { slowSyncs } from './slow.js'
import type { Opened, Promised, Subject } from './subject.js'

/** A subject whose options change from session to session. */
export interface PowerSubject<S extends Opened, P extends Promised> extends Subject<S, P> {
  change(): void
  judgeFiles(storage: MemoryStorage): Promise<void>
}

export interface PowerPlan {
  /** Steps of each generation. */
  readonly steps: number
  /** Every so many operations power is lost. */
  readonly stride: number
  /** The share of crashes that are recovered on the native plane too. */
  readonly native: number
}

/** What a seed came to. */
export interface PowerTold {
  crashes: number
  generations: number
}

/**
 * Works, loses power at every operation, judges all that this leaves, and works on from one of
 * them, up to three times.
 */
export async function losePower<S extends Opened, P extends Promised>(
  subject: PowerSubject<S, P>,
  seed: number,
  plan: PowerPlan,
): Promise<PowerTold> {
  const dice = random(seed + 77)
  const told: PowerTold = { crashes: 0, generations: 1 + below(dice, 3) }
  let storage = memoryStorage()
  let promised: P | undefined
  for (let generation = 0; generation < told.generations; generation++) {
    const crashes = await record(subject, storage, seed + generation * 1000, plan, promised)
    for (const crash of crashes) {
      told.crashes++
      await at(crash, () => recover(subject, crash, plan, dice))
    }
    const next = pick(dice, crashes)
    storage = next.clone
    promised = next.promised
  }
  return told
}

/** Runs one to three sessions and keeps what a crash leaves at every operation. */
async function record<S extends Opened, P extends Promised>(
  subject: PowerSubject<S, P>,
  storage: MemoryStorage,
  seed: number,
  { steps, stride }: PowerPlan,
  /** Of the crash that left the storage, where one did. */
  left: P | undefined,
): Promise<CrashPoint<P>[]> {
  const dice = random(seed)
  const place = dice() < 0.5 ? storage : slowSyncs(storage, random(seed + 13))
  const sessions = 1 + below(dice, 3)
  let crashes: CrashPoint<P>[] = []
  const keep = (): void => {
    crashes = keepCrashes(storage, seed, stride, () => subject.promised())
  }
  if (left === undefined) keep()
  for (let session = 0; session < sessions; session++) {
    const store = await subject.open(place)
    if (session === 0 && left !== undefined) {
      await subject.resume(store, left)
      keep()
    }
    for (let i = 0; i < steps / sessions; i++) await subject.step(store)
    await subject.settle()
    if (session === sessions - 1 && dice() < 0.5) break
    await subject.close(store)
    subject.change()
  }
  storage.onOperation = undefined
  return crashes
}

/** Opens what a crash left and holds it to everything, now and when it crashes again. */
async function recover<S extends Opened, P extends Promised>(
  subject: PowerSubject<S, P>,
  { clone, promised }: CrashPoint<P>,
  plan: PowerPlan,
  dice: () => number,
): Promise<void> {
  await subject.judgeFiles(clone)
  const found = await judged(subject, clone.crashClone(1), promised)
  if (dice() < 0.1) {
    const open = (storage: MemoryStorage) => subject.open(storage)
    const again = await crashWhileOpening(clone, open, dice, 1 + below(dice, 3))
    if (again)
      assert.equal(
        await judged(subject, again, promised),
        found,
        'recovery that was cut short ends the same',
      )
  }
  if (dice() >= plan.native) return
  const native = await withEnvironment('CAIRN_PLANE', 'native', () =>
    onCopy('native', clone, async (storage) => judged(subject, storage, promised)),
  )
  assert.equal(native, found, 'the native plane recovers the same')
}

async function judged<S extends Opened, P extends Promised>(
  subject: PowerSubject<S, P>,
  storage: Parameters<Subject<S, P>['open']>[0],
  promised: P,
): Promise<string> {
  const store = await subject.open(storage)
  let check: (again: S) => Promise<void>
  let found: string
  try {
    found = await subject.judge(store, promised)
    check = await subject.goOn(store, promised)
  } finally {
    await store.close()
  }
  const again = await subject.open(storage)
  try {
    await check(again)
  } finally {
    await again.close()
  }
  return found
}

/** A failure tells at which crash it was. */
async function at<P>({ what }: CrashPoint<P>, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw new Error(what, { cause: error })
  }
}
