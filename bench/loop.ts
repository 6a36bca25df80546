/**
 * How late the event loop gets while a store compacts 50 MB, on each plane.
 *
 * The goal: never more than 50 ms late on the TypeScript plane, 20 ms on the native one.
 */
import { mkdir, rm } from 'node:fs/promises'
import { CairnLevel } from '../lib/index.js'
import { random } from '../lib/io/random.js'
import { rounded } from './figures.js'
import { LoopWatch, type Lateness } from './lateness.js'
import { recordKey, shuffled, SEED } from './records.js'
import { tableText, type Column } from './table.js'

const VALUE_BYTES = 1000
const BATCH_ROWS = 500
const RECORDS = 50_000

export interface LoopReport {
  readonly plane: string
  readonly megabytes: number
  readonly lateness: Lateness
}

/** Fills a store in `directory`, which is removed afterwards, and compacts all of it; both planes
 * in turn, or the one that can be had. */
export async function measureLoop(directory: string, quick: boolean): Promise<LoopReport[]> {
  const records = quick ? RECORDS / 5 : RECORDS
  const first = await compacting(directory, records, 'auto')
  if (first.plane === 'typescript') return [first]
  return [first, await compacting(directory, records, 'typescript')]
}

async function compacting(
  directory: string,
  records: number,
  plane: 'auto' | 'typescript',
): Promise<LoopReport> {
  await mkdir(directory, { recursive: true })
  const db = new CairnLevel<string, Buffer>(directory, { valueEncoding: 'buffer', plane })
  const watch = new LoopWatch()
  try {
    await db.open()
    await fill(db, records)
    await watch.start()
    await db.compactRange(undefined, undefined)
    await watch.stop()
    const lateness = watch.take()
    const megabytes = (records * (VALUE_BYTES + 16)) / 1e6
    return { plane: db.plane.name, megabytes, lateness }
  } finally {
    await watch.close()
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

const COLUMNS: readonly Column[] = [
  { head: '\nplane', width: 12, left: true },
  { head: 'merged,\nMB', width: 9 },
  { head: 'took,\ns', width: 8 },
  { head: '\nMB/s', width: 8 },
  { head: 'late, ms:\nmedian', width: 10 },
  { head: '\np99', width: 8 },
  { head: '\nmost', width: 8 },
  { head: 'held,\nms', width: 8 },
  { head: 'collec-\ntor, ms', width: 8 },
]

export function loopText(reports: readonly LoopReport[]): string {
  const lines = reports.map(({ plane, megabytes, lateness }) => [
    plane,
    rounded(megabytes),
    rounded(lateness.seconds),
    rounded(megabytes / lateness.seconds),
    rounded(lateness.p50Ms),
    rounded(lateness.p99Ms),
    rounded(lateness.maxMs),
    rounded(lateness.ownMaxMs),
    rounded(lateness.collectorMaxMs),
  ])
  return [
    'The event loop while a whole store is compacted: how late it was, for how long the program',
    "held it at most, that is without other programs and V8's collector, and the collector.",
    tableText(COLUMNS, lines),
  ].join('\n')
}
