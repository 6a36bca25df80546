/** Bloom filters: never "no" for a key that is there, rarely "maybe" for one that is not. */
import t from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { FILTER_NAME } from '../../lib/format/filter.js'
import { FilterBlock, FilterBlockWriter, filterHash } from '../../lib/table/filter.js'
import { numbers } from '../support/numbers.js'
import { random } from '../support/random.js'
import { below, campaign } from '../support/campaign.js'
import { randomKey } from './table-fixture.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const key = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

function mayContain(block: FilterBlock, offset: number, bytes: Uint8Array): boolean {
  return block.mayContain(offset, bytes, 0, bytes.length)
}

t.test('the hash, by the vectors of LevelDB', async (t) => {
  const vectors = { '': 0xbc9f1d34, 62: 0xef1345c4, c397: 0x5b663814, e299a5: 0x323c078f }
  for (const [bytes, hash] of Object.entries({ ...vectors, e180b932: 0xed21633a })) {
    const data = hex(bytes)
    t.equal(filterHash(data, 0, data.length), hash, bytes)
    const inside = Uint8Array.from([9, 8, 7, ...data, 6])
    t.equal(filterHash(inside, 3, 3 + data.length), hash, `${bytes} in the middle`)
  }
})

t.test('the filter block of the specimen', async (t) => {
  const writer = new FilterBlockWriter(10)
  for (const name of ['apple', 'apricot', 'banana', 'cherry']) {
    const bytes = key(name)
    writer.addKey(bytes, 0, bytes.length)
  }
  writer.startBlock(94)
  const bytes = writer.finish()
  t.equal(Buffer.from(bytes).toString('hex'), '4245000ca002d00f0600000000090000000b')
  t.equal(FILTER_NAME, 'filter.leveldb.BuiltinBloomFilter2')
})

t.test('ranges without a block, and blocks that share a range', async (t) => {
  const writer = new FilterBlockWriter(10)
  const add = (name: string): void => writer.addKey(key(name), 0, name.length)
  add('foo')
  writer.startBlock(100)
  add('bar')
  writer.startBlock(3100)
  add('box')
  writer.startBlock(9000)
  add('hello')
  const block = new FilterBlock(writer.finish().slice())
  const expected: [number, string, boolean][] = [
    [0, 'foo', true],
    [100, 'bar', true],
    [2047, 'foo', true],
    [0, 'box', false],
    [3100, 'box', true],
    [3100, 'foo', false],
    [4100, 'foo', false],
    [6200, 'hello', false],
    [9000, 'hello', true],
    [9000, 'foo', false],
    [20_000, 'anything', true],
    [2 ** 40, 'anything', true],
  ]
  for (const [offset, name, may] of expected)
    t.equal(mayContain(block, offset, key(name)), may, `${name} at ${offset}`)
})

t.test('random keys', async (t) => {
  await campaign(t, 200, async (seed) => {
    const next = random(seed)
    const bits = below(next, 60)
    const writer = new FilterBlockWriter(bits)
    const blocks: { offset: number; keys: Uint8Array[] }[] = []
    let offset = 0
    for (let i = 0; i < 1 + below(next, 20); i++) {
      const keys = Array.from({ length: 1 + below(next, 300) }, () => randomKey(next, 20))
      for (const bytes of keys) writer.addKey(bytes, 0, bytes.length)
      blocks.push({ offset, keys })
      offset += 1 + below(next, 6000)
      writer.startBlock(offset)
    }
    const block = new FilterBlock(writer.finish())
    for (const { offset, keys } of blocks)
      for (const bytes of keys)
        if (!mayContain(block, offset, bytes)) throw new Error('a key is denied')
  })
})

t.test('few keys that are not there pass', async (t) => {
  const writer = new FilterBlockWriter(10)
  for (let i = 0; i < 10_000; i++) writer.addKey(key(`here${i}`), 0, `here${i}`.length)
  const block = new FilterBlock(writer.finish())
  let passed = 0
  for (let i = 0; i < 10_000; i++) if (mayContain(block, 0, key(`gone${i}`))) passed++
  t.ok(passed < 200, `${passed} of 10,000`)
})

t.test('nonsense may match', async (t) => {
  const block = '4245000ca002d00f0600000000090000000b'
  const nonsense: [string, string][] = [
    ['', 'nothing'],
    ['00000000', 'shorter than its tail'],
    ['0000000b', 'shorter than its tail'],
    ['090000000b', 'offsets behind the end'],
    [block.replace(/09000000/, '0a000000'), 'offsets that are not whole words'],
    [block.replace(/0b$/, '40'), 'a base that nobody writes'],
    [block.replace(/d00f06/, 'd00f1f'), '31 probes'],
    [block.replace(/0600000000/, '060a000000'), 'a filter that ends before it begins'],
    ['ff'.repeat(40), 'all ones'],
    ['00'.repeat(4) + '010000000000000b', 'a limit behind the offsets'],
  ]
  for (const [bytes, what] of nonsense)
    t.equal(mayContain(new FilterBlock(hex(bytes)), 0, key('zebra')), true, what)
  t.equal(mayContain(new FilterBlock(hex(block)), 0, key('zebra')), false, 'the sound one does not')
  t.equal(mayContain(new FilterBlock(hex('00000000000000000b')), 0, key('a')), false, 'no key')
  t.equal(mayContain(new FilterBlock(hex('06' + '0000000001000000' + '0b')), 0, key('a')), false)
})

t.test('damaged filters answer, whatever they are', async (t) => {
  const sound = hex('4245000ca002d00f0600000000090000000b')
  for (let bit = 0; bit < sound.length * 8; bit++) {
    const damaged = sound.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    mayContain(new FilterBlock(damaged), 5000, key('apple'))
  }
  for (let length = 0; length < sound.length; length++)
    mayContain(new FilterBlock(sound.subarray(0, length)), 0, key('apple'))
  t.pass('none threw')
})

/** The filter block of some keys, in blocks of some sizes. */
function someFilters(next: (limit: number) => number): Uint8Array {
  const writer = new FilterBlockWriter([1, 2, 10, 16, 60][next(5)]!)
  let offset = 0
  for (let blocks = next(20); blocks > 0; blocks--) {
    for (let keys = next(100); keys > 0; keys--) {
      const key = Uint8Array.from({ length: next(40) }, () => next(256))
      writer.addKey(key, 0, key.length)
    }
    offset += next([500, 3000, 20_000][next(3)]!)
    writer.startBlock(offset)
  }
  return writer.finish().slice()
}

t.test('the native twin writes the same bytes and gives the same answers', async (t) => {
  // The numbers stand in test/native/filter_test.cc as well; they change only with the format.
  let written = 0
  let answers = 0
  for (let seed = 1; seed <= 300; seed++) {
    const next = numbers(seed)
    const bytes = someFilters(next)
    written = crc32c(bytes, written)
    for (let i = 0; i < 20; i++) {
      const damaged = bytes.slice(0, next(3) === 0 ? next(bytes.length) : bytes.length)
      const place = next(2) === 0 ? damaged.length : Math.min(damaged.length, 12)
      if (place > 0) damaged[damaged.length - 1 - next(place)] = next(256)
      const block = new FilterBlock(damaged)
      const told = Uint8Array.from({ length: 50 }, () => {
        const key = Uint8Array.from({ length: next(3) }, () => next(256))
        return block.mayContain(next(100_000), key, 0, key.length) ? 1 : 0
      })
      answers = crc32c(told, answers)
    }
  }
  t.equal(written.toString(16), '3ad8030e')
  t.equal(answers.toString(16), '90a0aa2c')
})
