/**
 * Writes and syncs of the native plane that fail as planned: in part, cancelled (125), with no
 * space left (28), with an error of the disk (5).
 *
 * Each waiter of the group rejects, everything after it is refused and nothing is acknowledged any
 * more until the store is opened again; then, and after a power cut too, it holds a prefix of the
 * writes with everything acknowledged. Nothing hangs.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { diskStorage } from '../../lib/io/index.js'
import { campaign, isFull } from '../support/campaign.js'
import { codesOf, contentOf, openLevel } from '../support/level.js'
import type { Level } from '../support/level.js'
import type { Entry } from '../support/model.js'
import { withEnvironment } from '../support/planes.js'
import type { NativeIo } from '../support/planes.js'
import { RecordedStorage } from '../support/trace-storage.js'
import { Replay } from '../support/trace-replay.js'
import { mergeTrace } from '../support/trace.js'
import type { NativeOperation, TraceAddon, TraceEvent } from '../support/trace.js'
import { recoverInMemory } from './native-power-recover.js'
import { NATIVE, TracedWorkload } from './native-power-workload.js'

const STEPS = 30
const STRIDE = isFull ? 1 : 7
const HANG_MS = 30_000
const ERRORS = [-125, -28, -5]
const WORLD_CODES = ['CAIRN_IO', 'CAIRN_NO_SPACE', 'CAIRN_POISONED']

interface Fault {
  readonly kind: 'write' | 'sync'
  readonly nth: number
  /** A negated error number, or how many bytes are written. */
  readonly result: number
}

/** Rejects when `promise` does not settle in time. */
async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} hangs`)), HANG_MS)
  })
  return Promise.race([promise, hang]).finally(() => clearTimeout(timer))
}

/** Any failure must be one of the world, told by its code. */
function honest(error: unknown): void {
  const known = codesOf(error).some((code) => WORLD_CODES.includes(code))
  assert.ok(known, `an unexpected error: ${(error as Error).stack ?? String(error)}`)
}

async function codesOfRejection(promise: Promise<unknown>): Promise<string[]> {
  return promise.then(() => ['no rejection'], codesOf)
}

class Faulted {
  readonly work: TracedWorkload
  readonly storage: RecordedStorage
  operations: NativeOperation[] = []
  /** When the late writes began, and what came of the last. */
  #lateAt = Infinity
  #lateCodes: readonly string[] = []
  readonly #addon: TraceAddon
  readonly #io: NativeIo

  constructor(addon: TraceAddon, io: NativeIo, directory: string, seed: number) {
    this.#addon = addon
    this.#io = io
    const tick = () => addon.traceTick()
    this.storage = new RecordedStorage(directory, tick)
    this.work = new TracedWorkload(seed, tick)
  }

  /** Opens, works and closes while a fault waits; every step may fail, none may hang. */
  async run(fault: Fault | undefined): Promise<void> {
    this.#addon.traceTake()
    this.#addon.traceRecord(true)
    if (fault) this.#addon.tracePlan(fault.kind, fault.nth, fault.result)
    try {
      await this.#session()
    } finally {
      this.#addon.traceForgive()
      this.#addon.traceRecord(false)
      this.operations = this.#addon.traceTake()
    }
  }

  async #session(): Promise<void> {
    let db: Level
    try {
      db = await inTime(this.open(this.storage), 'open')
    } catch (error) {
      return honest(error)
    }
    db.on('warning', honest)
    for (let step = 0; step < STEPS && !this.work.poisoned; step++)
      await inTime(this.work.step(db), `step ${step}`).catch(honest)
    await inTime(this.work.settle(), 'settling')
    await this.#writeLate(db)
    await inTime(db.close(), 'close').catch(honest)
  }

  open(storage: RecordedStorage | ReturnType<typeof diskStorage>): Promise<Level> {
    return withEnvironment('CAIRN_IO', this.#io, () => openLevel(storage, NATIVE))
  }

  /** Two more writes: what failed behind everybody's back is told by the first one. */
  async #writeLate(db: Level): Promise<void> {
    this.#lateAt = this.#addon.traceTick()
    await inTime(this.work.write(db, true), 'a late write').catch(honest)
    await inTime(this.work.settle(), 'settling')
    this.#lateCodes = await codesOfRejection(inTime(this.work.write(db, false), 'a later write'))
    await inTime(this.work.settle(), 'settling')
  }

  /** The operation of a journal that failed as planned, if one did; that of zeros, which are no
   * part of it, may fail. */
  failedJournal({ kind, result }: Fault): NativeOperation | undefined {
    const failed = this.operations.find((each) => each.kind === kind && each.result === result)
    if (result > 0 || !failed?.name.endsWith('.log')) return undefined
    const isZeros = failed.kind === 'write' && failed.bytes.every((byte) => byte === 0)
    return isZeros ? undefined : failed
  }

  /** What is there when nothing fails any more: as the process left it, and after a power cut. */
  async judge(fault: Fault | undefined): Promise<void> {
    const { work } = this
    const { acknowledged, durable, submitted } = work
    const failed = fault && this.failedJournal(fault)
    if (failed) this.#judgeStop(failed)
    const events = mergeTrace(this.operations, this.storage.operations)
    await this.#judgePowerCut(events, durable, submitted)
    const db = await this.open(diskStorage(this.storage.location))
    if (work.late.length === 0) work.history.check(await contentOf(db), acknowledged, submitted)
    work.checkFaulty(await contentOf(db), true)
    const report = await db.verify()
    assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
    await db.close()
  }

  /** Nothing is acknowledged behind a failed journal, and it is left alone. */
  #judgeStop({ name, end }: NativeOperation): void {
    assert.deepEqual(this.work.late, [], 'nothing is acknowledged after a rejection')
    if (end < this.#lateAt)
      assert.ok(this.#lateCodes.includes('CAIRN_POISONED'), `later: ${this.#lateCodes.join(' ')}`)
    const after = this.operations.filter((each) => each.name === name && each.begin > end)
    const touched = after.filter((each) => each.kind === 'write' || each.kind === 'sync')
    assert.deepEqual(touched, [], 'the file is left alone')
  }

  async #judgePowerCut(
    events: readonly TraceEvent[],
    durable: number,
    submitted: number,
  ): Promise<void> {
    const replay = new Replay(events)
    replay.advance(Infinity)
    for (const left of ['nothing', 'torn', 'some'] as const) {
      const found = await recoverInMemory(replay.crash(left, submitted))
      // Writes that were refused for a while, as a table could not be written, leave holes.
      if (this.work.late.length === 0) this.work.history.check(found, durable, submitted)
    }
  }
}

async function failAndReopen(
  addon: TraceAddon,
  io: NativeIo,
  directory: string,
  seed: number,
  fault: Fault | undefined,
): Promise<Faulted> {
  try {
    const faulted = new Faulted(addon, io, directory, seed)
    await faulted.run(fault)
    await faulted.judge(fault)
    return faulted
  } catch (error) {
    throw new Error(JSON.stringify(fault), { cause: error })
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** Fails writes and syncs one after the other, over a whole workload. */
function testAnyOperation(
  t: Test,
  addon: TraceAddon,
  ways: readonly NativeIo[],
  root: string,
): void {
  for (const io of ways)
    t.test(`any write or sync fails: ${io}`, async (t) => {
      const unhandled: unknown[] = []
      const note = (reason: unknown) => unhandled.push(reason)
      process.on('unhandledRejection', note)
      await campaign(t, 5, async (seed) => {
        const directory = join(root, `fault-${io}`)
        const clean = await failAndReopen(addon, io, directory, seed, undefined)
        let runs = 0
        let journals = 0
        for (const kind of ['write', 'sync'] as const) {
          const all = clean.operations.filter((operation) => operation.kind === kind)
          for (let nth = 1 + (seed % STRIDE); nth <= all.length; nth += STRIDE) {
            const short = kind === 'write' ? [0, 1 + ((nth * 37) % 97)] : []
            const results = [...ERRORS, ...short]
            const result = results[Math.floor(nth / STRIDE) % results.length]!
            const fault: Fault = { kind, nth, result }
            const run = await failAndReopen(addon, io, directory, seed, fault)
            if (run.failedJournal(fault) !== undefined) journals++
            runs++
          }
        }
        assert.deepEqual(unhandled, [], 'no rejection goes unhandled')
        return `${runs} operations failed, ${journals} of journals`
      })
      process.off('unhandledRejection', note)
    })
}

/** How a group comes: 8 small puts, 8 that are too large to be written inline, or one batch of
 * more than a piece of what goes through the queue. */
type Shape = 'small' | 'large' | 'pieces'

const VALUE_BYTES: Record<Shape, number> = { small: 100, large: 12_000, pieces: 400_000 }

function writeGroup(db: Level, shape: Shape, entries: readonly Entry[]): Promise<void>[] {
  if (shape !== 'pieces')
    return entries.map(([key, value], i) => db.put(key, value, { sync: i === 5 }))
  const puts = entries.map(([key, value]) => ({ type: 'put', key, value }) as const)
  return [db.batch(puts, { sync: true })]
}

/** A group of writes of one turn of which one operation fails. */
async function failGroup(
  open: () => Promise<Level>,
  addon: TraceAddon,
  shape: Shape,
  fault: Fault,
) {
  const db = await open()
  await db.put('before', 'there', { sync: true })
  const value = 'v'.repeat(VALUE_BYTES[shape])
  const group = Array.from({ length: 8 }, (_, i): Entry => [`key-${i}`, value])
  addon.tracePlan(fault.kind, fault.nth, fault.result)
  const writes = writeGroup(db, shape, group)
  const settled = await inTime(Promise.allSettled(writes), 'the group')
  assert.equal(addon.traceForgive(), 0, 'the fault happened')
  const passes = fault.result > 0
  for (const one of settled) {
    const codes = one.status === 'fulfilled' ? [] : codesOf(one.reason)
    if (passes) assert.equal(one.status, 'fulfilled', 'what was written in part goes on')
    else
      assert.ok(
        codes.includes(codeOf(fault)),
        `every waiter of the group rejects: ${codes.join(' ')}`,
      )
  }
  if (!passes) {
    for (const write of [
      db.put('late', ''),
      db.put('late', '', { sync: true }),
      db.del('before'),
    ]) {
      const codes = await codesOfRejection(inTime(write, 'a late write'))
      assert.ok(codes.includes('CAIRN_POISONED'), codes.join(' '))
    }
    assert.equal(await db.get('key-0'), undefined, 'what was not acknowledged is not read')
  }
  await inTime(db.close(), 'close').catch(honest)
  const again = await open()
  const found = await contentOf(again)
  const whole: Entry[] = [['before', 'there'], ...group]
  // The group is one record: there or not.
  assert.deepEqual(found, !passes && found.length === 1 ? whole.slice(0, 1) : whole)
  await again.close()
}

function codeOf({ result }: Fault): string {
  return result === -28 ? 'CAIRN_NO_SPACE' : 'CAIRN_IO'
}

function testGroups(t: Test, addon: TraceAddon, ways: readonly NativeIo[], root: string): void {
  for (const io of ways)
    for (const shape of ['small', 'large', 'pieces'] as const)
      t.test(`an operation of a group fails: ${shape}, ${io}`, async (t) => {
        const faults: Fault[] = ERRORS.flatMap((result): Fault[] => [
          { kind: 'write', nth: 1, result },
          { kind: 'sync', nth: 1, result },
          ...(shape === 'pieces' ? [{ kind: 'write', nth: 3, result } as const] : []),
        ])
        for (const result of [0, 1, 511]) faults.push({ kind: 'write', nth: 1, result })
        for (const [i, fault] of faults.entries()) {
          const storage = diskStorage(join(root, `group-${shape}-${io}-${i}`))
          const options = { ...NATIVE, writeBufferSize: 1 << 23 }
          const open = () => withEnvironment('CAIRN_IO', io, () => openLevel(storage, options))
          await failGroup(open, addon, shape, fault)
          t.pass(JSON.stringify(fault))
        }
      })
}

export function testFaults(
  t: Test,
  addon: TraceAddon,
  ways: readonly NativeIo[],
  root: string,
): void {
  testGroups(t, addon, ways, root)
  testAnyOperation(t, addon, ways, root)
}
