/** Primitives: varints, fixed integers, slices, and what FieldReader refuses. */
import t from 'tap'
import {
  FieldReader,
  FormatError,
  VARINT32_MAX_BYTES,
  VARINT64_MAX_BYTES,
  fixed32,
  fixed64,
  putFixed32,
  putFixed64,
  putVarint,
  varintLength,
} from '../../lib/format/coding.js'
import { CRC_CHECK, maskCrc, unmaskCrc } from '../../lib/format/checksum.js'
import { fromHex, toHex } from './documents.js'
import { below } from '../support/campaign.js'
import { CAMPAIGN, generator } from './random.js'

const MAX = Number.MAX_SAFE_INTEGER

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(12)
  return bytes.slice(0, putVarint(bytes, 0, value))
}

/** Powers of two, and their neighbours, up to 2^53 - 1. */
function edges(): number[] {
  const values = new Set([0, MAX])
  for (let bit = 0; bit <= 53; bit++)
    for (const value of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]) if (value <= MAX) values.add(value)
  return [...values]
}

t.test('varints', (t) => {
  const vectors: [number, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 31 - 1, 'ffffffff07'],
    [2 ** 31, '8080808008'],
    [2 ** 32 - 1, 'ffffffff0f'],
    [2 ** 32, '8080808010'],
    [MAX, 'ffffffffffffff0f'],
  ]
  for (const [value, hex] of vectors) t.equal(toHex(varint(value)), hex, `${value}`)
  for (const value of edges()) {
    const bytes = varint(value)
    t.equal(bytes.length, varintLength(value), `length of ${value}`)
    const reader = new FieldReader(bytes)
    t.equal(reader.varint64(), value)
    t.ok(reader.atEnd)
    if (value < 2 ** 32) t.equal(new FieldReader(bytes).varint32(), value)
    else t.throws(() => new FieldReader(bytes).varint32(), FormatError, `${value} is no varint32`)
  }
  t.equal(putVarint(new Uint8Array(9), 3, 300), 5, 'gives the offset behind it')
  t.end()
})

t.test('a varint may be longer than it needs, within its limit', (t) => {
  t.equal(new FieldReader(fromHex('8180808000')).varint32(), 1)
  t.equal(new FieldReader(fromHex('81808080808080808000')).varint64(), 1)
  t.end()
})

t.test('bad varints are refused, at the byte where they begin', (t) => {
  const bad = (hex: string, read: (reader: FieldReader) => number): void => {
    const reader = new FieldReader(fromHex(`00${hex}`), 1)
    t.throws(() => read(reader), { name: 'FormatError', offset: 1 }, hex)
  }
  for (const hex of [
    '',
    '80',
    'ffffffff',
    '8080808080',
    '808080808000',
    'ffffffff10',
    'ffffffff7f',
  ])
    bad(hex, (reader) => reader.varint32())
  for (const hex of ['', '80', 'ffffffffffffff', 'ffffffffffffff10', 'ffffffffffffffffff01'])
    bad(hex, (reader) => reader.varint64())
  bad('80'.repeat(VARINT32_MAX_BYTES) + '01', (reader) => reader.varint32())
  bad('80'.repeat(VARINT64_MAX_BYTES) + '01', (reader) => reader.varint64())
  t.end()
})

t.test('fixed integers', (t) => {
  const bytes = new Uint8Array(8)
  for (const value of edges()) {
    t.equal(putFixed64(bytes, 0, value), 8)
    t.equal(fixed64(bytes, 0), value)
    t.equal(Buffer.from(bytes).readBigUInt64LE(), BigInt(value))
    t.equal(new FieldReader(bytes).fixed64(), value)
    if (value >= 2 ** 32) continue
    t.equal(putFixed32(bytes, 2, value), 6)
    t.equal(fixed32(bytes, 2), value)
    t.equal(new FieldReader(bytes, 2).fixed32(), value)
  }
  for (const hex of ['0000000000002000', 'ffffffffffffffff', '0000000000000080'])
    t.throws(() => new FieldReader(fromHex(hex)).fixed64(), FormatError, `${hex} is over 2^53 - 1`)
  for (let length = 0; length < 8; length++) {
    const reader = new FieldReader(new Uint8Array(16), 1, 1 + length)
    t.throws(() => reader.fixed64(), { name: 'FormatError', offset: 1 })
    if (length < 4) t.throws(() => reader.fixed32(), FormatError)
    if (length < 1) t.throws(() => reader.uint8(), FormatError)
    t.equal(reader.offset, 1, 'nothing is consumed')
  }
  t.end()
})

t.test('slices', (t) => {
  const reader = new FieldReader(fromHex('00 03616263 00 01ff'))
  t.equal(reader.slice().length, 0)
  t.equal(toHex(reader.slice()), '616263')
  t.equal(reader.slice().length, 0)
  t.equal(toHex(reader.slice()), 'ff')
  t.ok(reader.atEnd)
  for (const hex of ['', '01', '0361', 'ffffffff0f61', '80'])
    t.throws(() => new FieldReader(fromHex(hex)).slice(), FormatError, `slice ${hex}`)
  t.throws(() => new FieldReader(fromHex('0361626364'), 0, 3).slice(), FormatError, 'past the end')
  t.end()
})

t.test('random bytes are read or refused, never more', (t) => {
  const { random, seed } = generator()
  for (let i = 0; i < 5000 * CAMPAIGN; i++) {
    const bytes = new Uint8Array(below(random, 24)).map(() => 128 + below(random, 256))
    const reader = new FieldReader(bytes)
    const fields = [
      () => reader.uint8(),
      () => reader.fixed32(),
      () => reader.fixed64(),
      () => reader.varint32(),
      () => reader.varint64(),
      () => reader.slice().length,
    ]
    try {
      while (!reader.atEnd) {
        const value = fields[below(random, fields.length)]!()
        if (!Number.isSafeInteger(value) || value < 0 || reader.offset > bytes.length)
          t.fail(`${toHex(bytes)} gave ${value}, seed ${seed}`)
      }
    } catch (error) {
      if (!(error instanceof FormatError))
        t.fail(`${toHex(bytes)} threw ${String(error)}, seed ${seed}`)
    }
  }
  t.pass('random bytes')
  t.end()
})

t.test('masked checksums', (t) => {
  t.equal(maskCrc(CRC_CHECK), 0xc78ab0e5)
  t.equal(maskCrc(0), 0xa282ead8)
  const { random } = generator()
  for (const crc of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, CRC_CHECK])
    t.equal(unmaskCrc(maskCrc(crc)), crc)
  for (let i = 0; i < 1000; i++) {
    const crc = below(random, 2 ** 32)
    if (unmaskCrc(maskCrc(crc)) !== crc || maskCrc(crc) === crc) t.fail(`mask of ${crc}`)
  }
  t.end()
})
