/**
 * What a Journal takes: small records with one, few and many writers, large ones, batches.
 *
 * The bare loops write records of the same sizes, one at a time.
 */
import { Journal } from '../../lib/index.js'
import { PLANES } from '../engine.js'
import { Values } from '../records.js'
import { bareRecords } from './bare.js'
import { countText, widthText, type Bench, type Group } from './bench.js'
import { SYNCED_WIDTHS, warmCount } from './writes.js'

const SMALL_BYTES = 128
const LARGE_BYTES = 256 * 1024
export const SMALL = `${SMALL_BYTES} bytes`
export const LARGE = `${LARGE_BYTES / 1024} KiB`
const UNSYNCED_WIDTH = 256
const BATCH_RECORDS = 1000

async function fresh(
  bench: Bench,
  sync: 'always' | 'never',
  work: (journal: Journal) => Promise<void>,
): Promise<void> {
  await bench.scratch(async (directory) => {
    const journal = await Journal.open(directory, { plane: bench.plane, sync })
    bench.description = `cairndb, plane ${journal.plane.name}, io ${journal.plane.io}`
    try {
      await work(journal)
    } finally {
      await journal.close()
    }
  })
}

export function appendText(sync: 'synced' | 'unsynced', inFlight: number, size: string): string {
  return `${sync}, ${widthText(inFlight)}, ${size}`
}

async function appends(
  bench: Bench,
  sync: 'synced' | 'unsynced',
  inFlight: number,
  bytes: number,
): Promise<void> {
  const values = new Values(bytes)
  const size = bytes === LARGE_BYTES ? LARGE : SMALL
  await fresh(bench, sync === 'synced' ? 'always' : 'never', async (journal) => {
    const append = (): Promise<number> => journal.append(values.next())
    await bench.lanes(warmCount(inFlight, bench.records), inFlight, append)
    const variant = appendText(sync, inFlight, size)
    await bench.rate('journalappend', variant, 0, () => {
      return bench.lanes(bench.records, inFlight, append)
    })
  })
}

async function batches(bench: Bench): Promise<void> {
  const values = new Values(SMALL_BYTES)
  await fresh(bench, 'always', async (journal) => {
    const batch = Array.from({ length: BATCH_RECORDS }, () => values.next())
    const variant = `appendAll of ${countText(BATCH_RECORDS)}, synced, ${SMALL}`
    await bench.rate('journalappend', variant, 0, async () => {
      const count = bench.records / BATCH_RECORDS
      return BATCH_RECORDS * (await bench.lanes(count, 1, () => journal.appendAll(batch)))
    })
  })
}

export const JOURNAL: readonly Group[] = [
  {
    names: ['journalappend'],
    engines: PLANES,
    run: async (bench) => {
      for (const width of SYNCED_WIDTHS) await appends(bench, 'synced', width, SMALL_BYTES)
      await appends(bench, 'unsynced', UNSYNCED_WIDTH, SMALL_BYTES)
      await batches(bench)
      await appends(bench, 'synced', 1, LARGE_BYTES)
    },
    bare: async (task) => [
      ...bareRecords(task, 'journalappend', SMALL_BYTES, SMALL),
      ...bareRecords(task, 'journalappend', LARGE_BYTES, LARGE),
    ],
  },
]
