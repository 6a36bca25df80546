/** Footers, handles and properties of tables. */
import t from 'tap'
import { FieldReader, FormatError } from '../../lib/format/coding.js'
import {
  TABLE_FOOTER_BYTES,
  TABLE_HANDLES_BYTES,
  decodeFooter,
  decodeProperties,
  encodeFooter,
  encodeHandle,
  encodeProperties,
  readHandle,
} from '../../lib/format/table.js'
import { fromHex, toHex } from './documents.js'

const MAX = Number.MAX_SAFE_INTEGER
const HANDLES = [
  { offset: 0, sizeBytes: 0 },
  { offset: 94, sizeBytes: 18 },
  { offset: 2 ** 31, sizeBytes: 2 ** 32 },
  { offset: MAX, sizeBytes: MAX },
]

t.test('handles', (t) => {
  for (const handle of HANDLES) {
    const bytes = encodeHandle(handle)
    const reader = new FieldReader(bytes)
    t.same(readHandle(reader), handle)
    t.ok(reader.atEnd)
    for (let length = 0; length < bytes.length; length++)
      t.throws(() => readHandle(new FieldReader(bytes, 0, length)), FormatError)
  }
  t.equal(toHex(encodeHandle({ offset: 94, sizeBytes: 18 })), '5e12')
  t.end()
})

t.test('footers', (t) => {
  for (const metaindex of HANDLES)
    for (const index of HANDLES) {
      const bytes = encodeFooter({ metaindex, index })
      t.equal(bytes.length, TABLE_FOOTER_BYTES)
      t.equal(toHex(bytes.subarray(TABLE_HANDLES_BYTES)), '57fb808b247547db')
      t.same(decodeFooter(bytes), { metaindex, index })
    }
  t.end()
})

t.test('bad footers are refused', (t) => {
  const footer = encodeFooter({ metaindex: HANDLES[1]!, index: HANDLES[2]! })
  for (let length = 0; length < footer.length; length++)
    t.throws(() => decodeFooter(footer.subarray(0, length)), FormatError)
  t.throws(() => decodeFooter(new Uint8Array(TABLE_FOOTER_BYTES + 1)), FormatError)
  for (let bit = TABLE_HANDLES_BYTES * 8; bit < TABLE_FOOTER_BYTES * 8; bit++) {
    const changed = new Uint8Array(footer)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    t.throws(() => decodeFooter(changed), FormatError, `bit ${bit} of the magic`)
  }
  const endless = new Uint8Array(footer).fill(0xff, 0, TABLE_HANDLES_BYTES)
  t.throws(() => decodeFooter(endless), FormatError, 'handles without an end')
  t.end()
})

t.test('properties', (t) => {
  const properties = {
    entries: MAX,
    deletions: 0,
    keyBytes: 2 ** 32,
    valueBytes: 127,
    smallestSequence: 128,
    largestSequence: MAX,
  }
  const bytes = encodeProperties(properties)
  t.same(decodeProperties(bytes), properties)
  const largest = Object.fromEntries(Object.keys(properties).map((name) => [name, MAX]))
  const full = encodeProperties(largest as unknown as typeof properties)
  t.same(decodeProperties(full), largest, 'the largest fit')
  for (let length = 0; length < bytes.length; length++)
    t.throws(() => decodeProperties(bytes.subarray(0, length)), FormatError, `cut at ${length}`)
  t.throws(() => decodeProperties(Buffer.concat([bytes, Buffer.alloc(1)])), FormatError, 'grown')
  t.equal(decodeProperties(fromHex('02 ff')), undefined, 'a later version is passed over')
  t.end()
})
