/**
 * How late the event loop gets while a store compacts 50 MB: a timer of 5 ms measures it.
 *
 * The goal: never more than 50 ms late on the TypeScript plane, 20 ms on the native one.
 */
import { mkdir, rm } from 'node:fs/promises'
import { CairnLevel } from '../lib/index.js'
import { random } from '../lib/io/random.js'
import { recordKey, shuffled, SEED } from './records.js'

const INTERVAL_MS = 5
const VALUE_BYTES = 1000
const BATCH_ROWS = 500
const RECORDS = 50_000

export interface Lateness {
  readonly plane: string
  readonly megabytes: number
  readonly seconds: number
  readonly ticks: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Fills a store in `directory`, which is removed afterwards, and compacts all of it. */
export async function measureLateness(directory: string, quick: boolean): Promise<Lateness> {
  await mkdir(directory, { recursive: true })
  const records = quick ? RECORDS / 5 : RECORDS
  const db = new CairnLevel<string, Buffer>(directory, { valueEncoding: 'buffer' })
  try {
    await db.open()
    await fill(db, records)
    const late = startTimer()
    const started = performance.now()
    await db.compactRange(undefined, undefined)
    const seconds = (performance.now() - started) / 1000
    const figures = late.stop()
    return {
      plane: db.plane.name,
      megabytes: (records * (VALUE_BYTES + 16)) / 1e6,
      seconds,
      ticks: figures.length,
      p50Ms: quantile(figures, 0.5),
      p99Ms: quantile(figures, 0.99),
      maxMs: quantile(figures, 1),
    }
  } finally {
    await db.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Random bytes, which do not compress, in random order, so that levels overlap. */
async function fill(db: CairnLevel<string, Buffer>, records: number): Promise<void> {
  const numbers = random(SEED)
  const pool = Buffer.from(Array.from({ length: 1 << 20 }, () => Math.floor(numbers() * 256)))
  const order = shuffled(records)
  for (let start = 0; start < records; start += BATCH_ROWS) {
    const rows = order.subarray(start, start + BATCH_ROWS)
    const operations = Array.from(rows, (record) => {
      const at = Math.floor(numbers() * (pool.length - VALUE_BYTES))
      const value = pool.subarray(at, at + VALUE_BYTES)
      return { type: 'put' as const, key: recordKey(record), value }
    })
    await db.batch(operations)
  }
}

function startTimer(): { stop(): number[] } {
  const late: number[] = []
  let before = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    late.push(Math.max(0, now - before - INTERVAL_MS))
    before = now
  }, INTERVAL_MS)
  return {
    stop: () => {
      clearInterval(timer)
      // The wait that was still going on counts as well.
      late.push(Math.max(0, performance.now() - before - INTERVAL_MS))
      return late.sort((a, b) => a - b)
    },
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export function showLateness(figures: Lateness): void {
  const { plane, megabytes, seconds, ticks, p50Ms, p99Ms, maxMs } = figures
  const rate = (megabytes / seconds).toFixed(0)
  process.stdout.write(
    `event loop while compacting ${megabytes.toFixed(0)} MB in ${seconds.toFixed(1)} s ` +
      `(${rate} MB/s, ${plane} plane): late by ${p50Ms.toFixed(1)} ms median, ` +
      `${p99Ms.toFixed(1)} ms p99, ${maxMs.toFixed(1)} ms at most, of ${ticks} ticks\n`,
  )
}
