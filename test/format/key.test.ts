/** Internal keys: order, trailers beyond 2^53, separators and successors. */
import t from 'tap'
import {
  KEY_SEQUENCE_MAX,
  KEY_TYPE_DELETION,
  KEY_TYPE_SEEK,
  KEY_TYPE_VALUE,
  compareBytes,
  compareInternalKeys,
  compareUserKeys,
  internalKey,
  internalSeparator,
  internalSuccessor,
  sequenceOf,
  trailerHigh,
  trailerLow,
  trailerSequence,
  typeOf,
  userKey,
} from '../../lib/format/key.js'
import { fromHex, toHex } from './documents.js'
import { pick } from '../support/campaign.js'
import { generator, randomBytes } from './random.js'

const LAST_TRAILER = '01ffffffffffffff'
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const key = (user: string, sequence: number, type = KEY_TYPE_VALUE): Uint8Array =>
  internalKey(ascii(user), sequence, type)

t.test('the trailer is sequence << 8 | type, little-endian', (t) => {
  t.equal(toHex(key('foo', 1)), '666f6f0101000000000000')
  t.equal(toHex(key('', 0x010203040506, KEY_TYPE_DELETION)), '0006050403020100')
  t.equal(toHex(key('k', KEY_SEQUENCE_MAX)), '6b01ffffffffffff1f')
  for (const sequence of [0, 1, 2 ** 24 - 1, 2 ** 24, 2 ** 32 + 5, 2 ** 48 - 1, KEY_SEQUENCE_MAX])
    for (const type of [KEY_TYPE_DELETION, KEY_TYPE_VALUE]) {
      const made = key('user', sequence, type)
      t.equal(sequenceOf(made), sequence)
      t.equal(typeOf(made), type)
      t.equal(toHex(userKey(made)), toHex(ascii('user')))
      t.equal(trailerSequence(trailerHigh(sequence), trailerLow(sequence, type)), sequence)
      t.ok(trailerHigh(sequence) >= 0 && trailerLow(sequence, type) >= 0, 'words are unsigned')
    }
  t.end()
})

t.test('user keys ascend bytewise, unsigned, a prefix first', (t) => {
  const rising = ['', '00', '0000', '01', '7f', '80', '80ff', 'ff', 'ff00', 'ffff'].map(fromHex)
  rising.forEach((a, i) =>
    rising.forEach((b, j) => t.equal(Math.sign(compareUserKeys(a, b)), Math.sign(i - j))),
  )
  t.ok(compareBytes(ascii('xab'), 1, 2, ascii('yyab'), 2, 4) < 0, 'ranges are kept to')
  t.equal(compareBytes(ascii('xab'), 1, 3, ascii('yyab'), 2, 4), 0)
  t.end()
})

t.test('versions of a key descend, up to 2^56 - 1', (t) => {
  const rising = [
    fromHex(`61${LAST_TRAILER}`),
    fromHex('6101feffffffffffff'),
    fromHex('6101ffffff7fffffff'),
    key('a', KEY_SEQUENCE_MAX),
    key('a', 2 ** 32),
    key('a', 2 ** 24, KEY_TYPE_VALUE),
    key('a', 2 ** 24, KEY_TYPE_DELETION),
    key('a', 2 ** 24 - 1),
    key('a', 1),
    key('a', 0, KEY_TYPE_DELETION),
    fromHex(`6100${LAST_TRAILER}`),
    key('b', 9),
  ]
  rising.forEach((a, i) =>
    rising.forEach((b, j) => t.equal(Math.sign(compareInternalKeys(a, b)), Math.sign(i - j))),
  )
  t.ok(compareInternalKeys(key('a', 5, KEY_TYPE_SEEK), key('a', 5, KEY_TYPE_DELETION)) < 0)
  t.end()
})

t.test('separators', (t) => {
  const separator = (a: string, b: string): string => {
    const from = key(a, 100)
    const made = internalSeparator(from, key(b, 200))
    return toHex(made) === toHex(from) ? 'kept' : toHex(made)
  }
  const short = (user: string): string => toHex(ascii(user)) + LAST_TRAILER
  t.equal(separator('foo', 'foo'), 'kept', 'equal user keys')
  t.equal(separator('foo', 'bar'), 'kept', 'out of order')
  t.equal(separator('foo', 'hello'), short('g'))
  t.equal(separator('foo', 'foobar'), 'kept', 'a is a prefix')
  t.equal(separator('foobar', 'foo'), 'kept', 'b is a prefix')
  t.equal(separator('abcdef', 'abzz'), short('abd'))
  t.equal(separator('abc', 'abd'), 'kept', 'no room between')
  t.equal(separator('abcx', 'abe'), short('abd'))
  t.equal(separator('abcx', 'abd'), 'kept', 'no room between')
  t.equal(separator('a', 'z'), 'kept', 'not shorter')
  t.equal(separator('\xffa', '\xffc'), 'kept', 'not shorter')
  t.equal(separator('\xfex', '\xff'), 'kept', 'no room below ff')
  t.equal(separator('', 'a'), 'kept')
  t.end()
})

t.test('successors', (t) => {
  const successor = (a: string): string => {
    const from = key(a, 100)
    const made = internalSuccessor(from)
    return toHex(made) === toHex(from) ? 'kept' : toHex(made)
  }
  t.equal(successor('foo'), toHex(ascii('g')) + LAST_TRAILER)
  t.equal(successor('\xff\xffab'), toHex(ascii('\xff\xffb')) + LAST_TRAILER)
  t.equal(successor('\xff\xff'), 'kept')
  t.equal(successor('\xffa'), 'kept', 'not shorter')
  t.equal(successor('a'), 'kept', 'not shorter')
  t.equal(successor(''), 'kept')
  t.end()
})

t.test('they give fresh copies and leave Buffers alone', (t) => {
  for (const [a, b] of [
    ['foobar', 'hello'],
    ['foo', 'foo'],
  ] as const) {
    const from = Buffer.from(key(a, 3))
    const before = from.toString('hex')
    const separator = internalSeparator(from, Buffer.from(key(b, 2)))
    const successor = internalSuccessor(from)
    separator.fill(0)
    successor.fill(0)
    t.equal(from.toString('hex'), before)
  }
  t.end()
})

t.test('separators and successors lie where they must', (t) => {
  const { random, seed } = generator()
  for (let i = 0; i < 2000; i++) {
    const user = (): Uint8Array => randomBytes(random, 4, pick(random, [2, 256]), 254)
    const made = [0, 1].map(() => internalKey(user(), Math.floor(random() * 1000), KEY_TYPE_VALUE))
    const [a, b] = made.sort(compareInternalKeys) as [Uint8Array, Uint8Array]
    const separator = internalSeparator(a, b)
    const told = `${toHex(a)} ${toHex(b)} seed ${seed}`
    if (compareInternalKeys(a, separator) > 0) t.fail(`separator below a: ${told}`)
    if (compareInternalKeys(a, b) < 0 && compareInternalKeys(separator, b) >= 0)
      t.fail(`separator not below b: ${told}`)
    if (compareInternalKeys(internalSuccessor(b), b) < 0) t.fail(`successor below: ${told}`)
    if (separator.length > a.length) t.fail(`separator longer: ${told}`)
  }
  t.pass('2,000 pairs')
  t.end()
})
