/** Batches: writer and reader against each other, and everything that the reader must refuse. */
import t from 'tap'
import {
  BATCH_DATUM_MAX_BYTES,
  BATCH_HEADER_BYTES,
  BatchReader,
  BatchWriter,
  batchCount,
  batchSequence,
  checkBatch,
  markBatch,
  type Datum,
} from '../../lib/format/batch.js'
import { FormatError } from '../../lib/format/coding.js'
import { KEY_SEQUENCE_MAX, KEY_TYPE_DELETION, KEY_TYPE_VALUE } from '../../lib/format/key.js'
import { fromHex, toHex } from './documents.js'
import { below, pick } from '../support/campaign.js'
import { CAMPAIGN, generator, randomBytes, type Random } from './random.js'

interface Operation {
  readonly type: number
  readonly key: Datum
  readonly value: Datum
}

const HEADER_ONE = '0100000000000000 01000000'

function write(operations: readonly Operation[], writer = new BatchWriter()): BatchWriter {
  for (const { type, key, value } of operations)
    if (type === KEY_TYPE_VALUE) writer.put(key, value)
    else writer.delete(key)
  return writer
}

/** The records of a batch as text. */
function records(batch: Uint8Array): string[] {
  const reader = new BatchReader(batch)
  const told: string[] = []
  while (reader.next()) {
    const key = toHex(batch.subarray(reader.keyStart, reader.keyEnd))
    const value = toHex(batch.subarray(reader.valueStart, reader.valueEnd))
    told.push(`${reader.type} ${key} ${value}`)
  }
  return told
}

function bytesOf(datum: Datum): Uint8Array {
  return typeof datum === 'string' ? Buffer.from(datum) : datum
}

function expected({ type, key, value }: Operation): string {
  return `${type} ${toHex(bytesOf(key))} ${type === KEY_TYPE_VALUE ? toHex(bytesOf(value)) : ''}`
}

const TEXTS = [
  '',
  'a',
  'apple',
  '\u007f',
  '\u0080',
  'Zürich',
  '東京',
  '🪨🪨',
  '\ud800',
  'x\udfffy',
  '\0',
]

function randomDatum(random: Random): Datum {
  if (random() < 0.5) return randomBytes(random, pick(random, [0, 3, 20, 200, 3000]))
  return pick(random, TEXTS).repeat(below(random, pick(random, [2, 9, 80])))
}

function randomOperations(random: Random): Operation[] {
  return Array.from({ length: below(random, pick(random, [3, 30])) }, () => ({
    type: below(random, 2),
    key: randomDatum(random),
    value: randomDatum(random),
  }))
}

t.test('what is written is read', (t) => {
  const { random, seed } = generator()
  const writer = new BatchWriter()
  for (let i = 0; i < 300 * CAMPAIGN; i++) {
    const operations = randomOperations(random)
    const sequence = below(random, pick(random, [10, 2 ** 33, 2 ** 52]))
    writer.clear(pick(random, [Infinity, 20_000]))
    const batch = write(operations, writer).stamp(sequence)
    const same =
      batch.length === writer.sizeBytes &&
      writer.count === operations.length &&
      batchCount(batch) === operations.length &&
      batchSequence(batch) === sequence &&
      new BatchReader(batch).sequence === sequence &&
      records(batch).join() === operations.map(expected).join()
    if (!same) t.fail(`round trip ${i} of seed ${seed}`)
  }
  t.pass('round trips')
  t.end()
})

t.test('strings are their UTF-8', (t) => {
  for (const text of TEXTS)
    for (const times of [1, 2, 64, 65, 200]) {
      const datum = text.repeat(times)
      const asText = new BatchWriter()
      const asBytes = new BatchWriter()
      asText.put(datum, datum)
      asText.delete(datum)
      asBytes.put(Buffer.from(datum), new Uint8Array(Buffer.from(datum)))
      asBytes.delete(Buffer.from(datum))
      t.equal(toHex(asText.stamp(1)), toHex(asBytes.stamp(1)), `${times} times ${escape(text)}`)
    }
  t.end()
})

t.test('batches join', (t) => {
  const { random, seed } = generator()
  for (let i = 0; i < 100 * CAMPAIGN; i++) {
    const first = randomOperations(random)
    const second = randomOperations(random)
    const joined = write(first)
    joined.append(write(second))
    const whole = write([...first, ...second])
    if (toHex(joined.stamp(5)) !== toHex(whole.stamp(5))) t.fail(`join ${i} of seed ${seed}`)
    if (joined.count !== whole.count) t.fail(`count of join ${i} of seed ${seed}`)
    const taken = i % 2 === 0 ? new BatchWriter() : write(first)
    const given = write(i % 2 === 0 ? [...first, ...second] : second)
    taken.take(given)
    if (toHex(taken.stamp(5)) !== toHex(whole.stamp(5))) t.fail(`taking ${i} of seed ${seed}`)
    if (given.count !== 0 || given.sizeBytes !== new BatchWriter().sizeBytes)
      t.fail(`what was taken ${i} of seed ${seed} is still there`)
  }
  const self = write([{ type: KEY_TYPE_VALUE, key: 'k', value: 'x'.repeat(9000) }])
  self.append(self)
  t.equal(records(self.stamp(1)).length, 2, 'a batch joins itself')
  t.end()
})

t.test('a refused operation leaves no trace', (t) => {
  const writer = write([{ type: KEY_TYPE_VALUE, key: 'a', value: '1' }])
  const before = toHex(writer.stamp(1))
  const broken = null as unknown as Datum
  t.throws(() => writer.put('key', broken), TypeError)
  t.throws(() => writer.put(broken, 'value'), TypeError)
  t.throws(() => writer.delete(broken), TypeError)
  const huge = Object.defineProperty(new Uint8Array(1), 'length', {
    value: BATCH_DATUM_MAX_BYTES + 1,
  })
  t.throws(() => writer.put('key', huge), { code: 'CAIRN_LIMIT' })
  t.equal(toHex(writer.stamp(1)), before)
  t.equal(writer.count, 1)
  writer.clear()
  t.equal(toHex(writer.stamp(3)), '030000000000000000000000', 'empty after clear')
  t.end()
})

t.test('marks', (t) => {
  for (const sequence of [1, 7, 2 ** 40, KEY_SEQUENCE_MAX]) {
    const mark = markBatch(sequence)
    t.equal(mark.length, BATCH_HEADER_BYTES)
    t.equal(batchCount(mark), 0)
    t.equal(batchSequence(mark), sequence)
    t.same(records(mark), [])
  }
  t.end()
})

t.test('every truncation and every growth is refused', (t) => {
  const { random, seed } = generator()
  for (let i = 0; i < 20 * CAMPAIGN; i++) {
    const batch = write([...randomOperations(random), { type: 0, key: 'k', value: '' }]).stamp(9)
    const whole = new Uint8Array(batch)
    const step = whole.length > 2000 ? 37 : 1
    for (let length = 0; length < whole.length; length += step)
      if (accepted(whole.subarray(0, length))) t.fail(`cut at ${length}, batch ${i}, seed ${seed}`)
    if (accepted(Buffer.concat([whole, Buffer.alloc(1)]))) t.fail(`grown batch ${i}, seed ${seed}`)
  }
  t.pass('cut and grown')
  t.end()
})

function accepted(batch: Uint8Array): boolean {
  try {
    checkBatch(batch)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

t.test('bad bytes are refused', (t) => {
  const bad: Record<string, string> = {
    'count too high': '0100000000000000 02000000 00 0161',
    'count too low': '0100000000000000 01000000 00 0161 00 0162',
    'count without records': '0100000000000000 ffffffff',
    'records without count': '0100000000000000 00000000 00 0161',
    'unknown type': `${HEADER_ONE} 02 0161 0131`,
    'type of the seal': `${HEADER_ONE} ff 0161 0131`,
    'key past the end': `${HEADER_ONE} 01 0261`,
    'value past the end': `${HEADER_ONE} 01 0161 0231`,
    'no value': `${HEADER_ONE} 01 0161`,
    'huge key': `${HEADER_ONE} 01 ffffffff0f 61`,
    'huge value': `${HEADER_ONE} 01 0161 ffffffff07 31`,
    'length of six bytes': `${HEADER_ONE} 01 818080808000 61 0131`,
    'length cut short': `${HEADER_ONE} 01 80`,
    'length over 2^32': `${HEADER_ONE} 01 ffffffff7f 61`,
    'sequence over 2^53': '0000000000002000 00000000',
    'last record over 2^53': 'ffffffffffff1f00 01000000 00 0161',
    'sequence of 64 bits': 'ffffffffffffffff 00000000',
  }
  for (const [what, hex] of Object.entries(bad))
    t.throws(() => checkBatch(fromHex(hex)), FormatError, what)
  t.doesNotThrow(() => checkBatch(fromHex(`${HEADER_ONE} 01 8180808000 61 00`)), 'a long length')
  t.doesNotThrow(() => checkBatch(fromHex(`${HEADER_ONE} 01 00 00`)), 'empty key and value')
  t.end()
})

t.test('changed bytes give records that lie in the batch, or a FormatError', (t) => {
  const { random, seed } = generator()
  const source = write([
    { type: KEY_TYPE_VALUE, key: 'key', value: 'value' },
    { type: KEY_TYPE_DELETION, key: 'gone', value: '' },
    { type: KEY_TYPE_VALUE, key: '', value: 'x'.repeat(140) },
  ])
  for (let i = 0; i < 5000 * CAMPAIGN; i++) {
    const batch = new Uint8Array(source.stamp(1))
    for (let flips = 1 + below(random, 3); flips > 0; flips--)
      batch[8 + below(random, batch.length - 8)] = below(random, 256)
    try {
      const reader = new BatchReader(batch)
      while (reader.next())
        if (reader.keyEnd > batch.length || reader.valueEnd !== reader.offset)
          t.fail(`${toHex(batch)}, seed ${seed}`)
      if (reader.offset !== batch.length) t.fail(`${toHex(batch)}, seed ${seed}`)
    } catch (error) {
      if (!(error instanceof FormatError))
        t.fail(`${toHex(batch)} threw ${String(error)}, seed ${seed}`)
    }
  }
  t.pass('changed bytes')
  t.end()
})
