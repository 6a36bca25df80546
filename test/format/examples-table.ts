/**
 * The worked examples of table.md and filter.md.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { BLOCK_RESTART_INTERVAL, BLOCK_TRAILER_BYTES } from '../../lib/format/block.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { FieldReader, putFixed32 } from '../../lib/format/coding.js'
import { FILTER_BITS_PER_KEY, FILTER_NAME } from '../../lib/format/filter.js'
import { internalKey, internalSuccessor } from '../../lib/format/key.js'
import {
  TABLE_FOOTER_BYTES,
  decodeFooter,
  decodeProperties,
  encodeFooter,
  encodeHandle,
  encodeProperties,
  readHandle,
} from '../../lib/format/table.js'
import { BlockWriter } from '../../lib/table/block.js'
import { FilterBlock, FilterBlockWriter } from '../../lib/table/filter.js'
import { snappy, snappyRoom, unsnappy } from '../../lib/table/snappy.js'
import { toHex, type Check } from './documents.js'

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const join2 = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** A block with its trailer. */
function sealedBlock(contents: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(contents.length + BLOCK_TRAILER_BYTES)
  bytes.set(contents)
  const crc = crc32c(bytes.subarray(0, contents.length + 1))
  putFixed32(bytes, contents.length + 1, maskCrc(crc))
  return bytes
}

function block(interval: number, entries: readonly [Uint8Array, Uint8Array][]): Uint8Array {
  const writer = new BlockWriter(interval)
  for (const [key, value] of entries) writer.add(key, key.length, value, 0, value.length)
  return writer.finish().slice()
}

function filterBlock(): Uint8Array {
  const writer = new FilterBlockWriter(FILTER_BITS_PER_KEY)
  writer.startBlock(0)
  for (const key of ['apple', 'apricot', 'banana', 'cherry'])
    writer.addKey(ascii(key), 0, key.length)
  return writer.finish().slice()
}

export const APPLE = internalKey(ascii('apple'), 1, 1)
const APRICOT = internalKey(ascii('apricot'), 2, 1)
const BANANA = internalKey(ascii('banana'), 3, 1)
export const CHERRY = internalKey(ascii('cherry'), 4, 0)

function checkSnappy(t: Test, plain: string, bytes: Uint8Array): void {
  const output = new Uint8Array(snappyRoom(plain.length))
  t.equal(toHex(output.subarray(0, snappy(ascii(plain), output))), toHex(bytes))
  t.equal(text(unsnappy(bytes)), plain)
}

export const TABLE: Record<string, Check> = {
  'block-empty': (t, bytes) => void t.equal(toHex(block(BLOCK_RESTART_INTERVAL, [])), toHex(bytes)),
  handle: (t, bytes) => {
    const handle = { offset: 94, sizeBytes: 18 }
    t.same(readHandle(new FieldReader(bytes)), handle)
    t.equal(toHex(encodeHandle(handle)), toHex(bytes))
  },
  // Encoders differ, so that only decoding is held to this example.
  snappy: (t, bytes) => void t.equal(text(unsnappy(bytes)), 'abcdabcdabcd'),
  'snappy-encoded': (t, bytes) => checkSnappy(t, 'red red red yellow red yellow green', bytes),
  'snappy-run': (t, bytes) => checkSnappy(t, 'x'.repeat(100), bytes),
  properties: (t, bytes) => {
    const properties = {
      entries: 4,
      deletions: 1,
      keyBytes: 24,
      valueBytes: 15,
      smallestSequence: 1,
      largestSequence: 4,
    }
    t.same(decodeProperties(bytes), properties)
    t.equal(toHex(encodeProperties(properties)), toHex(bytes))
  },
  table: (t, bytes) => {
    const footer = decodeFooter(bytes.subarray(bytes.length - TABLE_FOOTER_BYTES))
    const data = block(BLOCK_RESTART_INTERVAL, [
      [APPLE, ascii('red')],
      [APRICOT, ascii('orange')],
      [BANANA, ascii('yellow')],
      [CHERRY, ascii('')],
    ])
    const filter = filterBlock()
    const filterAt = { offset: data.length + BLOCK_TRAILER_BYTES, sizeBytes: filter.length }
    const metaindex = block(BLOCK_RESTART_INTERVAL, [[ascii(FILTER_NAME), encodeHandle(filterAt)]])
    const dataAt = { offset: 0, sizeBytes: data.length }
    const index = block(1, [[internalSuccessor(CHERRY), encodeHandle(dataAt)]])
    const blocks = [data, filter, metaindex, index].map(sealedBlock)
    t.equal(toHex(join2(...blocks, encodeFooter(footer))), toHex(bytes))
    t.equal(footer.metaindex.offset, blocks[0]!.length + blocks[1]!.length)
    t.equal(footer.index.offset, footer.metaindex.offset + blocks[2]!.length)
    t.equal(footer.index.sizeBytes, index.length)
    const path = join('test', 'data', 'leveldb-files', 'cpp-sst-bloom', '000005.ldb')
    t.equal(toHex(readFileSync(path)), toHex(bytes), 'as LevelDB wrote it')
  },
}

export const FILTER: Record<string, Check> = {
  'filter-block': (t, bytes) => {
    t.equal(toHex(filterBlock()), toHex(bytes))
    const filter = new FilterBlock(bytes)
    for (const key of ['apple', 'apricot', 'banana', 'cherry'])
      t.ok(filter.mayContain(0, ascii(key), 0, key.length), key)
    t.notOk(filter.mayContain(0, ascii('durian'), 0, 6))
  },
}
