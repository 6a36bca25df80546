/**
 * Journals whose checksums continue from a seed: the bytes of the document, whatever the size of
 * a record, and fragments that are valid under their own seed only.
 * Format: docs/format/journal.md (seeds)
 */
import t from 'tap'
import { markBatch } from '../../lib/format/batch.js'
import { journalName } from '../../lib/format/names.js'
import type { DataPlane, JournalReader } from '../../lib/plane.js'
import { below, campaign } from '../support/campaign.js'
import { readAll as fileBytes } from '../support/level.js'
import { eachPlane, makePlane, seedsFor } from '../support/planes.js'
import { random } from '../support/random.js'
import { framed, noise, opener } from './journal-storage.js'

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const SEEDS = [0, 1, 0x7fffffff, 0x80000000, 0xdeadbeef, 0xffffffff]
const HEADER = noise(140, 1)
const SEED = 0xdeadbeef

/** Writes records, each under its seed and in its way; gives the name. */
async function write(
  plane: DataPlane,
  name: string,
  records: readonly Uint8Array[],
  seeds: readonly number[],
  isLarge: (i: number) => boolean = () => false,
): Promise<void> {
  const writer = await plane.createJournal(name)
  for (const [i, record] of records.entries()) {
    if ((seeds[i] ?? 0) !== (seeds[i - 1] ?? 0)) writer.reseed(seeds[i]!)
    if (isLarge(i)) await writer.appendLarge(record)
    else writer.append(record)
  }
  await writer.sync()
  await writer.close()
}

async function lengths(reader: JournalReader): Promise<number[]> {
  const all: number[] = []
  for (let record = await reader.next(); record !== undefined; record = await reader.next())
    all.push(record.bytes.length)
  return all
}

eachPlane(t, 'records of any sizes under any seeds', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  await campaign(t, seedsFor(name, 60), async (seed) => {
    const next = random(seed)
    const file = journalName(seed + 1)
    const records = Array.from({ length: 1 + below(next, 12) }, (_, i) =>
      noise(below(next, [20, 300, 70_000, 1_500_000][below(next, 4)]!), i),
    )
    let current = 0
    const seeds = records.map(() => {
      if (below(next, 2) === 0) current = SEEDS[below(next, SEEDS.length)]!
      return current
    })
    const large = records.map(() => below(next, 2) === 0)
    await write(plane, file, records, seeds, (i) => large[i]!)
    const expected = framed(records, seeds)
    if (!same(await fileBytes(storage, file), expected.bytes)) throw new Error('other bytes')
    const reader = await plane.openJournal(file)
    for (const [i, { offset, end }] of expected.spans.entries()) {
      if (seeds[i] !== (seeds[i - 1] ?? 0)) reader.resume(expected.spans[i - 1]?.end ?? 0, seeds[i])
      const record = await reader.next()
      if (record === undefined || !same(record.bytes, records[i]!)) throw new Error(`record ${i}`)
      if (record.offset !== offset || record.end !== end) throw new Error(`record ${i} lies wrong`)
    }
    if ((await reader.next()) !== undefined) throw new Error('one more')
    if (reader.verdict?.kind !== 'end') throw new Error('no end')
    await reader.close()
    await storage.remove(file)
  })
})

eachPlane(t, 'seed 0 is the ordinary journal', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  const records = [noise(100, 1), noise(70_000, 2), noise(5, 3)]
  await write(plane, '000001.log', records, [])
  const writer = await plane.createJournal('000002.log')
  for (const record of records) {
    writer.reseed(SEED)
    writer.reseed(0)
    writer.append(record)
  }
  await writer.close()
  const [plain, zero] = [
    await fileBytes(storage, '000001.log'),
    await fileBytes(storage, '000002.log'),
  ]
  t.ok(same(plain, framed(records).bytes))
  t.ok(same(zero, plain))
})

eachPlane(t, 'a mark and its record are of one seed', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  const records = [HEADER, markBatch(7), noise(40_000, 2), markBatch(9), noise(2_000_000, 3)]
  const seeds = [0, SEED, SEED, SEED, SEED]
  const writer = await plane.createJournal('000001.log')
  writer.append(HEADER)
  writer.reseed(SEED)
  writer.append(records[2]!, records[1])
  await writer.appendLarge(records[4]!, records[3])
  await writer.close()
  t.ok(same(await fileBytes(storage, '000001.log'), framed(records, seeds).bytes))
})

eachPlane(t, 'what is of another seed is no fragment', async (t, name) => {
  const open = await opener(t, name)
  // Values that are journals: of no seed, and of ours.
  const stranger = framed([markBatch(50), noise(30, 4)]).bytes
  const records = [HEADER, noise(60, 2), stranger, markBatch(9), noise(70_000, 3), markBatch(12)]
  const seeds = [0, SEED, SEED, SEED, SEED, SEED]
  const { bytes, spans } = framed(records, seeds)
  const reader = await open(bytes)
  t.same(await lengths(reader), [140])
  const second = spans[1]!.offset
  t.same(reader.verdict, { kind: 'bad', offset: second, reason: 'checksum mismatch' })
  t.same(
    await reader.findMark(1, 0),
    { offset: spans[2]!.offset + 7, sequence: 50 },
    'under seed 0 the stranger is a journal',
  )
  t.equal(await reader.findRecord(1, 0), spans[2]!.offset + 7)
  reader.resume(second, SEED)
  t.same(await lengths(reader), [60, stranger.length, 12, 70_000, 12])
  t.same(reader.verdict, { kind: 'end' })
  t.same(await reader.findMark(1, 0), { offset: spans[3]!.offset, sequence: 9 })
  t.same(await reader.findMark(1, 9), { offset: spans[5]!.offset, sequence: 12 })
  t.equal(await reader.findRecord(0, 0), second, 'the first record is of another seed')
  t.equal(await reader.findRecord(second + 1, 0), spans[2]!.offset)
  t.equal(await reader.findRecord(spans[2]!.offset + 1, 13), spans[4]!.offset)
  reader.resume(spans[3]!.offset)
  t.same(await lengths(reader), [12, 70_000, 12], 'the seed stays')
  reader.resume(0, 0)
  t.same(await lengths(reader), [140], 'until another one is given')
})

eachPlane(t, 'behind damage the search goes on under the seed', async (t, name) => {
  const open = await opener(t, name)
  const records = [HEADER, noise(90, 2), noise(40_000, 3), markBatch(9), noise(20, 4)]
  const { bytes, spans } = framed(records, [0, SEED, SEED, SEED, SEED])
  bytes[spans[1]!.end - 1]! ^= 1
  const reader = await open(bytes)
  const { end } = (await reader.next())!
  reader.resume(end, SEED)
  t.equal(await reader.next(), undefined)
  t.same(reader.verdict, { kind: 'bad', offset: end, reason: 'checksum mismatch' })
  t.same(await reader.findMark(end, 0), { offset: spans[3]!.offset, sequence: 9 })
  const found = await reader.findRecord(end, 0)
  t.equal(found, spans[2]!.offset)
  reader.resume(found!)
  t.same(await lengths(reader), [40_000, 12, 20])
})

eachPlane(t, 'zeros ahead are the end under any seed', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const writer = await plane.createJournal('000001.log')
  writer.append(HEADER)
  writer.reseed(SEED)
  await writer.pad(5000)
  writer.append(noise(30, 2))
  const reader = await plane.openJournal('000001.log')
  const { end } = (await reader.next())!
  reader.resume(end, SEED)
  t.same(await lengths(reader), [30])
  t.same(reader.verdict, { kind: 'end', zerosFrom: writer.position })
  await reader.close()
  await writer.close()
})

eachPlane(t, 'what is no seed, and when none is taken', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const writer = await plane.createJournal('000001.log')
  for (const odd of [-1, 0.5, NaN, Infinity, 2 ** 32, '1' as never])
    t.throws(() => writer.reseed(odd), RangeError, String(odd))
  const large = writer.appendLarge(noise(3_000_000, 1))
  t.throws(() => writer.reseed(1), TypeError, 'fragments of one record are of one seed')
  await large
  writer.reseed(1)
  const reader = await plane.openJournal('000001.log')
  for (const odd of [-1, 0.5, NaN, Infinity, 2 ** 32, '1' as never])
    t.throws(() => reader.resume(0, odd), RangeError, String(odd))
  t.same(await lengths(reader), [3_000_000], 'and none has come of them')
  await reader.close()
  await writer.close()
  t.throws(() => writer.reseed(1), { code: 'CAIRN_NOT_OPEN' })
})
