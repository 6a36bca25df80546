/**
 * Zeros behind the records of a journal: written ahead, written over, cut off, given up; and a
 * journal that ends in them, which is whole.
 */
import t from 'tap'
import { journalName } from '../../lib/format/names.js'
import { createJournal } from '../../lib/journal/writer.js'
import type { JournalReader } from '../../lib/plane.js'
import { isFull } from '../support/campaign.js'
import { readAll } from '../support/level.js'
import { eachPlane, makePlane } from '../support/planes.js'
import { fragment, framed, noise, opener, systemError, watchedStorage } from './journal-storage.js'

const BLOCK = 32768
const FULL = 1
const FIRST = 2

async function countOf(reader: JournalReader): Promise<number> {
  let count = 0
  while ((await reader.next()) !== undefined) count++
  return count
}

eachPlane(t, 'zeros ahead, written over, cut at the end', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  const file = journalName(1)
  const writer = await plane.createJournal(file)
  const records = [noise(50, 1), noise(70_000, 2), noise(9, 3), noise(200_000, 4), noise(1, 5)]
  const { bytes, spans } = framed(records)
  const sizeAfter = async (end: number) => {
    await writer.pad(end)
    const found = await readAll(storage, file)
    const rest = found.subarray(writer.position)
    t.ok(Buffer.from(bytes).subarray(0, writer.position).equals(found.subarray(0, writer.position)))
    t.ok(Buffer.alloc(rest.length).equals(rest), 'nothing but zeros')
    return found.length
  }
  t.equal(await sizeAfter(1000), 1000, 'of an empty journal')
  t.equal(await sizeAfter(999), 999, 'cut')
  writer.append(records[0]!)
  t.equal(await sizeAfter(500_000), 500_000, 'in more than one piece')
  await writer.appendLarge(records[1]!)
  await writer.sync()
  const reader = await plane.openJournal(file)
  t.equal(await countOf(reader), 2)
  t.same(reader.verdict, { kind: 'end', zerosFrom: spans[1]!.end })
  t.equal(await reader.findMark(0, 0), undefined)
  await reader.close()
  writer.append(records[2]!)
  t.equal(await sizeAfter(0), writer.position, 'no shorter than the records')
  await writer.appendLarge(records[3]!)
  t.equal(await sizeAfter(300_000), 300_000, 'of a file that has grown without zeros')
  writer.append(records[4]!)
  await writer.sync()
  await writer.close()
  t.ok(Buffer.from(bytes).equals(await readAll(storage, file)))
  await t.rejects(writer.pad(0), { code: 'CAIRN_NOT_OPEN' })
})

eachPlane(t, 'what pad refuses', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const writer = await plane.createJournal(journalName(1))
  for (const end of [-1, 0.5, NaN, 2 ** 53]) await t.rejects(writer.pad(end), RangeError)
  const padded = writer.pad(100_000)
  t.throws(() => writer.append(noise(5, 1)), TypeError)
  const overlaps = [writer.appendLarge(noise(5, 1)), writer.pad(5)]
  const synced = writer.sync()
  for (const overlap of overlaps) await t.rejects(overlap, TypeError)
  await padded
  await synced
  writer.append(noise(5, 1))
  await writer.close()
})

t.test('zeros that can not be written are given up, and what was written of them', async (t) => {
  const { storage, file } = watchedStorage()
  const writer = await createJournal(storage, '000001.log')
  writer.append(noise(50, 1))
  file.failures.set('write', { error: systemError('ENOSPC'), short: 1000 })
  await writer.pad(100_000)
  t.same(file.calls, ['write', 'write', 'truncate'])
  t.equal(file.bytes.length, 57)
  writer.append(noise(90, 2))
  await writer.sync()
  await writer.pad(1000)
  t.equal(file.bytes.length, 1000, 'the next time may succeed')
  file.failures.set('write', { error: systemError('ENOSPC'), short: 1000 })
  file.failures.set('truncate', { error: systemError('EIO') })
  await writer.pad(100_000)
  t.equal(file.bytes.length, 2000, 'neither more nor less was to be had')
  await writer.close()
  t.ok(framed([noise(50, 1), noise(90, 2)]).bytes.equals(file.bytes), 'closing cuts them')
})

t.test('zeros stay behind a failed write, and where they can not be cut', async (t) => {
  for (const poisoned of [false, true]) {
    const { storage, file } = watchedStorage()
    const writer = await createJournal(storage, '000001.log')
    writer.append(noise(50, 1))
    await writer.pad(1000)
    const error = systemError('EIO')
    file.failures.set(poisoned ? 'sync' : 'truncate', { error })
    if (poisoned) await t.rejects(writer.sync(), { code: 'CAIRN_IO' })
    if (poisoned) await t.rejects(writer.pad(0), { code: 'CAIRN_POISONED' })
    await writer.close()
    t.equal(file.bytes.length, 1000)
    t.equal(file.calls.includes('truncate'), !poisoned)
  }
})

eachPlane(t, 'zeros to the end are the end', async (t, name) => {
  const open = await opener(t, name)
  const good = fragment(FULL, noise(20, 1))
  const nearly = (rest: number) => fragment(FULL, noise(BLOCK - 7 - rest, 2))
  const cases: [string, Buffer[], number, number][] = [
    ['one', [good, Buffer.alloc(1)], 1, 27],
    ['less than a header', [good, Buffer.alloc(6)], 1, 27],
    ['a header', [good, Buffer.alloc(7)], 1, 27],
    ['many blocks', [good, Buffer.alloc(1_500_000)], 1, 27],
    ['nothing else', [Buffer.alloc(1000)], 0, 0],
    ['from a block on', [nearly(0), Buffer.alloc(1000)], 1, BLOCK],
    ['behind a filler', [nearly(3), Buffer.alloc(1000)], 1, BLOCK],
    ['a header before a block', [nearly(7), Buffer.alloc(1000)], 1, BLOCK - 7],
  ]
  for (const [what, pieces, count, zerosFrom] of cases) {
    const reader = await open(Buffer.concat(pieces))
    t.equal(await countOf(reader), count, what)
    t.same(reader.verdict, { kind: 'end', zerosFrom }, what)
    t.equal(await reader.findRecord(zerosFrom, 0), undefined)
  }
  const filler = await open(Buffer.concat([nearly(3), Buffer.alloc(3)]))
  t.equal(await countOf(filler), 1)
  t.same(filler.verdict, { kind: 'end' }, 'a filler is none of them')
  const bad: [string, Buffer[], number][] = [
    ['a byte far behind', [good, Buffer.alloc(1_000_000), Buffer.of(1)], 27],
    ['a record far behind', [good, Buffer.alloc(1_000_000), good], 27],
    ['a record that is cut', [good, fragment(FIRST, noise(9, 1)), Buffer.alloc(100)], 27],
    ['a hollow FIRST', [nearly(7), fragment(FIRST, noise(0, 1)), Buffer.alloc(100)], BLOCK - 7],
  ]
  for (const [what, pieces, offset] of bad) {
    const reader = await open(Buffer.concat(pieces))
    await countOf(reader)
    t.match(reader.verdict, { kind: 'bad', offset }, what)
  }
})

eachPlane(t, 'cut at any byte, zeros behind: a prefix, torn unless whole', async (t, name) => {
  const open = await opener(t, name)
  const { bytes, spans } = framed([noise(40, 1), noise(0, 2), noise(150, 3), noise(13, 4)])
  const ends = spans.map(({ end }) => end)
  const wrong: string[] = []
  for (let cut = 0; cut <= bytes.length; cut += isFull || cut < 60 ? 1 : 3) {
    const content = Buffer.alloc(2 * BLOCK + 5)
    bytes.copy(content, 0, 0, cut)
    const reader = await open(content)
    const count = await countOf(reader)
    // Bytes that are cut off and were zeros are there all the same.
    const whole = ends.filter((end) => bytes.compare(content, 0, end, 0, end) === 0)
    if (count !== whole.length) wrong.push(`${cut}: ${count} records`)
    const isTorn = content.subarray(whole.at(-1) ?? 0).some((byte) => byte !== 0)
    if (reader.verdict?.kind !== (isTorn ? 'bad' : 'end')) wrong.push(`${cut}: not the verdict`)
  }
  t.same(wrong, [])
})
