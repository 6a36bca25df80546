/** Insert into and find in a memtable of 20,000 records in random order. */
import { BatchWriter } from '../../lib/format/batch.js'
import { KEY_SEQUENCE_MAX, KEY_TYPE_SEEK, trailerHigh, trailerLow } from '../../lib/format/key.js'
import { TypescriptMemtable, type MemtableHit } from '../../lib/memtable/memtable.js'
import { ABSENT } from '../../lib/plane.js'
import { recordKey, shuffled, VALUE_BYTES, Values } from '../records.js'
import type { Part } from './main.js'

const RECORDS = 20_000

export function memtableParts(): Part[] {
  const order = shuffled(RECORDS)
  const values = new Values(VALUE_BYTES)
  const batch = new BatchWriter()
  for (const record of order) batch.put(recordKey(record), values.next())
  const bytes = Uint8Array.from(batch.stamp(1))
  const full = new TypescriptMemtable()
  full.apply(bytes, 0, RECORDS)
  const keys = Array.from(shuffled(RECORDS, 5), (record) => Buffer.from(recordKey(record)))
  const high = trailerHigh(KEY_SEQUENCE_MAX)
  const low = trailerLow(KEY_SEQUENCE_MAX, KEY_TYPE_SEEK)
  const hit: MemtableHit = { high: 0, low: 0, valueBytes: bytes, valueStart: 0, valueEnd: 0 }
  return [
    {
      name: 'memtable insert, of 20,000',
      operations: RECORDS,
      run: () => new TypescriptMemtable().apply(bytes, 0, RECORDS),
    },
    {
      name: 'memtable find, of 20,000',
      operations: RECORDS,
      run: () => {
        for (const key of keys) {
          if (full.find(key, high, low, hit) === ABSENT) throw new Error('a key is not found')
        }
      },
    },
  ]
}
