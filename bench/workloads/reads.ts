/**
 * The workloads that read, named as in LevelDB's db_bench: single keys, whole scans, an opening.
 *
 * The store is filled by batches in random order and is read once before the clock runs.
 */
import type { Shape } from '../engine.js'
import { missingKey, recordKey, shuffled } from '../records.js'
import { expect, type Bench, type Group } from './bench.js'

const PAGE_ROWS = 1000

async function readRandom(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const asked = shuffled(bench.records, 17)
  const present = Array.from(asked, recordKey)
  const missing = Array.from(asked, missingKey)
  await bench.fresh({}, async (engine) => {
    await bench.fill(engine, order)
    for (const key of present) engine.getSync(key)
    for (const key of present.slice(0, PAGE_ROWS)) await engine.get(key)
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
      await engine.scanPages(PAGE_ROWS)
      for (const [variant, scan] of [
        [`for await, ${name}`, () => engine.scan()],
        [`nextv(1000), ${name}`, () => engine.scanPages(PAGE_ROWS)],
      ] as const) {
        let rows = 0
        await bench.rate('readseq', variant, order.length, async () => (rows = await scan()))
        expect(rows, order.length, `readseq, ${variant}`)
      }
    })
  }
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
    bench.timings.push({ workload: 'open', variant: 'and one get', unit: 'ms', figure })
  })
}

export const READS: readonly Group[] = [
  { names: ['readrandom', 'readmissing'], run: readRandom },
  { names: ['readseq'], run: readSequential },
  { names: ['open'], run: open },
]
