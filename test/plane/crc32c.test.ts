/**
 * CRC-32C against its published vectors and against a loop over bits; ranges against the whole.
 */
import t from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { CrcRanges } from '../../lib/checksum/ranges.js'
import { CRC_CHECK, maskCrc, unmaskCrc } from '../../lib/format/checksum.js'
import { crcByBits, noise } from './journal-storage.js'
import { eachPlane, makePlane } from '../support/planes.js'

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1')

t.test('the published vectors', async (t) => {
  const count = Uint8Array.from({ length: 32 }, (_, i) => i)
  t.equal(crc32c(text('123456789')), CRC_CHECK)
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.equal(crc32c(count), 0x46dd794e)
  t.equal(crc32c(count.slice().reverse()), 0x113fdb5c)
  t.equal(crc32c(new Uint8Array(0)), 0)
  t.equal(maskCrc(crc32c(text('123456789'))), 0xc78ab0e5)
  t.equal(maskCrc(crc32c(text('foo'))), 0xfebe8a61)
  t.equal(unmaskCrc(0xfebe8a61), crc32c(text('foo')))
})

t.test('every length and alignment around the ways that it goes', async (t) => {
  const bytes = noise(5000, 1)
  const lengths = [...Array.from({ length: 80 }, (_, i) => i), 1000, 2048, 4095, 4096]
  for (let length = 370; length < 420; length++) lengths.push(length)
  const wrong: string[] = []
  for (const length of lengths)
    for (let start = 0; start < 8; start++) {
      const view = bytes.subarray(start, start + length)
      const right = crcByBits(view)
      if (crc32c(bytes, 0, start, start + length) !== right) wrong.push(`${start}+${length}`)
      if (crc32c(view) !== right) wrong.push(`view ${start}+${length}`)
    }
  t.same(wrong, [])
})

t.test('pieces chain at every place', async (t) => {
  const bytes = noise(1000, 2)
  const whole = crc32c(bytes)
  const wrong: number[] = []
  for (let cut = 0; cut <= bytes.length; cut++)
    if (crc32c(bytes, crc32c(bytes, 0, 0, cut), cut) !== whole) wrong.push(cut)
  t.same(wrong, [])
})

t.test('bytes of a pool, and bytes shared between threads', async (t) => {
  const bytes = noise(3000, 3)
  const pooled = Buffer.from(bytes.subarray(0, 700))
  t.equal(crc32c(pooled), crcByBits(pooled))
  const shared = new Uint8Array(new SharedArrayBuffer(3000))
  shared.set(bytes)
  t.equal(crc32c(shared), crcByBits(bytes))
})

eachPlane(t, 'through the seam: lengths, alignments, seeds', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const bytes = noise(70_000, 5)
  const wrong: string[] = []
  const lengths = [...Array.from({ length: 300 }, (_, i) => i), 1023, 1024, 4096, 8192, 24_577]
  for (const length of [...lengths, 65_537])
    for (const start of [0, 1, 3, 7, 8, 15]) {
      const view = bytes.subarray(start, start + length)
      const cut = view.length >> 1
      const whole = plane.crc32c(view)
      if (whole !== crc32c(view)) wrong.push(`${start}+${length}`)
      if (plane.crc32c(view.subarray(cut), plane.crc32c(view.subarray(0, cut))) !== whole)
        wrong.push(`${start}+${length} in two`)
    }
  t.same(wrong, [])
})

t.test('ranges of a window, the empty ones and the whole too', async (t) => {
  const bytes = noise(2000, 4)
  const ranges = new CrcRanges(1024)
  const wrong: string[] = []
  for (const start of [0, 17, 900]) {
    ranges.fill(bytes, start, start + 1024)
    for (let i = 0; i < 3000; i++) {
      const from = (i * 7919) % 1025
      const to = from + ((i * 104729) % (1025 - from))
      for (const seed of [0, i, 0x80000000, 0xffffffff])
        if (ranges.crc(from, to, seed) !== crc32c(bytes, seed, start + from, start + to))
          wrong.push(`${start}: ${from}..${to} from ${seed}`)
    }
    if (ranges.crc(0, 1024) !== crc32c(bytes, 0, start, start + 1024)) wrong.push(`${start}`)
  }
  t.same(wrong, [])
})
