/** The store that is read cold: rows of 1,000 bytes that do not compress, in several levels. */
import type { CairnLevel } from '../../lib/index.js'
import { random } from '../../lib/io/random.js'
import { recordKey, SEED } from '../records.js'

const VALUE_BYTES = 1000
const BATCH_ROWS = 500
const POOL_BYTES = 1024 * 1024
/** Of all rows, so many are written again, anywhere: they lie in upper levels. */
const REWRITTEN_SHARE = 1 / 50

export type ColdStore = CairnLevel<string, Buffer>

export function coldRows(megabytes: number): number {
  return Math.floor((megabytes * 1e6) / (VALUE_BYTES + 16))
}

export async function fillCold(db: ColdStore, rows: number): Promise<void> {
  const numbers = random(SEED)
  const pool = Buffer.from(Array.from({ length: POOL_BYTES }, () => Math.floor(numbers() * 256)))
  const write = async (count: number, recordAt: (at: number) => number): Promise<void> => {
    for (let start = 0; start < count; start += BATCH_ROWS) {
      const length = Math.min(BATCH_ROWS, count - start)
      await db.batch(
        Array.from({ length }, (_, at) => {
          const from = Math.floor(numbers() * (POOL_BYTES - VALUE_BYTES))
          const value = pool.subarray(from, from + VALUE_BYTES)
          return { type: 'put' as const, key: recordKey(recordAt(start + at)), value }
        }),
      )
    }
  }
  await write(rows, (at) => at)
  await write(Math.floor(rows * REWRITTEN_SHARE), () => Math.floor(numbers() * rows))
  await db.flush()
}
