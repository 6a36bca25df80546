/**
 * The workloads, named as in LevelDB's db_bench, in groups that share one process.
 *
 * A group fills its store, warms up where it reads, and times each of its rows. Everything is
 * counted, so that an engine that answers wrongly fails instead of being fast.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine, Entry, OpenEngine } from './engine.js'
import { missingKey, recordKey, shuffled, Values } from './records.js'

const BATCH_ROWS = 1000
const IN_FLIGHT = 256

/** One row of the tables. `rate` is operations per second, `delayMs` how long one took. */
export interface Timing {
  readonly workload: string
  readonly variant: string
  readonly unit: 'op/s' | 'ms'
  readonly figure: number
}

/** Gives every row that the group measures; `directory` is its own and empty. */
export type Group = (bench: Bench) => Promise<void>

export class Bench {
  readonly timings: Timing[] = []
  description = ''
  #stores = 0

  constructor(
    private readonly openEngine: OpenEngine,
    private readonly directory: string,
    readonly records: number,
  ) {}

  /** Runs `work` on a new, empty store. */
  async fresh(work: (engine: Engine, directory: string) => Promise<void>): Promise<void> {
    const directory = join(this.directory, `store-${++this.#stores}`)
    await mkdir(directory, { recursive: true })
    const engine = await this.open(directory)
    try {
      await work(engine, directory)
    } finally {
      await engine.close()
      await rm(directory, { recursive: true })
    }
  }

  async open(directory: string): Promise<Engine> {
    const engine = await this.openEngine(directory)
    this.description = engine.describe()
    return engine
  }

  /** Times `work`, which does `operations` operations. */
  async rate(
    workload: string,
    variant: string,
    operations: number,
    work: () => unknown,
  ): Promise<void> {
    const started = performance.now()
    await work()
    const seconds = (performance.now() - started) / 1000
    this.timings.push({ workload, variant, unit: 'op/s', figure: operations / seconds })
  }
}

/** Does operations 0 to count-1, `width` of them under way at a time. */
async function inFlight(
  count: number,
  width: number,
  operation: (at: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await operation(next++)
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}

function* batches(order: Uint32Array): Generator<Entry[]> {
  const values = new Values()
  for (let start = 0; start < order.length; start += BATCH_ROWS) {
    const rows = order.subarray(start, start + BATCH_ROWS)
    yield Array.from(rows, (record) => ({ key: recordKey(record), value: values.next() }))
  }
}

async function fill(engine: Engine, order: Uint32Array): Promise<void> {
  for (const batch of batches(order)) await engine.batch(batch)
}

function expect(found: number, wanted: number, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${found} where ${wanted} are right`)
}

async function fillRandom(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values()
  const put = (engine: Engine) => (at: number) => {
    return engine.put(recordKey(order[at]!), values.next())
  }
  await bench.fresh(async (engine) => {
    await bench.rate('fillrandom', '256 in flight', order.length, () => {
      return inFlight(order.length, IN_FLIGHT, put(engine))
    })
  })
  const fewer = Math.ceil(order.length / 4)
  await bench.fresh(async (engine) => {
    await bench.rate('fillrandom', 'one at a time', fewer, () => inFlight(fewer, 1, put(engine)))
  })
}

async function fillSequential(bench: Bench): Promise<void> {
  const { records } = bench
  const values = new Values()
  await bench.fresh(async (engine) => {
    await bench.rate('fillseq', '256 in flight', records, () => {
      return inFlight(records, IN_FLIGHT, (at) => engine.put(recordKey(at), values.next()))
    })
  })
}

async function fillBatch(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  // Made beforehand: the making is ours, not the store's.
  const made = [...batches(order)]
  await bench.fresh(async (engine) => {
    await bench.rate('fillbatch', 'batches of 1,000', order.length, async () => {
      for (const batch of made) await engine.batch(batch)
    })
  })
}

async function fillSync(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values()
  const widths = [
    { width: 1, share: 200 },
    { width: 64, share: 20 },
    { width: 1024, share: 5 },
  ]
  for (const { width, share } of widths) {
    const count = Math.ceil(order.length / share)
    const variant = width === 1 ? 'one at a time' : `${width.toLocaleString('en-US')} in flight`
    await bench.fresh(async (engine) => {
      await bench.rate('fillsync', variant, count, () => {
        return inFlight(count, width, (at) => {
          return engine.putSynced(recordKey(order[at]!), values.next())
        })
      })
    })
  }
}

async function read(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const asked = shuffled(bench.records, 17)
  const present = Array.from(asked, recordKey)
  const missing = Array.from(asked, missingKey)
  await bench.fresh(async (engine) => {
    await fill(engine, order)
    for (const key of present) engine.getSync(key)
    for (const [workload, keys] of [
      ['readrandom', present],
      ['readmissing', missing],
    ] as const) {
      const wanted = keys === present ? keys.length : 0
      let found = 0
      await bench.rate(workload, 'getSync', keys.length, () => {
        for (const key of keys) if (engine.getSync(key) !== undefined) found++
      })
      expect(found, wanted, `${workload}, getSync`)
      const fewer = keys.slice(0, Math.ceil(keys.length / 4))
      found = 0
      await bench.rate(workload, 'await get', fewer.length, async () => {
        for (const key of fewer) if ((await engine.get(key)) !== undefined) found++
      })
      expect(found, keys === present ? fewer.length : 0, `${workload}, await get`)
    }
    let rows = 0
    await bench.rate('readseq', 'for await', order.length, async () => {
      rows = await engine.scan()
    })
    expect(rows, order.length, 'readseq, for await')
    await bench.rate('readseq', 'nextv(1000)', order.length, async () => {
      rows = await engine.scanPages(1000)
    })
    expect(rows, order.length, 'readseq, nextv')
  })
}

async function change(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values(7)
  await bench.fresh(async (engine) => {
    await fill(engine, order)
    const again = shuffled(bench.records, 23)
    await bench.rate('overwrite', '256 in flight', again.length, () => {
      return inFlight(again.length, IN_FLIGHT, (at) => {
        return engine.put(recordKey(again[at]!), values.next())
      })
    })
    await bench.rate('deleterandom', '256 in flight', order.length, () => {
      return inFlight(order.length, IN_FLIGHT, (at) => engine.del(recordKey(order[at]!)))
    })
    expect(await engine.scanPages(1000), 0, 'deleterandom')
  })
}

async function open(bench: Bench): Promise<void> {
  await bench.fresh(async (engine, directory) => {
    await fill(engine, shuffled(bench.records))
    await engine.close()
    const started = performance.now()
    const again = await bench.open(directory)
    const found = await again.get(recordKey(0))
    const figure = performance.now() - started
    await again.close()
    expect(found === undefined ? 0 : 1, 1, 'open')
    bench.timings.push({ workload: 'open', variant: 'and one get', unit: 'ms', figure })
  })
}

/** By the workloads that they measure, for --only. */
export const GROUPS: readonly { readonly names: readonly string[]; readonly run: Group }[] = [
  { names: ['fillrandom'], run: fillRandom },
  { names: ['fillseq'], run: fillSequential },
  { names: ['fillbatch'], run: fillBatch },
  { names: ['fillsync'], run: fillSync },
  { names: ['readrandom', 'readmissing', 'readseq'], run: read },
  { names: ['overwrite', 'deleterandom'], run: change },
  { names: ['open'], run: open },
]
