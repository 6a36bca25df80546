/** Raw Snappy, decoded: every kind of element, and every kind of nonsense. */
import t from 'tap'
import { FormatError, putVarint } from '../../lib/format/coding.js'
import { SNAPPY_MAX_RATIO, unsnappy } from '../../lib/table/snappy.js'
import { random } from '../support/random.js'
import { below, campaign } from '../support/campaign.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/ /g, ''), 'hex'))
const plain = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

t.test('elements', async (t) => {
  const vectors: [string, string][] = [
    ['00', ''],
    ['01 00 61', 'a'],
    ['05 10 68656c6c6f', 'hello'],
    ['0c 0c 61626364 11 04', 'abcdabcdabcd'],
    ['0c 0c 61626364 1e 0400', 'abcdabcdabcd'],
    ['0c 0c 61626364 1f 04000000', 'abcdabcdabcd'],
    ['0a 00 78 15 01', 'x'.repeat(10)],
    ['41 00 78 fe 0100', 'x'.repeat(65)],
    [`3d f0 3c ${'79'.repeat(61)}`, 'y'.repeat(61)],
    [`3d f4 3c00 ${'79'.repeat(61)}`, 'y'.repeat(61)],
    [`3d f8 3c0000 ${'79'.repeat(61)}`, 'y'.repeat(61)],
    [`3d fc 3c000000 ${'79'.repeat(61)}`, 'y'.repeat(61)],
    ['00' + '', ''],
  ]
  for (const [input, output] of vectors) t.equal(plain(unsnappy(hex(input))), output, input)
  const far = `ac02 f4 2b01 ${'00'.repeat(299)}01`
  t.equal(unsnappy(hex(far)).length, 300)
  // A copy of the first kind reaches 11 bits back: the tag's high 3 and a byte.
  const back = unsnappy(hex(`b002 f4 2b01 61${'00'.repeat(299)} 21 2c`))
  t.equal(plain(back.subarray(300)), `a\0\0\0`)
})

t.test('malformed', async (t) => {
  const vectors: [string, string][] = [
    ['', 'no length'],
    ['80', 'length cut short'],
    ['ffffffffff', 'length too long'],
    ['ffffffff0f', 'length that the input can not hold'],
    ['ff01 00 61', 'length that the input can not hold'],
    ['01', 'nothing where a byte was declared'],
    ['02 00 61', 'less than declared'],
    ['01 04 6161', 'a literal of more than declared'],
    ['05 10 6865', 'literal cut short'],
    ['3d f0', 'length of a literal cut short'],
    ['3d f4 3c', 'length of a literal cut short'],
    ['3d fc 3c0000', 'length of a literal cut short'],
    ['3d fc ffffffff 79', 'a literal of 4 GiB'],
    ['0c 0c 61626364 11', 'copy cut short'],
    ['0c 0c 61626364 1e 04', 'copy cut short'],
    ['0c 0c 61626364 1f 040000', 'copy cut short'],
    ['0c 0c 61626364 11 00', 'offset 0'],
    ['0c 0c 61626364 1e 0000', 'offset 0'],
    ['0c 0c 61626364 1f 00000000', 'offset 0'],
    ['0c 0c 61626364 11 05', 'offset before the output'],
    ['0c 0c 61626364 1e 0500', 'offset before the output'],
    ['0c 0c 61626364 1f 040000ff', 'offset before the output'],
    ['0b 0c 61626364 11 04', 'a copy of more than declared'],
    ['04 01 01', 'a copy at the start'],
    ['00 00', 'an element where nothing was declared'],
  ]
  for (const [input, what] of vectors) t.throws(() => unsnappy(hex(input)), FormatError, what)
})

t.test('what is declared is not taken on trust', async (t) => {
  const input = new Uint8Array(10)
  for (const length of [SNAPPY_MAX_RATIO * 9 + 1, 2 ** 20, 2 ** 31, 2 ** 32 - 1]) {
    input.fill(0)
    putVarint(input, 0, length)
    t.throws(() => unsnappy(input), FormatError, String(length))
  }
  // The densest input that there is comes to less than the ratio.
  const copies = 1000
  const dense = new Uint8Array([0, 0, 0, 0x78, ...Array.from({ length: copies * 3 }, () => 0)])
  putVarint(dense, 0, 1 + copies * 64)
  for (let i = 0; i < copies; i++) dense.set([0xfe, 1, 0], 5 + i * 3 - 1)
  const at = 3
  const body = dense.subarray(at + 1)
  const whole = Uint8Array.from([...dense.subarray(0, at), 0, 0x78, ...body])
  t.equal(unsnappy(whole).length, 1 + copies * 64)
})

/** Encodes at random: literals and copies of what is there, which need not be the best ones. */
function snappy(next: () => number, length: number): { input: Uint8Array; output: Uint8Array } {
  const output: number[] = []
  const elements: number[] = []
  while (output.length < length) {
    const room = length - output.length
    if (output.length === 0 || next() < 0.4) {
      const size = Math.min(room, 1 + below(next, 200))
      const literal = Array.from({ length: size }, () => below(next, 256))
      if (size <= 60) elements.push((size - 1) << 2)
      else elements.push(60 << 2, size - 1)
      elements.push(...literal)
      output.push(...literal)
    } else {
      const offset = 1 + below(next, Math.min(output.length, 60_000))
      const size = Math.min(room, 1 + below(next, 64))
      if (size >= 4 && size < 12 && offset < 2048 && next() < 0.7)
        elements.push(1 | ((size - 4) << 2) | ((offset >> 8) << 5), offset & 255)
      else if (next() < 0.8) elements.push(2 | ((size - 1) << 2), offset & 255, offset >> 8)
      else elements.push(3 | ((size - 1) << 2), offset & 255, offset >> 8, 0, 0)
      for (let i = 0; i < size; i++) output.push(output[output.length - offset]!)
    }
  }
  const head = new Uint8Array(5)
  const headLength = putVarint(head, 0, length)
  return {
    input: Uint8Array.from([...head.subarray(0, headLength), ...elements]),
    output: Uint8Array.from(output),
  }
}

t.test('random input, whole and damaged', async (t) => {
  await campaign(t, 300, async (seed) => {
    const next = random(seed)
    const { input, output } = snappy(next, below(next, 3000))
    if (Buffer.compare(unsnappy(input), output) !== 0) throw new Error('decoded to something else')
    for (let i = 0; i < 200; i++) {
      const damaged = input.slice(0, next() < 0.3 ? below(next, input.length) : input.length)
      if (damaged.length > 0) damaged[below(next, damaged.length)] = below(next, 256)
      try {
        const length = unsnappy(damaged).length
        if (length > damaged.length * SNAPPY_MAX_RATIO) throw new Error(`${length} bytes came out`)
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }
  })
})
