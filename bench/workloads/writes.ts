/**
 * The workloads that write, named as in LevelDB's db_bench.
 *
 * Each row has a new store. A tenth of the work is done on another one beforehand, so that no
 * figure holds the compiling of JavaScript.
 */
import type { Engine } from '../engine.js'
import { recordKey, shuffled, Values } from '../records.js'
import { bareLoops } from './bare.js'
import {
  NO_GOAL,
  countText,
  expect,
  widthText,
  type Bench,
  type Group,
  type Manner,
} from './bench.js'

const IN_FLIGHT = 256
export const SYNCED_WIDTHS = [1, 64, 1024]
const WARM_SHARE = 10
const WARM_GROUPS = 20

/** Runs `work` for nothing on a tenth of the records, then in earnest on another store. */
async function warmed(
  bench: Bench,
  manner: Manner,
  records: number,
  work: (engine: Engine, records: number, rate: Bench['rate']) => Promise<void>,
): Promise<void> {
  const unheard: Bench['rate'] = async (_workload, _variant, _operations, run) => void (await run())
  const few = Math.ceil(records / WARM_SHARE)
  await bench.fresh(manner, (engine) => work(engine, few, unheard))
  await bench.fresh(manner, (engine) => work(engine, records, bench.rate.bind(bench)))
}

async function fillRandom(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values(bench.valueBytes)
  for (const inFlight of [IN_FLIGHT, 1]) {
    const variant = `put, ${widthText(inFlight)}`
    const records = inFlight === 1 ? Math.ceil(order.length / 4) : order.length
    await warmed(bench, { inFlight }, records, async (engine, count, rate) => {
      await rate('fillrandom', variant, count, () => {
        return bench.lanes(count, inFlight, (at) => {
          return engine.put(recordKey(order[at]!), values.next())
        })
      })
    })
  }
}

async function fillSequential(bench: Bench): Promise<void> {
  const values = new Values(bench.valueBytes)
  await warmed(bench, { inFlight: IN_FLIGHT }, bench.records, async (engine, count, rate) => {
    await rate('fillseq', `put, ${IN_FLIGHT} in flight`, count, () => {
      return bench.lanes(count, IN_FLIGHT, (at) => engine.put(recordKey(at), values.next()))
    })
  })
}

async function fillBatch(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  await warmed(bench, {}, order.length, async (engine, count, rate) => {
    // Made beforehand: the making is ours, not the store's.
    const made = [...bench.batches(order.subarray(0, count))]
    await rate('fillbatch', `batch of ${countText(bench.pageRows)}`, count, async () => {
      for (const batch of made) await engine.batch(batch)
      return undefined
    })
  })
}

/** How many synced puts go before those that are timed. */
export function warmCount(inFlight: number, records: number): number {
  return Math.min(WARM_GROUPS * inFlight, Math.max(inFlight, Math.ceil(records / WARM_SHARE)))
}

async function fillSync(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values(bench.valueBytes)
  for (const inFlight of SYNCED_WIDTHS) {
    const manner = { inFlight, synced: true }
    await bench.fresh(manner, async (engine) => {
      const put = (at: number): unknown => {
        return engine.putSynced(recordKey(order[at % order.length]!), values.next())
      }
      const warm = warmCount(inFlight, order.length)
      await bench.lanes(warm, inFlight, put)
      await bench.rate('fillsync', `put synced, ${widthText(inFlight)}`, 0, () => {
        return bench.lanes(order.length, inFlight, (at) => put(at + warm))
      })
    })
  }
}

async function change(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values(bench.valueBytes, 7)
  await bench.fresh({ inFlight: IN_FLIGHT }, async (engine) => {
    await bench.fill(engine, order)
    const again = shuffled(bench.records, 23)
    await bench.rate('overwrite', `put, ${IN_FLIGHT} in flight`, again.length, () => {
      return bench.lanes(again.length, IN_FLIGHT, (at) => {
        return engine.put(recordKey(again[at]!), values.next())
      })
    })
    let deleted = 0
    await bench.rate('deleterandom', `del, ${IN_FLIGHT} in flight`, order.length, async () => {
      deleted = await bench.lanes(order.length, IN_FLIGHT, (at) => {
        return engine.del(recordKey(order[at]!))
      })
      return deleted
    })
    expect(await engine.scanPages(bench.pageRows), order.length - deleted, 'deleterandom')
  })
}

export const WRITES: readonly Group[] = [
  {
    names: ['fillrandom'],
    run: fillRandom,
    anySize: true,
    asides: ['abstract-level alone', 'lmdb, noSync', 'better-sqlite3, alone'],
  },
  {
    names: ['fillbatch'],
    run: fillBatch,
    anySize: true,
    asides: ['abstract-level alone', 'lmdb, noSync'],
  },
  {
    names: ['fillsync'],
    run: fillSync,
    anySize: true,
    asides: ['better-sqlite3, alone'],
    bare: bareLoops,
  },
  { names: ['fillseq'], run: fillSequential, anySize: true, ...NO_GOAL },
  { names: ['overwrite', 'deleterandom'], run: change, anySize: true, ...NO_GOAL },
]
