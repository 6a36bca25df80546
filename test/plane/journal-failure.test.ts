/**
 * A journal writer after something failed: the failure once, CAIRN_POISONED from then on, no
 * sync tried again, and never a success for what may not be there.
 */
import t from 'tap'
import { markBatch } from '../../lib/format/batch.js'
import { createJournal } from '../../lib/journal/writer.js'
import { openJournal } from '../../lib/journal/reader.js'
import { framed, noise, systemError, watchedStorage } from './journal-storage.js'

const MIB = 1024 * 1024

async function opened() {
  const { storage, file } = watchedStorage()
  return { storage, file, writer: await createJournal(storage, '000001.log') }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('a write that fails poisons', async (t) => {
  for (const [errno, code] of [
    ['EIO', 'CAIRN_IO'],
    ['ENOSPC', 'CAIRN_NO_SPACE'],
    ['EDQUOT', 'CAIRN_NO_SPACE'],
  ] as const) {
    const { storage, file, writer } = await opened()
    const error = systemError(errno)
    writer.append(noise(50, 1))
    file.failures.set('write', { error, short: 30 })
    let first: unknown
    try {
      writer.append(noise(90, 2), markBatch(3))
    } catch (thrown) {
      first = thrown
    }
    t.match(first, { code, file: '000001.log', cause: error })
    t.equal(writer.position, 57, 'only what was written whole counts')
    const poisoned = { code: 'CAIRN_POISONED', file: '000001.log', cause: first }
    t.throws(() => writer.append(noise(5, 3)), poisoned)
    await t.rejects(writer.appendLarge(noise(5, 3)), poisoned)
    await t.rejects(writer.sync(), poisoned)
    t.same(file.calls, ['write', 'write'], 'nothing reached the file any more')
    await writer.close()
    const reader = await openJournal(storage, '000001.log')
    t.equal((await reader.next())?.bytes.length, 50)
    t.same(Buffer.from((await reader.next())!.bytes), Buffer.from(markBatch(3)))
    t.equal(await reader.next(), undefined, 'the record itself arrived in part')
    t.same(reader.verdict, { kind: 'bad', offset: 76, reason: 'missing fragment' })
  }
})

t.test('a large write that fails on the way poisons', async (t) => {
  const { file, writer } = await opened()
  const large = writer.appendLarge(new Uint8Array(3 * MIB))
  file.failures.set('write', { error: systemError('ENOSPC'), short: 1000 })
  await t.rejects(large, { code: 'CAIRN_NO_SPACE' })
  t.equal(writer.position, MIB)
  t.throws(() => writer.append(noise(5, 3)), { code: 'CAIRN_POISONED' })
  await t.rejects(writer.sync(), { code: 'CAIRN_POISONED', cause: { code: 'CAIRN_NO_SPACE' } })
  await writer.close()
})

t.test('a sync that fails poisons and is not made again', async (t) => {
  const { file, writer } = await opened()
  writer.append(noise(50, 1))
  file.failures.set('sync', { error: systemError('EIO') })
  await t.rejects(writer.sync(), { code: 'CAIRN_IO', cause: { code: 'EIO' } })
  await t.rejects(writer.sync(), { code: 'CAIRN_POISONED', cause: { code: 'CAIRN_IO' } })
  t.throws(() => writer.append(noise(50, 1)), { code: 'CAIRN_POISONED' })
  t.same(file.calls, ['write', 'sync'])
  await writer.close()
})

t.test('one sync at a time; who comes meanwhile shares the next', async (t) => {
  const { file, writer } = await opened()
  const held = (file.held = [] as NonNullable<typeof file.held>)
  const told: string[] = []
  const ask = (name: string) => writer.sync().then(() => told.push(name))
  writer.append(noise(50, 1))
  const all = [ask('a')]
  writer.append(noise(50, 1))
  all.push(ask('b'), ask('c'))
  await turn()
  t.equal(held.length, 1, 'the second waits for the first')
  held[0]!.settle()
  await turn()
  t.same(told, ['a'])
  t.equal(held.length, 2)
  writer.append(noise(50, 1))
  all.push(ask('d'))
  held[1]!.settle()
  await turn()
  t.same(told, ['a', 'b', 'c'], 'd came after the second began')
  held[2]!.settle()
  await Promise.all(all)
  t.equal(file.calls.filter((call) => call === 'sync').length, 3)
  await writer.close()
})

t.test('a sync that waits behind one that fails is not made', async (t) => {
  const { file, writer } = await opened()
  const held = (file.held = [] as NonNullable<typeof file.held>)
  writer.append(noise(50, 1))
  const first = t.rejects(writer.sync(), { code: 'CAIRN_IO' })
  const second = t.rejects(writer.sync(), { code: 'CAIRN_POISONED', cause: { code: 'CAIRN_IO' } })
  held[0]!.settle(systemError('EIO'))
  await first
  await second
  t.equal(held.length, 1)
  await writer.close()
})

t.test('a large append stops when a sync fails meanwhile', async (t) => {
  const { file, writer } = await opened()
  const large = writer.appendLarge(new Uint8Array(8 * MIB))
  file.failures.set('sync', { error: systemError('EIO') })
  const sync = t.rejects(writer.sync(), { code: 'CAIRN_IO' })
  await t.rejects(large, { code: 'CAIRN_POISONED', cause: { code: 'CAIRN_IO' } })
  await sync
  t.equal(writer.position, MIB)
  await writer.close()
})

t.test('appends that overlap with a large one are a mistake of the caller', async (t) => {
  const { storage, writer } = await opened()
  const large = writer.appendLarge(new Uint8Array(2 * MIB).fill(1))
  t.throws(() => writer.append(noise(5, 1)), TypeError)
  await t.rejects(writer.appendLarge(noise(5, 1)), TypeError)
  await large
  writer.append(noise(5, 1))
  await writer.close()
  const reader = await openJournal(storage, '000001.log')
  t.equal((await reader.next())?.bytes.length, 2 * MIB)
  t.equal((await reader.next())?.bytes.length, 5)
})

t.test('close waits for what is under way and ends everything', async (t) => {
  const { file, writer } = await opened()
  const held = (file.held = [] as NonNullable<typeof file.held>)
  const large = writer.appendLarge(new Uint8Array(2 * MIB).fill(1))
  const sync = writer.sync()
  const closed = writer.close()
  t.throws(() => writer.append(noise(5, 1)), { code: 'CAIRN_NOT_OPEN' })
  await t.rejects(writer.appendLarge(noise(5, 1)), { code: 'CAIRN_NOT_OPEN' })
  await t.rejects(writer.sync(), { code: 'CAIRN_NOT_OPEN' })
  await large
  t.notOk(file.calls.includes('close'))
  held[0]!.settle()
  await sync
  await closed
  await writer.close()
  t.equal(file.calls.filter((call) => call === 'close').length, 1)
  const expected = framed([new Uint8Array(2 * MIB).fill(1)]).bytes
  t.ok(file.bytes.equals(expected))
})
