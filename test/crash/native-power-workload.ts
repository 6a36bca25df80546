/**
 * A seeded run of writes on the native plane, recorded: every operation on files, and from which
 * moment on what must survive.
 */
import type { Test } from 'tap'
import { below, pick } from '../support/campaign.js'
import { TINY, openLevel } from '../support/level.js'
import type { Level, LevelOptions } from '../support/level.js'
import type { Change } from '../support/model.js'
import { withEnvironment } from '../support/planes.js'
import type { NativeIo } from '../support/planes.js'
import { random } from '../support/random.js'
import { RecordedStorage } from '../support/trace-storage.js'
import { mergeTrace } from '../support/trace.js'
import type { TraceAddon, TraceEvent } from '../support/trace.js'
import { Workload } from './workload.js'

/** Beyond one piece of a large append, which is 1 MiB. */
const HUGE_VALUES = 12
const LARGE_BYTES = 100_000
const IN_FLIGHT = 64

/** What holds from `at` on. */
export interface Moment {
  readonly at: number
  readonly durable: number
  readonly submitted: number
}

/** A workload that notes when its promises changed, and takes large steps too. */
export class TracedWorkload extends Workload {
  readonly moments: Moment[] = []
  /** The first write that was rejected. */
  failedAt: number | undefined
  /** Writes that were acknowledged though one before them had been rejected. */
  readonly late: { readonly index: number; readonly sync: boolean }[] = []
  readonly #tick: () => number

  constructor(seed: number, tick: () => number) {
    super(random(seed))
    this.#tick = tick
    this.#note()
  }

  override write(db: Level, sync: boolean, changes = this.changes()): Promise<void> {
    const index = this.submitted
    const done = super.write(db, sync, changes)
    this.#note()
    done.then(
      () => {
        if (this.failedAt !== undefined && index > this.failedAt) this.late.push({ index, sync })
        this.#note()
      },
      () => (this.failedAt = Math.min(index, this.failedAt ?? index)),
    )
    return done
  }

  override async covered(action: () => Promise<void>): Promise<void> {
    await super.covered(action)
    this.#note()
  }

  /** The steps of every workload, and now and then many or large writes. */
  override async step(db: Level): Promise<void> {
    const dice = this.random()
    if (dice > 0.14) return super.step(db)
    if (dice < 0.05) return this.#many(db)
    return this.large(db, 1 + below(this.random, 4))
  }

  /** Values that are written through the queue, and a small write right behind them. */
  async large(db: Level, values: number): Promise<void> {
    const writes = [this.write(db, this.random() < 0.5, this.#large(values))]
    writes.push(this.write(db, this.random() < 0.5))
    for (const write of writes) write.catch(() => undefined)
    await this.settle()
    // Large values go soon: each state of the history holds them all.
    const gone = Array.from({ length: values }, (_, i): Change => ({
      type: 'del',
      key: `big-${i}`,
    }))
    await this.write(db, this.random() < 0.2, gone).catch(() => undefined)
  }

  /** The bounds of what a power cut at `at` may leave. */
  momentAt(at: number): Moment {
    return this.moments.findLast((moment) => moment.at <= at)!
  }

  async #many(db: Level): Promise<void> {
    const share = pick(this.random, [0, 0.3, 1])
    for (let i = 0; i < IN_FLIGHT; i++) this.write(db, this.random() < share).catch(() => undefined)
    if (this.random() < 0.7) await this.settle()
  }

  #large(values: number): Change[] {
    return Array.from({ length: values }, (_, i) => {
      const value = `${this.submitted}.`.padEnd(LARGE_BYTES, String(below(this.random, 1e6)))
      return { type: 'put', key: `big-${i}`, value }
    })
  }

  #note(): void {
    const { durable, submitted } = this
    this.moments.push({ at: this.#tick(), durable, submitted })
  }
}

export interface Recording {
  readonly work: TracedWorkload
  readonly events: TraceEvent[]
}

export const NATIVE: LevelOptions = { ...TINY, plane: 'native' }

/** Runs a seeded workload of one to three sessions in an empty directory. */
export async function record(
  addon: TraceAddon,
  io: NativeIo,
  directory: string,
  seed: number,
  steps: number,
): Promise<Recording> {
  const tick = () => addon.traceTick()
  const storage = new RecordedStorage(directory, tick)
  const work = new TracedWorkload(seed, tick)
  const options = { ...NATIVE, compression: seed % 4 < 2 }
  const sessions = 1 + below(work.random, 3)
  addon.traceTake()
  addon.traceRecord(true)
  try {
    for (let session = 0; session < sessions; session++) {
      const db = await withEnvironment('CAIRN_IO', io, () => openLevel(storage, options))
      for (let i = 0; i < steps / sessions; i++) await work.step(db)
      if (session === 0) await work.large(db, HUGE_VALUES)
      await work.settle()
      await work.covered(() => db.close())
    }
  } finally {
    addon.traceRecord(false)
  }
  return { work, events: mergeTrace(addon.traceTake(), storage.operations) }
}

/** The ways of I/O that this system lets us have; tells what it refuses. */
export async function waysOfIo(
  t: Pick<Test, 'test'>,
  directory: string,
): Promise<readonly NativeIo[]> {
  const storage = new RecordedStorage(directory, () => 0)
  const ways: NativeIo[] = []
  for (const io of ['io_uring', 'threads'] as const) {
    try {
      const db = await withEnvironment('CAIRN_IO', io, () => openLevel(storage, NATIVE))
      await db.close()
      ways.push(io)
    } catch (error) {
      void t.test(io, { skip: String((error as Error).cause ?? error) }, () => {})
    }
  }
  return ways
}
