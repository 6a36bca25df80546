/**
 * The workloads that read, named as in LevelDB's db_bench: single keys, whole scans, an opening.
 *
 * The store is filled by batches in random order and is read once before the clock runs.
 */
import type { Shape } from '../engine.js'
import { missingKey, recordKey, shuffled } from '../records.js'
import { NO_GOAL, expect, type Bench, type Group } from './bench.js'

/** Fewer records than these are asked for several times. */
const LEAST_READS = 4000
const SEEK_SHARE = 1 / 4

async function readRandom(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const asked = often(shuffled(bench.records, 17))
  const present = Array.from(asked, recordKey)
  const missing = Array.from(asked, missingKey)
  await bench.fresh({}, async (engine) => {
    await bench.fill(engine, order)
    for (const key of present) engine.getSync(key)
    for (const key of present.slice(0, 1000)) await engine.get(key)
    for (const [workload, keys] of [
      ['readrandom', present],
      ['readmissing', missing],
    ] as const) {
      const wanted = keys === present ? keys.length : 0
      let found = 0
      await bench.rate(workload, 'getSync', keys.length, () => {
        for (const key of keys) if (engine.getSync(key) !== undefined) found++
        return undefined
      })
      expect(found, wanted, `${workload}, getSync`)
      if (engine.getReused !== undefined) {
        found = 0
        await bench.rate(workload, 'into a reused buffer', keys.length, () => {
          for (const key of keys) if (engine.getReused!(key) !== undefined) found++
          return undefined
        })
        expect(found, wanted, `${workload}, into a reused buffer`)
      }
      const fewer = keys.slice(0, Math.ceil(keys.length / 4))
      found = 0
      await bench.rate(workload, 'await get', fewer.length, async () => {
        for (const key of fewer) if ((await engine.get(key)) !== undefined) found++
        return undefined
      })
      expect(found, keys === present ? fewer.length : 0, `${workload}, await get`)
    }
  })
}

async function readSequential(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  for (const [shape, name] of [
    ['buffers', 'Buffers'],
    ['strings', 'strings'],
  ] as const satisfies [Shape, string][]) {
    await bench.fresh({ shape }, async (engine) => {
      await bench.fill(engine, order, shape)
      await engine.scan()
      await engine.scanPages(bench.pageRows)
      for (const [variant, scan] of [
        [`for await, ${name}`, () => engine.scan()],
        [`nextv(${bench.pageRows}), ${name}`, () => engine.scanPages(bench.pageRows)],
      ] as const) {
        let rows = 0
        await bench.rate('readseq', variant, order.length, async () => (rows = await scan()))
        expect(rows, order.length, `readseq, ${variant}`)
      }
    })
  }
}

async function readBack(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const keys = Array.from(often(shuffled(bench.records, 17)), recordKey)
  await bench.fresh({ shape: 'buffers' }, async (engine) => {
    await bench.fill(engine, order, 'buffers')
    let rows = await engine.scanBack(bench.pageRows)
    await bench.rate('readreverse', `nextv(${bench.pageRows}), Buffers`, rows, async () => {
      return (rows = await engine.scanBack(bench.pageRows))
    })
    expect(rows, order.length, 'readreverse')
  })
  await bench.fresh({}, async (engine) => {
    await bench.fill(engine, order)
    for (const limit of [1, 10]) {
      const seek = async (at: number): Promise<void> => {
        const found = (await engine.seek(keys[at]!, limit)) as number
        if (found < 1 || found > limit) throw new Error(`seekrandom found ${found} of ${limit}`)
      }
      const count = Math.ceil(keys.length * SEEK_SHARE)
      await bench.lanes(Math.ceil(count * SEEK_SHARE), 1, seek)
      const variant = `a new iterator, ${limit === 1 ? 'one row' : `${limit} rows`}`
      await bench.rate('seekrandom', variant, count, () => bench.lanes(count, 1, seek))
    }
  })
}

/** `order` again and again until there is enough to measure. */
function often(order: Uint32Array): Uint32Array {
  const times = Math.ceil(LEAST_READS / order.length)
  return Uint32Array.from({ length: times * order.length }, (_, at) => order[at % order.length]!)
}

async function open(bench: Bench): Promise<void> {
  await bench.fresh({}, async (engine, directory) => {
    await bench.fill(engine, shuffled(bench.records))
    await engine.close()
    const started = performance.now()
    const again = await bench.open(directory)
    const found = await again.get(recordKey(0))
    const figure = performance.now() - started
    await again.close()
    expect(found === undefined ? 0 : 1, 1, 'open')
    bench.row('open', 'and one get', 'ms', figure)
  })
}

export const READS: readonly Group[] = [
  {
    names: ['readrandom', 'readmissing'],
    run: readRandom,
    anySize: true,
    asides: ['abstract-level alone'],
  },
  { names: ['readseq'], run: readSequential, anySize: true, asides: ['abstract-level alone'] },
  { names: ['readreverse', 'seekrandom'], run: readBack, anySize: true, ...NO_GOAL },
  { names: ['open'], run: open, anySize: true, ...NO_GOAL },
]
