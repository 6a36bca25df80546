/** Varints, written and read: lengths as they come in batches and blocks. */
import { FieldReader, putVarint, VARINT64_MAX_BYTES } from '../../lib/format/coding.js'
import { random } from '../../lib/io/random.js'
import { SEED } from '../records.js'
import type { Part } from './part.js'

const COUNT = 10_000

export function codingParts(): Part[] {
  const next = random(SEED)
  // Of every size from one byte to five.
  const numbers = Array.from({ length: COUNT }, () => Math.floor(2 ** (next() * 32)))
  const bytes = new Uint8Array(COUNT * VARINT64_MAX_BYTES)
  const write = (): number => {
    let end = 0
    for (const value of numbers) end = putVarint(bytes, end, value)
    return end
  }
  const written = bytes.slice(0, write())
  return [
    { name: 'varint put', operations: COUNT, run: write },
    {
      name: 'varint get',
      operations: COUNT,
      run: () => {
        const reader = new FieldReader(written)
        for (let at = 0; at < COUNT; at++) reader.varint64()
      },
    },
  ]
}
