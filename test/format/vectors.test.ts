/** Holds the checksum and the hash to the tables of vectors in docs/format. */
import t from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { CRC_CHECK, maskCrc } from '../../lib/format/checksum.js'
import { FILTER_HASH_SEED } from '../../lib/format/filter.js'
import { filterHash } from '../../lib/table/filter.js'
import { codeSpans, documentTables, fromHex } from './documents.js'

/** The bytes that a cell of a vector table means. */
function vectorBytes(cell: string): Uint8Array {
  const [first, second] = codeSpans(cell)
  const times = /^(\d+) times/.exec(cell)?.[1]
  if (times !== undefined) return new Uint8Array(Number(times)).fill(parseInt(first!, 16))
  if (second === undefined) return fromHex(first ?? '')
  const [from, to] = [parseInt(first!, 16), parseInt(second, 16)]
  const step = from < to ? 1 : -1
  return Uint8Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => from + i * step)
}

t.test('vectors', (t) => {
  const rows = (title: string): (readonly string[])[] =>
    documentTables().find(({ header }) => header.join() === title)!.rows as string[][]
  const checksums = rows('Bytes,CRC-32C')
  t.equal(checksums.length, 5)
  for (const [cell, value] of checksums)
    t.equal(crc32c(vectorBytes(cell!)), Number(codeSpans(value!)[0]), `CRC-32C of ${cell}`)
  t.equal(crc32c(Buffer.from('123456789')), CRC_CHECK)
  t.equal(maskCrc(crc32c(Buffer.from('foo'))), 0xfebe8a61)
  const hashes = rows('Bytes,Hash')
  t.equal(hashes.length, 5)
  t.equal(FILTER_HASH_SEED, Number(codeSpans(hashes[0]![1]!)[0]), 'nothing hashes to the seed')
  for (const [cell, value] of hashes) {
    const bytes = vectorBytes(cell!)
    t.equal(filterHash(bytes, 0, bytes.length), Number(codeSpans(value!)[0]), `hash of ${cell}`)
  }
  t.end()
})
