/**
 * Raw Snappy: every kind of element and of nonsense decoded; what is encoded comes back, as small
 * and with the very bytes that the format page says.
 */
import t from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { FormatError, putVarint } from '../../lib/format/coding.js'
import { SNAPPY_MAX_RATIO, snappy, snappyRoom, unsnappy } from '../../lib/table/snappy.js'
import { numbers } from '../support/numbers.js'
import { random } from '../support/random.js'
import { below, campaign } from '../support/campaign.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/ /g, ''), 'hex'))
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'))
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

/** Elements at random: literals and copies of what is there, which need not be the best ones. */
function elements(next: () => number, length: number): { input: Uint8Array; output: Uint8Array } {
  const output: number[] = []
  const made: number[] = []
  while (output.length < length) {
    const room = length - output.length
    if (output.length === 0 || next() < 0.4) {
      const size = Math.min(room, 1 + below(next, 200))
      const literal = Array.from({ length: size }, () => below(next, 256))
      if (size <= 60) made.push((size - 1) << 2)
      else made.push(60 << 2, size - 1)
      made.push(...literal)
      output.push(...literal)
    } else {
      const offset = 1 + below(next, Math.min(output.length, 60_000))
      const size = Math.min(room, 1 + below(next, 64))
      if (size >= 4 && size < 12 && offset < 2048 && next() < 0.7)
        made.push(1 | ((size - 4) << 2) | ((offset >> 8) << 5), offset & 255)
      else if (next() < 0.8) made.push(2 | ((size - 1) << 2), offset & 255, offset >> 8)
      else made.push(3 | ((size - 1) << 2), offset & 255, offset >> 8, 0, 0)
      for (let i = 0; i < size; i++) output.push(output[output.length - offset]!)
    }
  }
  const head = new Uint8Array(5)
  const headLength = putVarint(head, 0, length)
  return {
    input: Uint8Array.from([...head.subarray(0, headLength), ...made]),
    output: Uint8Array.from(output),
  }
}

t.test('random input, whole and damaged', async (t) => {
  await campaign(t, 300, async (seed) => {
    const next = random(seed)
    const { input, output } = elements(next, below(next, 3000))
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

/** The encoded bytes; what lies behind them in the buffer must be as it was. */
function encode(input: Uint8Array, at = 0): Uint8Array {
  const room = snappyRoom(input.length)
  const output = new Uint8Array(at + room + 8).fill(0x5a)
  const end = snappy(input, output, at)
  if (end > at + room) throw new Error(`${end - at} bytes of room for ${room}`)
  const around = [...output.subarray(0, at), ...output.subarray(at + room)]
  if (around.some((byte) => byte !== 0x5a)) throw new Error('bytes outside the room')
  return output.slice(at, end)
}

function checkRound(input: Uint8Array, at = 0): number {
  const encoded = encode(input, at)
  if (Buffer.compare(unsnappy(encoded), input) !== 0) throw new Error('not what was encoded')
  return encoded.length
}

/** Noise, runs, words and repeats of what was there, in any proportion; its native twin too. */
function mixture(next: (limit: number) => number): Uint8Array {
  const bytes = new Uint8Array(next([30, 300, 5000, 70_000, 200_000][next(5)]!))
  const noise = next(100)
  const letters = [1, 2, 4, 26, 256][next(5)]!
  for (let at = 0; at < bytes.length;) {
    const size = Math.min(bytes.length - at, 1 + next([4, 20, 100, 5000][next(4)]!))
    if (at === 0 || next(100) < noise) for (let i = 0; i < size; i++) bytes[at + i] = next(letters)
    else {
      const offset = 1 + next([Math.min(at, 8), Math.min(at, 3000), at][next(3)]!)
      for (let i = 0; i < size; i++) bytes[at + i] = bytes[at + i - offset]!
    }
    at += size
  }
  return bytes
}

t.test('what is encoded', async (t) => {
  const noise = (seed: number, length: number): Uint8Array => {
    const next = random(seed)
    return Uint8Array.from({ length }, () => below(next, 256))
  }
  const vectors: [string, Uint8Array, string][] = [
    ['nothing', new Uint8Array(0), '00'],
    ['a byte', text('a'), '010061'],
    ['too short for a match', text('aaaa'), '040c61616161'],
    ['a run', text('aaaaa'), '0500610101'],
    ['a match of two letters', text('ababab'), '060461620102'],
    ['a match to the end', text('abcdefgh-abcdefgh'), '112061626364656667682d1109'],
    ['64 and 3', text('a'.repeat(68)), '440061ee01000d01'],
    ['64 and 4', text('a'.repeat(69)), '450061fe01000101'],
    ['a literal of 60', noise(1, 60), `3cec${hexOf(noise(1, 60))}`],
    ['a literal of 61', noise(1, 61), `3df03c${hexOf(noise(1, 61))}`],
    ['a literal of 256', noise(2, 256), `8002f0ff${hexOf(noise(2, 256))}`],
    ['a literal of 257', noise(2, 257), `8102f40001${hexOf(noise(2, 257))}`],
  ]
  for (const [what, input, output] of vectors) {
    t.equal(hexOf(encode(input)), output, what)
    t.equal(hexOf(unsnappy(encode(input))), hexOf(input), what)
  }
  for (const [offset, copy] of [
    [2047, 'f1ff'],
    [2048, '1e0008'],
  ] as const) {
    const word = 'abcdefgh'
    const far = text(`${word}${'-'.repeat(offset - word.length)}${word}`)
    t.equal(hexOf(encode(far)).slice(-copy.length), copy, `offset ${offset}`)
  }
})

t.test('long input is encoded in fragments', async (t) => {
  const next = random(1)
  const piece = Uint8Array.from({ length: 65536 }, () => below(next, 256))
  // What repeats the fragment before is not found; what repeats within is.
  t.ok(checkRound(Uint8Array.from([...piece, ...piece])) > 2 * 65536)
  t.ok(
    checkRound(Uint8Array.from([...piece.subarray(0, 32768), ...piece.subarray(0, 32768)])) < 36000,
  )
  for (const length of [65535, 65536, 65537, 65540, 131072, 200_000])
    t.ok(checkRound(new Uint8Array(length)) < length / 20, `${length} zeros`)
})

t.test('every short length, at any place', async (t) => {
  const next = numbers(2)
  for (let length = 0; length < 300; length++)
    for (const letters of [1, 2, 3, 256])
      checkRound(
        Uint8Array.from({ length }, () => next(letters)),
        next(20),
      )
  t.pass('1,200 inputs')
})

t.test('random input comes back', async (t) => {
  await campaign(t, 3000, async (seed) => void checkRound(mixture(numbers(seed)), seed % 3))
})

/** What decoding comes to, in a line. */
function outcome(input: Uint8Array): string {
  try {
    return crc32c(unsnappy(input)).toString(16)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return `${error.message}@${error.offset}`
  }
}

t.test('the native twin writes the same bytes and gives the same verdicts', async (t) => {
  // The numbers stand in test/native/snappy_test.cc as well; they change only with the format.
  let written = 0
  let verdicts = 0
  for (let seed = 1; seed <= 200; seed++) {
    const next = numbers(seed)
    const encoded = encode(mixture(next))
    written = crc32c(encoded, written)
    for (let i = 0; i < 20; i++) {
      const damaged = encoded.slice(0, next(3) === 0 ? next(encoded.length) : encoded.length)
      const place = next(2) === 0 ? damaged.length : Math.min(damaged.length, 12)
      if (place > 0) damaged[next(place)] = next(256)
      verdicts = crc32c(text(outcome(damaged)), verdicts)
    }
  }
  t.equal(written.toString(16), 'c4030d2a')
  t.equal(verdicts.toString(16), '12b0ff6e')
})

t.test('how small', async (t) => {
  const lines = Array.from({ length: 100 }, (_, i) => `{"id":${i},"name":"user${i}","on":true}`)
  const input = text(lines.join('\n'))
  const size = encode(input).length
  t.ok(size < input.length * 0.4, `${size} of ${input.length}`)
})
