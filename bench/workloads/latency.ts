/**
 * How long single operations take: synced puts with few and many in flight, and reads.
 *
 * Each is timed by itself, which takes about 0.1 µs of it: rates are in other rows.
 */
import { recordKey, shuffled, Values } from '../records.js'
import { NO_GOAL, widthText, type Bench, type Group } from './bench.js'
import { Latencies } from './latencies.js'
import { SYNCED_WIDTHS, warmCount } from './writes.js'

async function syncedPuts(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values(bench.valueBytes)
  for (const inFlight of SYNCED_WIDTHS) {
    await bench.fresh({ inFlight, synced: true }, async (engine) => {
      const put = (at: number): unknown => {
        return engine.putSynced(recordKey(order[at % order.length]!), values.next())
      }
      const warm = warmCount(inFlight, order.length)
      await bench.lanes(warm, inFlight, put)
      const latencies = new Latencies()
      await bench.lanes(order.length, inFlight, (at) => latencies.time(() => put(at + warm)))
      bench.timings.push(...latencies.timings('latency', `put synced, ${widthText(inFlight)}`))
    })
  }
}

async function reads(bench: Bench): Promise<void> {
  const keys = Array.from(shuffled(bench.records, 17), recordKey)
  await bench.fresh({}, async (engine) => {
    await bench.fill(engine, shuffled(bench.records))
    for (const key of keys) engine.getSync(key)
    const waiting = new Latencies()
    for (const key of keys) {
      const started = performance.now()
      engine.getSync(key)
      waiting.add(performance.now() - started)
    }
    const awaited = new Latencies()
    const get = (at: number): unknown => engine.get(keys[at]!)
    await bench.lanes(keys.length, 1, get)
    await bench.lanes(keys.length, 1, (at) => awaited.time(() => get(at)))
    bench.timings.push(...waiting.timings('latency', 'getSync'))
    bench.timings.push(...awaited.timings('latency', 'await get'))
  })
}

export const LATENCY: readonly Group[] = [
  {
    names: ['latency'],
    ...NO_GOAL,
    run: async (bench) => {
      await syncedPuts(bench)
      await reads(bench)
    },
  },
]
