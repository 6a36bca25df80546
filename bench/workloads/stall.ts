/**
 * What waits while the store merges: synced puts at full load, the event loop, and reads.
 *
 * The load is 64 synced puts in flight over random keys, for so long that memtables are flushed
 * and tables are merged beside them all the time. Reads run beside merges of the whole store, and
 * alone, in slices between which the event loop turns, counted the same way both times.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { random } from '../../lib/io/random.js'
import { LoopWatch } from '../lateness.js'
import { writtenBytes } from '../process.js'
import { KEY_BYTES, recordKey, SEED, shuffled, Values } from '../records.js'
import { besideTables } from './bare.js'
import { widthText, type Bench, type Group } from './bench.js'
import { HELD, heldRows } from './held.js'
import { Latencies } from './latencies.js'

const WIDTH = 64
const LOAD_KEYS = 2_000_000
const WARM_SHARE = 10
/** Of the time limit of a row; a shorter load would end before the first flush. */
const LOAD_SHARE = 2
const LOAD_LEAST_MS = 1000
/** A store for reads has so many times the records of other workloads. */
const READ_STORE = 5
const REWRITTEN_SHARE = 1 / 10
const SLICE_READS = 256

export const STALL_PUTS = `put synced, ${widthText(WIDTH)}`
export const STALL_KEPT = 'beside a merge, of idle'
export const STALL_HELD = HELD
const TABLES_WRITTEN = 'tables written'
/** What a journal has of each put besides key and value. */
const HEADER_BYTES = 12

function loadMs({ limitMs }: Pick<Bench, 'limitMs'>): number {
  return Math.max(LOAD_SHARE * limitMs, LOAD_LEAST_MS)
}

async function fullLoad(bench: Bench): Promise<void> {
  const numbers = random(SEED)
  const values = new Values(bench.valueBytes)
  const milliseconds = loadMs(bench)
  await bench.fresh({ inFlight: WIDTH, synced: true }, async (engine) => {
    const put = (): unknown => {
      return engine.putSynced(recordKey(Math.floor(numbers() * LOAD_KEYS)), values.next())
    }
    await bench.lanes(Infinity, WIDTH, put, milliseconds / WARM_SHARE)
    const latencies = new Latencies()
    const watch = new LoopWatch()
    await watch.start()
    const before = writtenBytes()
    const count = await bench.lanes(Infinity, WIDTH, () => latencies.time(put), milliseconds)
    const after = writtenBytes()
    await watch.stop()
    await watch.close()
    const lateness = watch.take()
    const { seconds } = lateness
    const row = bench.row.bind(bench, 'stall')
    row(STALL_PUTS, 'op/s', count / seconds)
    bench.timings.push(...latencies.timings('stall', STALL_PUTS))
    heldRows(bench, 'stall', lateness)
    const puts = count * (KEY_BYTES + bench.valueBytes + HEADER_BYTES)
    if (before !== undefined && after !== undefined) {
      row(TABLES_WRITTEN, 'MB/s', Math.max(0, after - before - puts) / 1e6 / seconds)
    }
  })
}

/** Counts reads and the seconds that they took. */
class ReadRate {
  #reads = 0
  #seconds = 0

  constructor(
    private readonly keys: readonly string[],
    private readonly read: (key: string) => unknown,
  ) {}

  get perSecond(): number {
    return this.#reads / this.#seconds
  }

  /** Reads until `end` has settled, in slices between which the event loop turns. */
  async until(end: Promise<unknown>): Promise<void> {
    let ended = false
    const mark = (): void => void (ended = true)
    end.then(mark, mark)
    const started = performance.now()
    while (!ended) {
      for (let slice = 0; slice < SLICE_READS; slice++) {
        const found = this.read(this.keys[this.#reads++ % this.keys.length]!)
        if ((found instanceof Promise ? await found : found) === undefined)
          throw new Error('a record is missing')
      }
      await setImmediate()
    }
    this.#seconds += (performance.now() - started) / 1000
    await end
  }
}

async function readsBeside(bench: Bench): Promise<void> {
  const order = shuffled(READ_STORE * bench.records)
  const keys = Array.from(shuffled(bench.records, 17), recordKey)
  const numbers = random(SEED)
  await bench.fresh({}, async (engine) => {
    if (engine.compact === undefined) return
    await bench.fill(engine, order)
    await engine.compact()
    for (const [name, read] of [
      ['getSync', (key: string) => engine.getSync(key)],
      ['await get', (key: string) => engine.get(key)],
    ] as const) {
      const idle = new ReadRate(keys, read)
      const beside = new ReadRate(keys, read)
      await new ReadRate(keys, read).until(setTimeout(bench.limitMs / WARM_SHARE))
      await idle.until(setTimeout(bench.limitMs / 2))
      for (const deadline = performance.now() + bench.limitMs; performance.now() < deadline;) {
        await bench.fill(engine, someOf(order.length, numbers))
        await beside.until(engine.compact())
      }
      bench.row('stall', `${name}, nothing beside`, 'op/s', idle.perSecond)
      bench.row('stall', `${name} beside a merge`, 'op/s', beside.perSecond)
      const kept = (100 * beside.perSecond) / idle.perSecond
      bench.row('stall', `${name} ${STALL_KEPT}`, '%', kept)
    }
  })
}

/** A share of the records, to be written again, so that there is something to merge. */
function someOf(records: number, numbers: () => number): Uint32Array {
  const length = Math.ceil(records * REWRITTEN_SHARE)
  return Uint32Array.from({ length }, () => Math.floor(numbers() * records))
}

export const STALL: readonly Group[] = [
  {
    names: ['stall'],
    rounds: 1,
    run: async (bench) => {
      await fullLoad(bench)
      await readsBeside(bench)
    },
    bare: (task) => {
      const megabytes = task.known[`stall, ${TABLES_WRITTEN}`]
      if (megabytes === undefined) throw new Error('what the native plane writes is not known')
      return besideTables({ ...task, limitMs: loadMs(task) }, WIDTH, megabytes * 1e6)
    },
  },
]
