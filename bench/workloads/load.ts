/**
 * A long load, and what it leaves: rate over time, bytes written, space, opening; then memory.
 *
 * Fifty times the records of other workloads, ten millions, in random order with 256 puts in
 * flight as in `fillrandom`. Who has not written them all when the time is over has written fewer:
 * each row is about those. Live bytes are those of keys and values.
 */
import { setTimeout } from 'node:timers/promises'
import type { Engine } from '../engine.js'
import { residentMemory, spaceTaken, writtenBytes } from '../process.js'
import { KEY_BYTES, recordKey, shuffled, Values } from '../records.js'
import { expect, type Bench, type Group, type Series } from './bench.js'

const WIDTH = 256
const LOAD_TIMES = 50
/** Of the time limit of a row. */
const LOAD_LIMIT = 24
const SAMPLES = 100
const CLOCK_STEP = 1024
const REST_MS = 500
const SPACE_TIMES = 2
const MEMORY_TIMES = 3

export const LOAD_RATE = 'put, 256 in flight'
export const SPACE_ROW = 'uncompressed: space of live bytes'

async function load(bench: Bench): Promise<void> {
  const order = shuffled(LOAD_TIMES * bench.records)
  await bench.fresh({ inFlight: WIDTH }, async (engine, directory) => {
    const before = writtenBytes()
    const count = await timedLoad(bench, engine, order)
    const settledMs = await rested()
    const live = count * (KEY_BYTES + bench.valueBytes)
    const row = bench.row.bind(bench, 'load')
    row('millions of records written', 'M', count / 1e6)
    row('until background work rested', 's', settledMs / 1000)
    const after = writtenBytes()
    if (before !== undefined && after !== undefined)
      row('bytes written of live bytes', 'x', (after - before) / live)
    await engine.close()
    row('space of live bytes', 'x', spaceTaken(directory) / live)
    const started = performance.now()
    const again = await bench.open(directory)
    const found = await again.get(recordKey(order[0]!))
    row('open and one get', 'ms', performance.now() - started)
    expect(found === undefined ? 0 : 1, 1, 'load')
    await again.close()
  })
}

/** Loads until all is written or the time is over; gives how many records were. */
async function timedLoad(bench: Bench, engine: Engine, order: Uint32Array): Promise<number> {
  const values = new Values(bench.valueBytes)
  const limitMs = LOAD_LIMIT * bench.limitMs
  const points: Series['points'][number][] = []
  const started = performance.now()
  let last = { at: 0, ms: started }
  const sample = (at: number): void => {
    const ms = performance.now()
    if (ms - last.ms < limitMs / SAMPLES) return
    const figure = (at - last.at) / ((ms - last.ms) / 1000)
    points.push({ seconds: (ms - started) / 1000, figure })
    last = { at, ms }
  }
  const put = (at: number): unknown => {
    if (at % CLOCK_STEP === 0) sample(at)
    return engine.put(recordKey(order[at]!), values.next())
  }
  const count = await bench.lanes(order.length, WIDTH, put, limitMs)
  const seconds = (performance.now() - started) / 1000
  bench.row('load', LOAD_RATE, 'op/s', count / seconds)
  bench.series.push({ workload: 'load', variant: LOAD_RATE, points })
  return count
}

/** Waits until nothing has been written for a while; gives how long that took before it. */
async function rested(): Promise<number> {
  const started = performance.now()
  for (let before = writtenBytes(); ;) {
    const since = performance.now()
    await setTimeout(REST_MS)
    const now = writtenBytes()
    if (now === before) return since - started
    before = now
  }
}

/** Space without compression, of those that have it and compact. */
async function space(bench: Bench): Promise<void> {
  const order = shuffled(SPACE_TIMES * bench.records)
  await bench.fresh({ compression: false }, async (engine, directory) => {
    if (engine.compact === undefined) return
    await bench.fill(engine, order)
    await engine.compact()
    await engine.close()
    const live = order.length * (KEY_BYTES + bench.valueBytes)
    bench.row('load', SPACE_ROW, 'x', spaceTaken(directory) / live)
  })
}

async function memory(bench: Bench): Promise<void> {
  const order = shuffled(MEMORY_TIMES * bench.records)
  const first = residentMemory()
  await bench.fresh({}, async (engine) => {
    const row = (variant: string): void => {
      const { all, files } = residentMemory()
      bench.row('memory', variant, 'MB', (all - first.all) / 1e6)
      if (files === undefined || first.files === undefined) return
      bench.row('memory', `${variant}: mapped files`, 'MB', (files - first.files) / 1e6)
    }
    await bench.fill(engine, order)
    row('after filling')
    let found = 0
    for (const record of order) if (engine.getSync(recordKey(record)) !== undefined) found++
    expect(found, order.length, 'memory')
    row('after reading')
  })
}

export const LOADS: readonly Group[] = [
  {
    names: ['load'],
    rounds: 1,
    run: async (bench) => {
      await load(bench)
      await space(bench)
    },
  },
  { names: ['memory'], rounds: 1, run: memory },
]
