/**
 * Journals as they are written and read when nothing is wrong: the same bytes as the document
 * and as LevelDB, and every record back.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { markBatch } from '../../lib/format/batch.js'
import { journalName } from '../../lib/format/names.js'
import { memoryStorage } from '../../lib/io/memory.js'
import { createJournal, framedBytes } from '../../lib/journal/writer.js'
import { openJournal } from '../../lib/journal/reader.js'
import type { JournalRecord } from '../../lib/plane.js'
import { campaign } from '../support/campaign.js'
import { framed, noise, systemError, watchedStorage } from './journal-storage.js'
import { readAll as fileBytes } from '../support/level.js'
import { eachPlane, freshDirectory, makePlane, seedsFor } from '../support/planes.js'

const BLOCK = 32768
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

async function readAll(content: Uint8Array) {
  const reader = await openJournal(watchedStorage(content).storage, '000001.log')
  const records: JournalRecord[] = []
  for (let record = await reader.next(); record !== undefined; record = await reader.next())
    records.push(record)
  const { verdict } = reader
  await reader.close()
  return { records, verdict }
}

/** Writes the records, compares the file with the plain framing and reads it back. */
async function roundTrip(records: readonly Uint8Array[]): Promise<void> {
  const { storage, file } = watchedStorage()
  const writer = await createJournal(storage, '000001.log')
  const expected = framed(records)
  for (const [i, record] of records.entries()) {
    const size = framedBytes(writer.position, record.length)
    const before = writer.position
    writer.append(record)
    if (writer.position !== before + size) throw new Error(`record ${i} is not of the size told`)
  }
  if (writer.position !== expected.bytes.length) throw new Error('another position')
  if (!same(file.bytes, expected.bytes)) throw new Error('other bytes than the plain framing')
  const read = await readAll(file.bytes)
  if (read.verdict?.kind !== 'end') throw new Error(`verdict ${JSON.stringify(read.verdict)}`)
  if (read.records.length !== records.length) throw new Error('another count of records')
  for (const [i, record] of read.records.entries()) {
    const { offset, end } = expected.spans[i]!
    if (!same(record.bytes, records[i]!)) throw new Error(`record ${i} is another`)
    if (record.offset !== offset || record.end !== end) throw new Error(`record ${i} lies wrong`)
  }
}

t.test('an example to the byte', async (t) => {
  const batch = Buffer.from('010000000000000001000000' + '0101610131', 'hex')
  const { storage, file } = watchedStorage()
  const writer = await createJournal(storage, '000001.log')
  t.equal(writer.name, '000001.log')
  writer.append(batch)
  t.equal(file.bytes.toString('hex'), 'e99f7819110001' + batch.toString('hex'))
  t.equal(writer.position, 24)
})

t.test('every remainder of a block, every size that matters', async (t) => {
  const sizes = [0, 1, 6, 7, 8, 12, 33, 32754, 32760, 32761, 32762, 65522, 65523, 100_000]
  for (let remainder = 0; remainder <= 40; remainder++) {
    const wrong: string[] = []
    for (const size of sizes) {
      const first = noise(BLOCK - 7 - remainder, remainder)
      const records = [first, noise(size, 1), noise(20, 2), noise(0, 3), noise(40_000, 4)]
      await roundTrip(records).catch((error: Error) => wrong.push(`${size}: ${error.message}`))
    }
    t.same(wrong, [], `remainder ${remainder}`)
  }
})

t.test('records of any sizes', async (t) => {
  await campaign(t, 300, async (seed) => {
    const draw = noise(400, seed)
    const records: Uint8Array[] = []
    for (let i = 0; i + 3 < draw.length && records.length < 60; i += 3) {
      const scale = [8, 200, 5000, 70_000][draw[i]! & 3]!
      records.push(noise(((draw[i + 1]! * 256 + draw[i + 2]!) * scale) >>> 16, seed + i))
    }
    await roundTrip(records)
  })
})

eachPlane(
  t,
  'records of any sizes, large and small, with marks, through the seam',
  async (t, name) => {
    const { plane, storage } = await makePlane(t, name)
    let number = 0
    await campaign(t, seedsFor(name, 200), async (seed) => {
      const file = journalName(++number)
      const writer = await plane.createJournal(file)
      const records: Uint8Array[] = []
      const draw = noise(120, seed)
      for (let i = 0; i + 3 < draw.length; i += 3) {
        const record = noise((draw[i + 1]! * [1, 30, 300, 3000][draw[i]! & 3]!) >>> 1, seed + i)
        const mark = draw[i + 2]! < 60 ? markBatch(seed + i) : undefined
        if (mark) records.push(mark)
        records.push(record)
        if (draw[i + 2]! & 1) await writer.appendLarge(record, mark)
        else writer.append(record, mark)
      }
      const expected = framed(records)
      if (writer.position !== expected.bytes.length) throw new Error('another position')
      await writer.close()
      if (!same(await fileBytes(storage, file), expected.bytes)) throw new Error('other bytes')
      const reader = await plane.openJournal(file)
      for (const [i, record] of records.entries()) {
        const { bytes, offset, end } = (await reader.next())!
        const span = expected.spans[i]!
        if (!same(bytes, record) || offset !== span.offset || end !== span.end)
          throw new Error(`record ${i} is another`)
      }
      if ((await reader.next()) !== undefined) throw new Error('one more')
      await reader.close()
      await storage.remove(file)
    })
  },
)

t.test('a mark goes before its record in the same write', async (t) => {
  for (const remainder of [0, 5, 7, 8, 15, 19, 20, 26, 27, 100]) {
    const { storage, file } = watchedStorage()
    const writer = await createJournal(storage, '000001.log')
    const records = [noise(BLOCK - 7 - remainder, 1), markBatch(77), noise(500, 2)]
    writer.append(records[0]!)
    writer.append(records[2]!, records[1])
    t.ok(same(file.bytes, framed(records).bytes), `remainder ${remainder}`)
    t.same(file.calls, ['write', 'write'])
  }
})

t.test('a large append gives the same bytes, in pieces, and lets the loop turn', async (t) => {
  const piece = 1024 * 1024
  const sizes = [0, 1, 32761, 32768, piece - 300, piece - 224, piece - 223, piece, 3_300_000]
  for (const remainder of [0, 3, 7, 8, 30, 20_000])
    for (const size of sizes) {
      const { storage, file } = watchedStorage()
      const writer = await createJournal(storage, '000001.log')
      const first = noise(BLOCK - 7 - remainder, 1)
      const large = Buffer.alloc(size, 'cairn')
      writer.append(first)
      await writer.appendLarge(large, markBatch(5))
      writer.append(first, markBatch(9))
      await writer.close()
      const once = watchedStorage()
      const other = await createJournal(once.storage, '000001.log')
      other.append(first)
      other.append(large, markBatch(5))
      other.append(first, markBatch(9))
      if (!same(file.bytes, once.file.bytes) || writer.position !== other.position)
        t.fail(`${size} bytes at remainder ${remainder}`)
    }
  const { storage, file } = watchedStorage()
  const writer = await createJournal(storage, '000001.log')
  let immediates = 0
  const count = () => {
    immediates++
    if (immediates < 100) setImmediate(count)
  }
  setImmediate(count)
  await writer.appendLarge(Buffer.alloc(10 * piece, 'cairn'))
  t.equal(file.calls.filter((call) => call === 'write').length, 11)
  t.ok(immediates >= 10, `${immediates} other turns`)
  const { records, verdict } = await readAll(file.bytes)
  t.same(verdict, { kind: 'end' })
  t.equal(records.length, 1)
  t.ok(same(records[0]!.bytes, Buffer.alloc(10 * piece, 'cairn')))
})

t.test('a record is a copy, and the caller keeps its own', async (t) => {
  const { storage, file } = watchedStorage()
  const writer = await createJournal(storage, '000001.log')
  const record = noise(100, 1)
  writer.append(record)
  record.fill(0)
  writer.append(record)
  const { records } = await readAll(file.bytes)
  t.same(Buffer.from(records[0]!.bytes), Buffer.from(noise(100, 1)))
  t.same(Buffer.from(records[1]!.bytes), Buffer.alloc(100))
})

t.test('what LevelDB wrote is read, and framed again is the same file', async (t) => {
  const files = [
    'cpp-boundary/000003.log',
    'cpp-boundary/MANIFEST-000002',
    'cpp-log/000003.log',
    'cpp-log/MANIFEST-000002',
    'cpp-sst-bloom/000004.log',
    'cpp-sst-bloom/MANIFEST-000002',
    'goleveldb-log/000001.log',
    'goleveldb-log/MANIFEST-000000',
  ]
  for (const name of files) {
    const content = readFileSync(`test/data/leveldb-files/${name}`)
    const { records, verdict } = await readAll(content)
    t.same(verdict, { kind: 'end' }, `${name}: ${records.length} records`)
    const { storage, file } = watchedStorage()
    const writer = await createJournal(storage, '000001.log')
    for (const { bytes, offset, end } of records) {
      writer.append(bytes)
      if (writer.position !== end) t.fail(`${name}: the record at ${offset} ends elsewhere`)
    }
    t.ok(same(file.bytes, content), `${name} to the byte`)
  }
})

eachPlane(t, 'on the storages that ship', async (t, name) => {
  const storages = name === 'native' ? [freshDirectory(t)] : [freshDirectory(t), memoryStorage()]
  for (const storage of storages) {
    const { plane } = await makePlane(t, name, { storage })
    await t.rejects(plane.openJournal('000001.log'), { code: 'CAIRN_MISSING' })
    const writer = await plane.createJournal('000001.log')
    await t.rejects(plane.createJournal('000001.log'), { code: 'CAIRN_EXISTS' })
    const records = [markBatch(1), noise(100, 1), noise(5_000_000, 2), markBatch(3), noise(9, 3)]
    writer.append(records[1]!, records[0])
    await writer.appendLarge(records[2]!)
    await writer.sync()
    writer.append(records[4]!, records[3])
    await Promise.all([writer.sync(), writer.sync(), writer.sync()])
    await writer.close()
    const reader = await plane.openJournal('000001.log')
    t.equal(reader.sizeBytes, framed(records).bytes.length, storage.kind)
    for (const record of records) t.ok(same((await reader.next())!.bytes, record))
    t.equal(await reader.next(), undefined)
    t.same(reader.verdict, { kind: 'end' })
    t.same(await reader.findMark(0, 1), { offset: writer.position - 35, sequence: 3 })
    await reader.close()
  }
})

t.test('an empty file holds nothing and ends well', async (t) => {
  const { records, verdict } = await readAll(new Uint8Array(0))
  t.same(records, [])
  t.same(verdict, { kind: 'end' })
})

t.test('a read that fails can be made again; a file that shrank is an error', async (t) => {
  const { storage, file } = watchedStorage(framed([noise(10, 1), noise(700_000, 2)]).bytes)
  const reader = await openJournal(storage, '000001.log')
  t.equal(reader.sizeBytes, file.bytes.length)
  file.failures.set('read', { error: systemError('EIO') })
  await t.rejects(reader.next(), { code: 'EIO' })
  t.equal((await reader.next())?.bytes.length, 10)
  const { bytes } = file
  file.bytes = bytes.subarray(0, 300_000)
  await t.rejects(reader.next(), { code: 'CAIRN_IO', file: '000001.log', offset: 300_000 })
  t.equal(reader.verdict, undefined)
  file.bytes = bytes
  t.equal((await reader.next())?.bytes.length, 700_000)
  t.equal(await reader.next(), undefined)
  t.same(reader.verdict, { kind: 'end' })
  await reader.close()
  await reader.close()
  await t.rejects(reader.next(), { code: 'CAIRN_NOT_OPEN' })
  await t.rejects(reader.findMark(0, 0), { code: 'CAIRN_NOT_OPEN' })
  await t.rejects(reader.findRecord(0, 0), { code: 'CAIRN_NOT_OPEN' })
})

t.test('a file whose size can not be told is closed again', async (t) => {
  const { storage, file } = watchedStorage(noise(10, 1))
  file.failures.set('size', { error: systemError('EIO') })
  await t.rejects(openJournal(storage, '000001.log'), { code: 'EIO' })
  t.same(file.calls, ['size', 'close'])
})

eachPlane(t, 'nothing behind the end that is wanted is read', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const writer = await plane.createJournal('000001.log')
  const records = Array.from({ length: 40 }, (_, i) => noise(10_000, i + 1))
  const ends = records.map((record) => {
    writer.append(record)
    return writer.position
  })
  await writer.pad(600_000)
  const end = ends.at(-1)!
  const reader = await plane.openJournal('000001.log', end)
  t.equal(reader.sizeBytes, end)
  t.ok(same((await reader.next())!.bytes, records[0]!))
  // The reader has read ahead; what stands behind the end goes away.
  await writer.pad(0)
  for (const record of records.slice(1)) t.ok(same((await reader.next())!.bytes, record))
  t.equal(await reader.next(), undefined)
  t.same(reader.verdict, { kind: 'end' })
  await reader.close()
  const cut = await plane.openJournal('000001.log', ends[0]! + 5)
  t.ok(same((await cut.next())!.bytes, records[0]!))
  t.equal(await cut.next(), undefined)
  t.match(cut.verdict, { kind: 'bad', offset: ends[0], reason: 'missing fragment' })
  await cut.close()
  for (const wrong of [-1, 1.5, NaN, Infinity, 2 ** 53])
    await t.rejects(plane.openJournal('000001.log', wrong), RangeError, String(wrong))
  await writer.close()
})
