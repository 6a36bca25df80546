/**
 * The hash of keys: its rounds against the published vectors of HalfSipHash-2-4, and the function
 * against a plain one made of those rounds.
 */
import t from 'tap'
import { Memory } from '../../lib/format/memory.js'
import { HASH_SEED_BYTES, hashKey, hashSeed } from '../../lib/durable/entries/hash.js'
import { random } from '../support/random.js'

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** HalfSipHash with so many rounds per word and at the end, written as its paper has it. */
function halfSipHash(bytes: Uint8Array, seed: Uint8Array, perWord: number, atEnd: number): number {
  const key = new DataView(seed.buffer, seed.byteOffset)
  const v = [0, 0, 0x6c796765, 0x74656462]
  for (const i of [0, 1, 2, 3]) v[i]! ^= key.getInt32((i & 1) * 4, true)
  const round = (): void => {
    for (const [a, b, c, d, left, right] of [
      [0, 1, 2, 3, 5, 8],
      [2, 1, 0, 3, 13, 7],
    ] as const) {
      v[a] = (v[a]! + v[b]!) | 0
      v[c] = (v[c]! + v[d]!) | 0
      v[b] = rotate(v[b]!, left) ^ v[a]
      v[d] = rotate(v[d]!, right) ^ v[c]
      v[a] = rotate(v[a], 16)
    }
  }
  const padded = new Uint8Array((Math.floor(bytes.length / 4) + 1) * 4)
  padded.set(bytes)
  padded[padded.length - 1] = bytes.length
  const words = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 4) {
    const word = words.getInt32(at, true)
    v[3]! ^= word
    for (let i = 0; i < perWord; i++) round()
    v[0]! ^= word
  }
  v[2]! ^= 0xff
  for (let i = 0; i < atEnd; i++) round()
  return v[1]! ^ v[3]!
}

t.test('the rounds are those of the published vectors', (t) => {
  const seed = Uint8Array.from({ length: 8 }, (_, i) => i)
  const published = ['a9359f5b', '27475ab8', 'fa62a603', '8afee704']
  published.forEach((expected, length) => {
    const input = Uint8Array.from({ length }, (_, i) => i)
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(halfSipHash(input, seed, 2, 4))
    t.equal(bytes.toString('hex'), expected, `${length} bytes`)
  })
  t.end()
})

t.test('the hash is HalfSipHash-1-3', (t) => {
  const next = random(7)
  for (let length = 0; length < 300; length++) {
    const seed = Uint8Array.from({ length: HASH_SEED_BYTES }, () => next() * 256)
    const bytes = Uint8Array.from({ length: length + 9 }, () => next() * 256)
    const start = Math.floor(next() * 9)
    const expected = halfSipHash(bytes.subarray(start, start + length), seed, 1, 3)
    if (hashKey(new Memory(bytes).view, start, start + length, hashSeed(seed)) !== expected)
      t.fail(`${length} bytes from ${start}`)
  }
  t.end()
})

t.test('hashes spread, and another seed spreads otherwise', (t) => {
  const places = [1, 2].map((n) => {
    const seed = hashSeed(new Uint8Array(HASH_SEED_BYTES).fill(n))
    return Array.from({ length: 16_384 }, (_, i) => {
      const bytes = Buffer.from(`key${i}`)
      return hashKey(new Memory(bytes).view, 0, bytes.length, seed) >>> 18
    })
  })
  for (const found of places) {
    const taken = new Set(found).size
    // Of n places that n keys are thrown at, n/e stay empty.
    t.ok(Math.abs(taken - 16_384 * (1 - 1 / Math.E)) < 300, `${taken} of 16,384 places`)
  }
  const same = places[0]!.filter((place, i) => place === places[1]![i]).length
  t.ok(same < 20, `${same} keys stay where they are`)
  t.end()
})
