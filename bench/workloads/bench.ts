/**
 * What every workload stands on: fresh stores, lanes of operations, and the timing of a row.
 *
 * Everything that is read is counted, so that an engine that answers wrongly fails instead of
 * being fast. Writes end after a limit of time too: a rate needs no more.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AsideName, Engine, Entry, OpenEngine, Opening } from '../engine.js'
import { recordKey, VALUE_BYTES, Values } from '../records.js'

const BATCH_ROWS = 1000
/** How many operations pass between two looks at the clock. */
const CLOCK_STEP = 64

export type Unit = 'op/s' | 'MB/s' | '%' | 'ms' | 'µs'
export type Percentile = 'p50' | 'p99' | 'p99.9' | 'max'

/** One row of the tables. */
export interface Timing {
  readonly workload: string
  readonly variant: string
  /** Of how long single operations took. */
  readonly percentile?: Percentile
  readonly unit: Unit
  readonly figure: number
}

/** What the loops without a store are given; `directory` is there, and theirs. */
export interface BareTask {
  readonly directory: string
  readonly limitMs: number
  /** What the native plane reached in this group's rows, by their names, if it took part. */
  readonly known: Readonly<Record<string, number>>
}

/** Workloads that share a process. */
export interface Group {
  readonly names: readonly string[]
  readonly run: (bench: Bench) => Promise<void>
  /** The asides (engine.ts) that take part. */
  readonly asides?: readonly AsideName[]
  /** The loops without a store that go with it. */
  readonly bare?: (task: BareTask) => Promise<Timing[]>
}

export type Manner = Partial<Omit<Opening, 'directory'>>

export class Bench {
  readonly timings: Timing[] = []
  description = ''
  #stores = 0

  constructor(
    private readonly openEngine: OpenEngine,
    private readonly directory: string,
    readonly records: number,
    /** After how long a row of writes ends at the latest. */
    readonly limitMs: number,
    readonly valueBytes = VALUE_BYTES,
  ) {}

  row(workload: string, variant: string, unit: Unit, figure: number): void {
    this.timings.push({ workload, variant, unit, figure })
  }

  /** Runs `work` on a new, empty store. */
  async fresh(
    manner: Manner,
    work: (engine: Engine, directory: string) => Promise<void>,
  ): Promise<void> {
    const directory = join(this.directory, `store-${++this.#stores}`)
    await mkdir(directory, { recursive: true })
    const engine = await this.open(directory, manner)
    try {
      await work(engine, directory)
    } finally {
      await engine.close()
      await rm(directory, { recursive: true })
    }
  }

  async open(directory: string, manner: Manner = {}): Promise<Engine> {
    const defaults = { shape: 'string keys', inFlight: 1, synced: false } as const
    const engine = await this.openEngine({ ...defaults, ...manner, directory })
    this.description = engine.description
    return engine
  }

  /** Writes the records of `order` by batches. */
  async fill(engine: Engine, order: Uint32Array, shape?: Opening['shape']): Promise<void> {
    for (const batch of batches(order, this.valueBytes, shape)) await engine.batch(batch)
  }

  /** Times `work`, which does `operations` operations or tells how many it did. */
  async rate(
    workload: string,
    variant: string,
    operations: number,
    work: () => Promise<number | undefined> | undefined,
  ): Promise<void> {
    const started = performance.now()
    const done = (await work()) ?? operations
    const seconds = (performance.now() - started) / 1000
    this.row(workload, variant, 'op/s', done / seconds)
  }

  /** Does operations 0 to count-1, `width` of them under way at a time, until the time is over. */
  async lanes(
    count: number,
    width: number,
    operation: (at: number) => unknown,
    limitMs = this.limitMs,
  ): Promise<number> {
    const deadline = performance.now() + limitMs
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < count) {
        if (next % CLOCK_STEP === 0 && performance.now() > deadline) count = next
        else await operation(next++)
      }
    }
    await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
    return next
  }
}

/** '64 in flight'. */
export function widthText(inFlight: number): string {
  return inFlight === 1 ? 'one at a time' : `${inFlight.toLocaleString('en-US')} in flight`
}

export function expect(found: number, wanted: number, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${found} where ${wanted} are right`)
}

/** The records of `order` in batches of 1,000; keys and values as `shape` wants them. */
export function* batches(
  order: Uint32Array,
  valueBytes: number,
  shape: Opening['shape'] = 'string keys',
): Generator<Entry[]> {
  const values = new Values(valueBytes)
  for (let start = 0; start < order.length; start += BATCH_ROWS) {
    const rows = order.subarray(start, start + BATCH_ROWS)
    yield Array.from(rows, (record): Entry => {
      const key = recordKey(record)
      const value = values.next()
      if (shape === 'string keys') return { type: 'put', key, value }
      return shape === 'buffers'
        ? { type: 'put', key: Buffer.from(key), value }
        : { type: 'put', key, value: value.toString('latin1') }
    })
  }
}
