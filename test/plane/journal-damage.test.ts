/**
 * Journals that were cut, flipped, zeroed or made up: what is read is a prefix of what was
 * written, the verdict names the first bad record, and the search finds what stands behind.
 */
import t from 'tap'
import { markBatch } from '../../lib/format/batch.js'
import type { DamageReason, JournalReader } from '../../lib/plane.js'
import { isFull } from '../support/campaign.js'
import { eachPlane } from '../support/planes.js'
import { fragment, framed, noise, opener } from './journal-storage.js'
import type { Opener } from './journal-storage.js'

const BLOCK = 32768
const FULL = 1
const FIRST = 2
const MIDDLE = 3
const LAST = 4

/** Reads on from where the reader is and counts records that equal `records[from..]`. */
async function countEqual(
  reader: JournalReader,
  records: readonly Uint8Array[],
  from = 0,
): Promise<number> {
  let count = 0
  for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
    const expected = records[from + count]
    if (expected === undefined || Buffer.compare(expected, record.bytes) !== 0)
      throw new Error(`record ${from + count} was never written`)
    count++
  }
  return count
}

/** About 500 bytes with marks. */
const SMALL = [
  markBatch(1),
  noise(40, 1),
  noise(0, 2),
  markBatch(5),
  noise(150, 3),
  noise(13, 4),
  markBatch(9),
  noise(99, 5),
  markBatch(12),
]

/** Over three blocks, with a record across each boundary and a padded one. */
const LONG = [
  markBatch(1),
  noise(32_000, 1),
  noise(2_000, 2),
  markBatch(4),
  noise(31_440, 3),
  noise(500, 4),
  markBatch(9),
  noise(40_000, 5),
  markBatch(12),
]

eachPlane(t, 'every cut', async (t, name) => {
  const open = await opener(t, name)
  for (const records of [SMALL, LONG]) {
    const { bytes, spans } = framed(records)
    const wrong: string[] = []
    const step = bytes.length < 2000 || isFull ? 1 : 97
    for (let cut = 0; cut < bytes.length; cut += step) {
      const reader = await open(bytes.subarray(0, cut))
      const whole = spans.filter(({ end }) => end <= cut).length
      const count = await countEqual(reader, records)
      const lastEnd = whole === 0 ? 0 : spans[whole - 1]!.end
      // Zeros that pad a block are neither a record nor a part of one.
      const between = cut === lastEnd || bytes.subarray(lastEnd, cut).every((byte) => byte === 0)
      const { verdict } = reader
      if (count !== whole) wrong.push(`${cut}: ${count} records for ${whole}`)
      else if (between && cut <= spans[whole]!.offset) {
        if (verdict?.kind !== 'end') wrong.push(`${cut}: ${JSON.stringify(verdict)}`)
      } else if (verdict?.kind !== 'bad') wrong.push(`${cut}: no damage seen`)
      else if (verdict.offset !== spans[whole]!.offset || verdict.reason !== 'missing fragment')
        wrong.push(`${cut}: ${JSON.stringify(verdict)}`)
    }
    t.same(wrong, [])
  }
})

/** Reads `bytes`, where record `bad` is broken, up to it, behind it and to the end. */
async function readAround(
  open: Opener,
  bytes: Uint8Array,
  records: readonly Uint8Array[],
  spans: readonly { offset: number; end: number }[],
  bad: number,
): Promise<void> {
  const reader = await open(bytes)
  const count = await countEqual(reader, records)
  const { verdict } = reader
  const expected = spans[bad]!.offset
  if (count !== bad) throw new Error(`${count} records for ${bad}`)
  if (verdict?.kind !== 'bad') throw new Error('no damage seen')
  if (verdict.offset !== expected) throw new Error(`verdict at ${verdict.offset}`)
  if ((await reader.next()) !== undefined) throw new Error('went on by itself')
  const isMark = (record: Uint8Array, i: number): boolean => i > bad && record.length === 12
  const nextMark = records.findIndex(isMark)
  const mark = await reader.findMark(verdict.offset, 0)
  if (mark?.offset !== spans[nextMark]?.offset) throw new Error(`mark at ${mark?.offset}`)
  if (mark !== undefined) {
    const sequence = Number(Buffer.from(records[nextMark]!).readBigUInt64LE())
    if (mark.sequence !== sequence) throw new Error(`mark of ${mark.sequence}`)
    if ((await reader.findMark(verdict.offset, 1e6)) !== undefined) throw new Error('above')
  }
  const found = await reader.findRecord(verdict.offset + 1, 0)
  if (found !== spans[bad + 1]?.offset) throw new Error(`record at ${found}`)
  if (found === undefined) return
  reader.resume(found)
  const rest = await countEqual(reader, records, bad + 1)
  if (rest !== records.length - bad - 1) throw new Error(`${rest} records behind`)
  if ((reader.verdict as { kind: string } | undefined)?.kind !== 'end') throw new Error('no end')
}

eachPlane(t, 'every flip of a bit', async (t, name) => {
  const open = await opener(t, name)
  const { bytes, spans } = framed(SMALL)
  const wrong: string[] = []
  for (let at = 0; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 << bit
      const bad = spans.findIndex(({ end }) => at < end)
      await readAround(open, flipped, SMALL, spans, bad).catch((error: Error) =>
        wrong.push(`byte ${at} bit ${bit}: ${error.message}`),
      )
    }
  t.same(wrong, [])
})

eachPlane(t, 'flips across blocks', async (t, name) => {
  const open = await opener(t, name)
  const { bytes, spans } = framed(LONG)
  const places = new Set<number>()
  for (const { offset, end } of spans)
    for (let i = 0; i < 9; i++) places.add(offset + i).add(end - 1 - i)
  for (let block = BLOCK; block < bytes.length; block += BLOCK)
    for (let i = -9; i < 9; i++) places.add(block + i)
  for (let i = 0; i < (isFull ? 2000 : 100); i++) places.add((i * 104_729) % bytes.length)
  const wrong: string[] = []
  for (const at of places) {
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 1 << (at & 7)
    const next = spans.findIndex(({ end }) => at < end)
    const padded = at < spans[next]!.offset
    if (padded) {
      const reader = await open(flipped)
      const count = await countEqual(reader, LONG)
      const { verdict } = reader
      const right = verdict?.kind === 'bad' && verdict.reason === 'invalid fragment kind'
      if (count !== next || !right) wrong.push(`padding ${at}: ${JSON.stringify(verdict)}`)
    } else {
      await readAround(open, flipped, LONG, spans, next).catch((error: Error) =>
        wrong.push(`byte ${at}: ${error.message}`),
      )
    }
  }
  t.same(wrong, [])
})

eachPlane(t, 'sectors of zeros, of ones, or of another place', async (t, name) => {
  const open = await opener(t, name)
  const { bytes } = framed(LONG)
  const wrong: string[] = []
  for (let sector = 0; sector < bytes.length; sector += isFull ? 512 : 4096)
    for (const content of [Buffer.alloc(512), Buffer.alloc(512, 0xff), bytes.subarray(700, 1212)]) {
      const broken = Buffer.from(bytes)
      content.copy(broken, sector)
      if (broken.equals(bytes)) continue
      const reader = await open(broken)
      await countEqual(reader, LONG).catch((error: Error) => wrong.push(`${sector}: ${error}`))
      if (reader.verdict?.kind !== 'bad') wrong.push(`${sector}: no damage seen`)
    }
  t.same(wrong, [])
})

eachPlane(t, 'each reason', async (t, name) => {
  const open = await opener(t, name)
  const good = fragment(FULL, noise(20, 1))
  const header = (hex: string): Buffer => Buffer.from(hex, 'hex')
  const fill = fragment(FULL, noise(BLOCK - 7 - 7, 2))
  const cases: [string, Buffer[], DamageReason, number][] = [
    ['zeros between records', [good, Buffer.alloc(500), good], 'zero header', 27],
    ['a zero header and a byte', [good, Buffer.alloc(7), Buffer.of(1)], 'zero header', 27],
    ['kind 0, not all zero', [good, header('01000000000000')], 'invalid fragment kind', 27],
    ['kind 0 with a length', [good, header('00000000010000')], 'invalid fragment kind', 27],
    ['kind 5', [good, fragment(5, noise(9, 1))], 'invalid fragment kind', 27],
    ['kind 255', [good, fragment(255, noise(9, 1))], 'invalid fragment kind', 27],
    ['too long', [good, header('00000000ffff01'), good], 'length overflows block', 27],
    ['past the end', [good, good.subarray(0, 26)], 'missing fragment', 27],
    ['half a header', [good, good.subarray(0, 6)], 'missing fragment', 27],
    ['wrong checksum', [good, header('00000000050001'), good], 'checksum mismatch', 27],
    ['MIDDLE alone', [good, fragment(MIDDLE, noise(9, 1))], 'orphan fragment', 27],
    ['LAST alone', [good, fragment(LAST, noise(9, 1)), good], 'orphan fragment', 27],
    ['FIRST, FULL', [good, fragment(FIRST, noise(9, 1)), good], 'missing fragment', 27],
    ['FIRST, FIRST', [fragment(FIRST, noise(0, 1)), fragment(FIRST, good)], 'missing fragment', 0],
    ['FIRST, end', [good, fragment(FIRST, noise(9, 1))], 'missing fragment', 27],
    [
      'FIRST, MIDDLE, zeros',
      [good, fragment(FIRST, noise(9, 1)), fragment(MIDDLE, noise(9, 1)), Buffer.alloc(90)],
      'zero header',
      27,
    ],
    [
      'FIRST, wrong checksum',
      [fragment(FIRST, noise(9, 1)), header('00000000050004'), good],
      'checksum mismatch',
      0,
    ],
    ['a hollow FIRST and the end', [fill, fragment(FIRST, noise(0, 1))], 'missing fragment', 32761],
  ]
  for (const [what, pieces, reason, offset] of cases) {
    const reader = await open(Buffer.concat(pieces))
    while ((await reader.next()) !== undefined);
    t.same(reader.verdict, { kind: 'bad', offset, reason }, what)
  }
})

eachPlane(t, 'a hollow FIRST of an old writer is passed over', async (t, name) => {
  const open = await opener(t, name)
  const first = noise(BLOCK - 7 - 7, 1)
  const second = noise(40_000, 2)
  const hollow = fragment(FIRST, noise(0, 1))
  const cases = [
    [fragment(FULL, noise(30, 3))],
    [fragment(FIRST, second.subarray(0, 32761)), fragment(LAST, second.subarray(32761))],
    [fragment(MIDDLE, second.subarray(0, 32761)), fragment(LAST, second.subarray(32761))],
  ]
  for (const [i, pieces] of cases.entries()) {
    const reader = await open(Buffer.concat([fragment(FULL, first), hollow, ...pieces]))
    t.equal((await reader.next())?.bytes.length, first.length)
    const record = await reader.next()
    t.same(Buffer.from(record!.bytes), Buffer.from(i === 0 ? noise(30, 3) : second))
    t.equal(record?.offset, i === 2 ? BLOCK - 7 : BLOCK)
    t.equal(await reader.next(), undefined)
    t.same(reader.verdict, { kind: 'end' })
  }
})

eachPlane(t, 'a mark is found wherever it begins, whole or cut by a block', async (t, name) => {
  const open = await opener(t, name)
  const wrong: string[] = []
  const mark = markBatch(1000)
  for (let place = BLOCK - 60; place <= BLOCK + 60; place++) {
    const room = BLOCK - (place % BLOCK)
    if (room < 7) continue
    const cut = room - 7 < 12 ? room - 7 : 12
    const pieces =
      cut === 12
        ? [fragment(FULL, mark)]
        : [fragment(FIRST, mark.subarray(0, cut)), fragment(LAST, mark.subarray(cut))]
    const bytes = Buffer.concat([noise(place, 7), ...pieces, noise(100, 8)])
    const reader = await open(bytes)
    const found = await reader.findMark(0, 999)
    if (found?.offset !== place || found.sequence !== 1000) wrong.push(`${place}: not found`)
    if ((await reader.findMark(place, 999))?.offset !== place) wrong.push(`${place}: from it`)
    if (await reader.findMark(place + 1, 999)) wrong.push(`${place}: from behind it`)
    if (await reader.findMark(0, 1000)) wrong.push(`${place}: not above`)
    for (let at = place; at < place + 26; at++) {
      const inside = at < place + 19 || (cut < 12 && at < place + 26)
      bytes[at]! ^= 0x10
      if (inside && (await reopened(bytes))) wrong.push(`${place}: though ${at} is broken`)
      bytes[at]! ^= 0x10
    }
    const size = place + pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (await reopened(bytes.subarray(0, size - 1))) wrong.push(`${place}: though cut`)
  }
  t.same(wrong, [])

  async function reopened(bytes: Uint8Array): Promise<boolean> {
    return (await (await open(bytes)).findMark(0, 0)) !== undefined
  }
})

eachPlane(t, 'what is not a durable mark', async (t, name) => {
  const open = await opener(t, name)
  const first = framed([markBatch(7)]).bytes
  t.equal(await (await open(first)).findMark(0, 0), undefined, 'the one that says ours')
  const oneRecord = markBatch(7)
  oneRecord[8] = 1
  const long = Buffer.concat([markBatch(7), Buffer.alloc(1)])
  const huge = Buffer.from('ffffffffffffff7f00000000', 'hex')
  for (const record of [oneRecord, long, huge, markBatch(7).subarray(0, 11)]) {
    const { bytes } = framed([noise(5, 1), record])
    t.equal(await (await open(bytes)).findMark(0, 0), undefined)
  }
  const stored = framed([noise(5, 1), framed([noise(9, 2), markBatch(7)]).bytes])
  t.equal(
    await (await open(stored.bytes)).findMark(0, 0),
    undefined,
    'a journal that is the value of a valid record',
  )
  t.equal(await (await open(stored.bytes)).findRecord(13, 0), 19, 'but from inside of it')
})

eachPlane(t, 'records are found by size, and a value is no record', async (t, name) => {
  const open = await opener(t, name)
  const inner = framed([noise(30, 1), noise(60, 2)]).bytes
  const records = [noise(10, 3), noise(50, 4), noise(100_000, 5), noise(0, 6), noise(80, 7)]
  const { bytes, spans } = framed(records)
  const reader = await open(bytes)
  t.equal(await reader.findRecord(0, 0), 0)
  t.equal(await reader.findRecord(1, 0), spans[1]!.offset)
  t.equal(await reader.findRecord(1, 51), spans[2]!.offset)
  t.equal(await reader.findRecord(spans[2]!.offset + 1, 12), spans[4]!.offset)
  t.equal(await reader.findRecord(spans[2]!.offset + 1, 0), spans[3]!.offset)
  t.equal(await reader.findRecord(spans[4]!.offset + 1, 0), undefined)
  t.equal(await reader.findRecord(bytes.length + 10, 0), undefined)
  t.equal((await reader.next())?.offset, 0, 'a search leaves the reader where it was')
  t.throws(() => reader.resume(-1), RangeError)
  reader.resume(bytes.length + 10)
  t.equal(await reader.next(), undefined)
  t.same(reader.verdict, { kind: 'end' })

  // A record of three fragments, the last one damaged, that holds journals in the first two.
  const value = Buffer.concat([inner, noise(32_700, 8), inner, noise(40_000, 9)])
  const around = framed([noise(10, 1), value, noise(20, 2)])
  around.bytes[around.spans[1]!.end - 1]! ^= 1
  const broken = await open(around.bytes)
  while ((await broken.next()) !== undefined);
  t.same(broken.verdict, { kind: 'bad', offset: 17, reason: 'checksum mismatch' })
  t.equal(await broken.findRecord(17, 0), around.spans[2]!.offset)
})

eachPlane(t, 'the search ends soon whatever the bytes claim', async (t, name) => {
  const open = await opener(t, name)
  const size = (isFull ? 16 : 2) * 1024 * 1024
  const middles = Buffer.concat(Array.from({ length: 400 }, () => fragment(MIDDLE, noise(70, 1))))
  const pattern = (bytes: ArrayLike<number>): Buffer => Buffer.alloc(size, Uint8Array.from(bytes))
  const contents: [string, Buffer][] = [
    ['noise', Buffer.from(noise(size, 1))],
    ['zeros', Buffer.alloc(size)],
    ['a FULL of 257 bytes everywhere', pattern([1])],
    ['a FULL of 16,129 bytes at every other byte', pattern([1, 0x3f])],
    ['a FIRST of 514 bytes everywhere', pattern([2])],
    ['beginnings without an end', pattern(fragment(FIRST, noise(0, 1)))],
    ['long chains without an end', pattern(Buffer.concat([fragment(FIRST, noise(5, 1)), middles]))],
  ]
  for (const [what, content] of contents) {
    const reader = await open(content)
    const began = performance.now()
    t.equal(await reader.findMark(0, 0), undefined, what)
    t.equal(await reader.findRecord(0, 12), undefined, what)
    t.comment(`${what}: ${Math.round(performance.now() - began)} ms`)
  }
})
