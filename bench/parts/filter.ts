/** Filters of Bloom: made of keys, and asked. */
import { FilterBlock, FilterBlockWriter } from '../../lib/table/filter.js'
import { missingKey, recordKey } from '../records.js'
import type { Part } from './part.js'

const KEYS = 1000
const BITS_PER_KEY = 10

export function filterParts(): Part[] {
  const keysOf = (make: (record: number) => string): Uint8Array[] => {
    return Array.from({ length: KEYS }, (_, record) => Buffer.from(make(record)))
  }
  const [present, missing] = [keysOf(recordKey), keysOf(missingKey)]
  const make = (): Uint8Array => {
    const writer = new FilterBlockWriter(BITS_PER_KEY)
    writer.startBlock(0)
    for (const key of present) writer.addKey(key, 0, key.length)
    return writer.finish()
  }
  const filter = new FilterBlock(Uint8Array.from(make()))
  const ask = (keys: readonly Uint8Array[]) => (): number => {
    return keys.filter((key) => filter.mayContain(0, key, 0, key.length)).length
  }
  return [
    { name: 'bloom make, a key', operations: KEYS, run: make },
    { name: 'bloom ask, present', operations: KEYS, run: ask(present) },
    { name: 'bloom ask, missing', operations: KEYS, run: ask(missing) },
  ]
}
