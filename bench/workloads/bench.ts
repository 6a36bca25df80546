/**
 * What every workload stands on: fresh stores, lanes of operations, and the timing of a row.
 *
 * Everything that is read is counted, so that an engine that answers wrongly fails instead of
 * being fast. Writes end after a limit of time too: a rate needs no more.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PLANES } from '../engine.js'
import type {
  AsideName,
  Engine,
  EngineName,
  Entry,
  OpenEngine,
  Opening,
  PlaneName,
} from '../engine.js'
import { Values, wholeKey } from '../records.js'
import type { Percentile } from './latencies.js'

const BATCH_ROWS = 1000
const BATCH_BYTES = 1024 * 1024
/** How many operations pass between two looks at the clock. */
const CLOCK_STEP = 64

/** `M` is a count in millions, `x` a multiple of what the row names. */
export type Unit = 'op/s' | 'MB/s' | '%' | 's' | 'ms' | 'µs' | 'MB' | 'M' | 'x'

/** One row of the tables. */
export interface Timing {
  readonly workload: string
  readonly variant: string
  /** Of how long single operations took. */
  readonly percentile?: Percentile
  readonly unit: Unit
  readonly figure: number
}

/** A rate as it went over time. */
export interface Series {
  readonly workload: string
  readonly variant: string
  /** Ends of stretches, and the operations per second of each. */
  readonly points: readonly { readonly seconds: number; readonly figure: number }[]
}

/** How workloads without a goal run: once, with fewer records. */
export const NO_GOAL = { rounds: 1, share: 1 / 4 } as const

/** What a group of workloads is given. */
export interface Scale {
  /** Is there, and empty. */
  readonly directory: string
  readonly records: number
  readonly valueBytes: number
  /** After how long a row of writes ends at the latest. */
  readonly limitMs: number
}

/** What the loops without a store are given. */
export interface BareTask extends Scale {
  /** What the native plane reached in this group's rows, by their names, if it took part. */
  readonly known: Readonly<Record<string, number>>
}

/** Workloads that share a process. */
export interface Group {
  readonly names: readonly string[]
  readonly run: (bench: Bench) => Promise<void>
  /** The engines that take part, if not all do. */
  readonly engines?: readonly EngineName[]
  /** The asides (engine.ts) that take part. */
  readonly asides?: readonly AsideName[]
  /** Whether larger values get rows of their own. */
  readonly anySize?: boolean
  /** So many unless others are asked for: what has no goal or takes long has fewer. */
  readonly rounds?: number
  /** Of the records that others have: what has no goal has fewer. */
  readonly share?: number
  /** The loops without a store that go with it. */
  readonly bare?: (task: BareTask) => Promise<Timing[]>
}

export type Manner = Partial<Omit<Opening, 'directory'>>

const MANNER = { shape: 'string keys', inFlight: 1, synced: false, compression: true } as const

export class Bench {
  readonly timings: Timing[] = []
  readonly series: Series[] = []
  readonly records: number
  readonly valueBytes: number
  readonly limitMs: number
  /** Rows of a batch and of a page: a thousand, fewer of those that are large. */
  readonly pageRows: number
  description = ''
  readonly #directory: string
  #stores = 0

  constructor(
    private readonly subject: EngineName | AsideName,
    private readonly openEngine: OpenEngine,
    scale: Scale,
  ) {
    this.#directory = scale.directory
    this.records = scale.records
    this.valueBytes = scale.valueBytes
    this.limitMs = scale.limitMs
    this.pageRows = Math.min(BATCH_ROWS, Math.ceil(BATCH_BYTES / this.valueBytes))
  }

  row(workload: string, variant: string, unit: Unit, figure: number): void {
    this.timings.push({ workload, variant, unit, figure })
  }

  /** Ours, in groups that only planes take part in. */
  get plane(): PlaneName {
    const plane = PLANES.find((name) => name === this.subject)
    if (plane === undefined) throw new Error(`${this.subject} is no plane`)
    return plane
  }

  /** Runs `work` on a new, empty store. */
  async fresh(
    manner: Manner,
    work: (engine: Engine, directory: string) => Promise<void>,
  ): Promise<void> {
    await this.scratch(async (directory) => {
      const engine = await this.open(directory, manner)
      try {
        await work(engine, directory)
      } finally {
        await engine.close()
      }
    })
  }

  /** Runs `work` with a new, empty directory, which is removed afterwards. */
  async scratch(work: (directory: string) => Promise<void>): Promise<void> {
    const directory = join(this.#directory, `store-${++this.#stores}`)
    await mkdir(directory, { recursive: true })
    try {
      await work(directory)
    } finally {
      await rm(directory, { recursive: true })
    }
  }

  async open(directory: string, manner: Manner = {}): Promise<Engine> {
    const engine = await this.openEngine({ ...MANNER, ...manner, directory })
    this.description = engine.description
    return engine
  }

  /** Writes the records of `order` by batches. */
  async fill(engine: Engine, order: Uint32Array, shape?: Opening['shape']): Promise<void> {
    for (const batch of this.batches(order, shape)) await engine.batch(batch)
  }

  /** The records of `order` in batches; keys and values as `shape` wants them. */
  *batches(order: Uint32Array, shape: Opening['shape'] = 'string keys'): Generator<Entry[]> {
    const values = new Values(this.valueBytes)
    for (let start = 0; start < order.length; start += this.pageRows) {
      const rows = order.subarray(start, start + this.pageRows)
      yield Array.from(rows, (record): Entry => {
        const key = wholeKey(record)
        const value = values.next()
        if (shape === 'string keys') return { type: 'put', key, value }
        return shape === 'buffers'
          ? { type: 'put', key: Buffer.from(key), value }
          : { type: 'put', key, value: value.toString('latin1') }
      })
    }
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

export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** '64 in flight'. */
export function widthText(inFlight: number): string {
  return inFlight === 1 ? 'one at a time' : `${countText(inFlight)} in flight`
}

export function expect(found: number, wanted: number, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${found} where ${wanted} are right`)
}
