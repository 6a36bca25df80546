/** What every Storage must do, as a function of a factory: on disk, in memory, under faults. */
import t from 'tap'
import type { Test } from 'tap'
import { StoreError } from '../../lib/errors.js'
import type { StoreErrorCode } from '../../lib/errors.js'
import type { Storage, StorageFile } from '../../lib/io/files.js'

/** The matcher of a StoreError with this code. */
export function coded(code: StoreErrorCode): { name: string; code: StoreErrorCode } {
  return { name: 'StoreError', code }
}

/** Writes a file whole, synced and closed. */
export async function put(storage: Storage, name: string, text: string): Promise<void> {
  const file = await storage.create(name)
  await file.write(Buffer.from(text), 0)
  await file.sync()
  await file.close()
}

/** A file's content as text, or undefined when there is none. */
export async function get(storage: Storage, name: string): Promise<string | undefined> {
  let file: StorageFile
  try {
    file = await storage.open(name)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'CAIRN_MISSING') return undefined
    throw error
  }
  const bytes = Buffer.alloc(file.size())
  const count = await file.read(bytes, 0)
  await file.close()
  return bytes.toString('latin1', 0, count)
}

export async function namesOf(storage: Storage): Promise<string[]> {
  return (await storage.list()).map(({ name }) => name).sort()
}

/** The shared suite. `make` gives a storage whose directory does not exist yet. */
export function contract(title: string, make: () => Storage): void {
  void t.test(title, async (t) => {
    await t.test('directory', (t) => directory(t, make()))
    await t.test('files', (t) => files(t, make()))
    await t.test('closed and read-only files', (t) => handles(t, make()))
    await t.test('names', (t) => names(t, make()))
    await t.test('listing', (t) => listing(t, make()))
    await t.test('subdirectories', (t) => subdirectories(t, make()))
    await t.test('listing subdirectories', (t) => sublisting(t, make()))
    await t.test('CURRENT', (t) => current(t, make()))
    await t.test('copies', (t) => copies(t, make(), make()))
    await t.test('locks', (t) => locks(t, make()))
    await t.test('LOG', (t) => log(t, make()))
  })
}

async function directory(t: Test, storage: Storage): Promise<void> {
  t.equal(await storage.exists(), false)
  await t.rejects(storage.list(), coded('CAIRN_MISSING'))
  await t.rejects(storage.create('000001.log'), coded('CAIRN_MISSING'))
  await t.rejects(storage.lock({ readOnly: false, timeoutMs: 0 }), coded('CAIRN_MISSING'))
  await storage.createDirectory()
  t.equal(await storage.exists(), true)
  await storage.createDirectory()
  t.same(await storage.list(), [])
  await storage.syncDirectory()
  await storage.close()
  await storage.close()
}

async function files(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  const file = await storage.create('000001.log')
  t.equal(file.name, '000001.log')
  t.equal(file.size(), 0)
  await file.write(Buffer.from('hello'), 0)
  file.writeSync(Buffer.from(' world'), 5)
  t.equal(file.size(), 11)
  const into = Buffer.alloc(20, '.')
  t.equal(file.readSync(into, 6), 5)
  t.equal(into.toString(), 'world...............')
  t.equal(await file.read(into.subarray(0, 5), 0), 5)
  t.equal(into.toString('latin1', 0, 5), 'hello')
  t.equal(await file.read(into, 11), 0)
  t.equal(file.readSync(into, 1000), 0)
  t.equal(file.readSync(Buffer.alloc(0), 0), 0)
  await file.write(Buffer.alloc(0), 100)
  t.equal(file.size(), 11, 'nothing written is nothing grown')
  file.writeSync(Buffer.from('!'), 14)
  await file.truncate(16)
  t.equal(await get(storage, '000001.log'), 'hello world\0\0\0!\0', 'holes are zeros')
  await file.truncate(4)
  await file.truncate(6)
  t.equal(await get(storage, '000001.log'), 'hell\0\0')
  await file.sync()
  t.throws(() => file.writeSync(into, -1), RangeError)
  t.throws(() => file.readSync(into, Number.NaN), RangeError)
  await t.rejects(file.write(into, 0.5), RangeError)
  await t.rejects(file.read(into, 2 ** 53), RangeError)
  await t.rejects(file.truncate(-1), RangeError)
  await t.rejects(storage.create('000001.log'), coded('CAIRN_EXISTS'))
  await storage.rename('000001.log', '000002.log')
  file.writeSync(Buffer.from('y'), 3)
  t.equal(await get(storage, '000001.log'), undefined)
  t.equal(await get(storage, '000002.log'), 'hely\0\0')
  await storage.remove('000002.log')
  t.equal(file.readSync(into.subarray(0, 4), 0), 4, 'a removed file is there for who has it')
  await file.close()
  await storage.remove('000002.log')
  await t.rejects(storage.open('000002.log'), { ...coded('CAIRN_MISSING'), file: '000002.log' })
  t.throws(() => storage.openSync('000002.log'), coded('CAIRN_MISSING'))
  await t.rejects(storage.rename('000002.log', '000003.log'), coded('CAIRN_MISSING'))
  const many = await storage.create('000004.log')
  const texts = Array.from({ length: 50 }, (_, i) => `${i}`.padStart(3, '0'))
  await Promise.all(texts.map((text, i) => many.write(Buffer.from(text), i * 3)))
  await Promise.all([many.sync(), many.sync(), many.close()])
  t.equal(await get(storage, '000004.log'), texts.join(''))
}

async function handles(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  await put(storage, '000001.log', 'content')
  const file = storage.openSync('000001.log')
  t.throws(() => file.writeSync(Buffer.from('x'), 0), coded('CAIRN_IO'))
  await t.rejects(file.write(Buffer.from('x'), 0), coded('CAIRN_IO'))
  await file.truncate(4)
  await file.sync()
  t.equal(file.size(), 4, 'a tail can be cut through a file that was opened to read')
  await file.close()
  await file.close()
  const closed = coded('CAIRN_NOT_OPEN')
  t.throws(() => file.readSync(Buffer.alloc(1), 0), closed)
  t.throws(() => file.writeSync(Buffer.alloc(1), 0), closed)
  t.throws(() => file.size(), closed)
  await t.rejects(file.read(Buffer.alloc(1), 0), closed)
  await t.rejects(file.write(Buffer.alloc(1), 0), closed)
  await t.rejects(file.sync(), closed)
  await t.rejects(file.truncate(0), closed)
  t.equal(await get(storage, '000001.log'), 'cont')
}

async function names(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  const bad = ['', '.', '..', '../x', 'a/../b', '/x', 'x/', 'a/b/c', 'a\\b', 'a\0b', 'c:x', 'a//b']
  for (const name of [...bad, undefined as unknown as string]) {
    const title = `refuses ${JSON.stringify(name)}`
    t.throws(() => storage.openSync(name), TypeError, title)
    await t.rejects(storage.open(name), TypeError, title)
    await t.rejects(storage.create(name), TypeError, title)
    await t.rejects(storage.remove(name), TypeError, title)
    await t.rejects(storage.rename('x', name), TypeError, title)
    await t.rejects(storage.rename(name, 'x'), TypeError, title)
    await t.rejects(storage.makeDirectory(name), TypeError, title)
  }
  await t.rejects(storage.makeDirectory('a/b'), TypeError)
  await t.rejects(storage.setCurrent('../MANIFEST-000001'), TypeError)
  await t.rejects(storage.setCurrent('000001.log'), TypeError)
}

async function listing(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  await storage.makeDirectory('lost')
  await storage.makeDirectory('000009.ldb')
  for (const name of ['000007.ldb', '000008.log', 'MANIFEST-000006', 'notes.txt', 'CURRENT'])
    await put(storage, name, '')
  t.same(await storage.list('table'), [{ name: '000007.ldb', kind: 'table', number: 7 }])
  t.same(
    (await storage.list()).map(({ name, kind, number }) => `${name} ${kind} ${number}`).sort(),
    [
      '000007.ldb table 7',
      '000008.log journal 8',
      '000009.ldb unknown 0',
      'CURRENT current 0',
      'MANIFEST-000006 manifest 6',
      'lost unknown 0',
      'notes.txt unknown 0',
    ],
  )
}

async function subdirectories(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  await put(storage, '000007.log', 'seven')
  await t.rejects(storage.rename('000007.log', 'lost/000007.log'), coded('CAIRN_MISSING'))
  await t.rejects(storage.create('lost/000008.log'), coded('CAIRN_MISSING'))
  await storage.makeDirectory('lost')
  await storage.makeDirectory('lost')
  await storage.rename('000007.log', 'lost/000007.log')
  await storage.syncDirectory()
  t.equal(await get(storage, 'lost/000007.log'), 'seven')
  t.same(await namesOf(storage), ['lost'])
  await put(storage, 'lost/000008.log', 'eight')
  await storage.remove('lost/000008.log')
  t.equal(await get(storage, 'lost/000008.log'), undefined)
  await t.rejects(storage.open('lost'), coded('CAIRN_IO'), 'a directory is not opened')
  t.throws(() => storage.openSync('lost'), coded('CAIRN_IO'))
  await put(storage, 'plain', '')
  await t.rejects(storage.makeDirectory('plain'), coded('CAIRN_EXISTS'))
}

async function sublisting(t: Test, storage: Storage): Promise<void> {
  await t.rejects(storage.list(undefined, 'wal'), coded('CAIRN_MISSING'), 'no directory')
  await storage.createDirectory()
  t.same(await storage.list(undefined, 'wal'), [], 'a missing one holds nothing')
  await storage.makeDirectory('wal')
  await storage.makeDirectory('snapshots')
  t.same(await storage.list(undefined, 'wal'), [])
  for (const name of ['wal/00000007.journal', 'wal/00000008.journal.new', 'wal/KEYS', 'wal/x'])
    await put(storage, name, name)
  await put(storage, 'snapshots/00000009.snapshot', '')
  await put(storage, '00000003.journal', '')
  t.same(
    (await storage.list(undefined, 'wal'))
      .map(({ name, kind, number }) => `${name} ${kind} ${number}`)
      .sort(),
    [
      'wal/00000007.journal segment 7',
      'wal/00000008.journal.new temporary 8',
      'wal/KEYS keys 0',
      'wal/x unknown 0',
    ],
  )
  const [segment, ...more] = await storage.list('segment', 'wal')
  t.same(more, [])
  t.equal(await get(storage, segment!.name), 'wal/00000007.journal', 'a name that open takes')
  await storage.rename(segment!.name, 'wal/00000010.journal')
  await storage.remove('wal/x')
  storage.created('wal/00000010.journal')
  await storage.syncDirectory()
  t.equal((await storage.list('segment', 'wal'))[0]?.number, 10)
  t.same(await namesOf(storage), ['00000003.journal', 'snapshots', 'wal'])
  await t.rejects(storage.list(undefined, '00000003.journal'), coded('CAIRN_IO'), 'a file')
  for (const name of ['', '..', 'a/b', '/', 'a\\b'])
    await t.rejects(storage.list(undefined, name), TypeError, JSON.stringify(name))
  t.throws(() => storage.created('../x'), TypeError)
}

async function current(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  t.equal(await storage.getCurrent(), undefined)
  await storage.setCurrent('MANIFEST-000002')
  t.equal(await storage.getCurrent(), 'MANIFEST-000002\n')
  await put(storage, '000005.dbtmp', 'left behind by a crash')
  await storage.setCurrent('MANIFEST-000005')
  t.equal(await storage.getCurrent(), 'MANIFEST-000005\n')
  t.same(await namesOf(storage), ['CURRENT'])
  await storage.remove('CURRENT')
  await put(storage, 'CURRENT', 'x'.repeat(100_000))
  t.ok((await storage.getCurrent())!.length < 5000, 'a huge one is not read whole')
  await storage.remove('CURRENT')
  await storage.makeDirectory('CURRENT')
  await t.rejects(storage.getCurrent(), coded('CAIRN_IO'))
}

async function copies(t: Test, storage: Storage, target: Storage): Promise<void> {
  await storage.createDirectory()
  await t.rejects(storage.copyTo(target, '000001.ldb'), coded('CAIRN_MISSING'))
  const text = 'content '.repeat(300_000)
  await put(storage, '000001.ldb', text)
  await put(storage, '000002.ldb', '')
  await t.rejects(storage.copyTo(target, '000001.ldb'), coded('CAIRN_MISSING'), 'no directory')
  await target.createDirectory()
  t.match(await storage.copyTo(target, '000001.ldb'), /^(linked|copied)$/)
  await storage.copyTo(target, '000002.ldb', '000003.ldb')
  t.equal(await get(target, '000001.ldb'), text)
  t.equal(await get(target, '000003.ldb'), '')
  await t.rejects(storage.copyTo(target, '000002.ldb', '000001.ldb'), coded('CAIRN_EXISTS'))
  await t.rejects(storage.copyTo(target, '000009.ldb'), coded('CAIRN_MISSING'))
  await t.rejects(storage.copyTo(target, '000001.ldb', '../x'), TypeError)
  await storage.makeDirectory('lost')
  await t.rejects(storage.copyTo(target, 'lost', 'x'), coded('CAIRN_IO'))
  t.same(await namesOf(target), ['000001.ldb', '000003.ldb'])
}

async function locks(t: Test, storage: Storage): Promise<void> {
  await storage.createDirectory()
  const write = { readOnly: false, timeoutMs: 0 }
  const read = { readOnly: true, timeoutMs: 0 }
  const writer = await storage.lock(write)
  await t.rejects(storage.lock(write), coded('CAIRN_LOCKED'))
  await t.rejects(storage.lock(read), coded('CAIRN_LOCKED'))
  await writer.release()
  const readers = await Promise.all(Array.from({ length: 10 }, () => storage.lock(read)))
  await t.rejects(storage.lock(write), coded('CAIRN_LOCKED'))
  await writer.release()
  for (const reader of readers) await reader.release()
  const again = await storage.lock(write)
  await writer.release()
  await t.rejects(storage.lock(write), coded('CAIRN_LOCKED'), 'a second release frees nothing')
  const waiting = storage.lock({ readOnly: false, timeoutMs: 60_000 })
  const refused = storage.lock({ readOnly: true, timeoutMs: 100 })
  await t.rejects(refused, coded('CAIRN_LOCKED'))
  await again.release()
  await (await waiting).release()
}

async function log(t: Test, storage: Storage): Promise<void> {
  storage.log('no directory yet')
  await storage.createDirectory()
  const line = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (.*)$/
  const texts = async (name: string) =>
    (await get(storage, name))
      ?.trimEnd()
      .split('\n')
      .map((each) => line.exec(each)?.[1])
  const first = await storage.lock({ readOnly: false, timeoutMs: 0 })
  storage.log('one')
  storage.log('two\nlines')
  t.same(await texts('LOG'), ['one', 'two lines'])
  t.equal(await get(storage, 'LOG.old'), undefined)
  await first.release()
  const reader = await storage.lock({ readOnly: true, timeoutMs: 0 })
  storage.log('readers write nothing')
  await reader.release()
  const second = await storage.lock({ readOnly: false, timeoutMs: 0 })
  storage.log('three')
  t.same(await texts('LOG.old'), ['one', 'two lines'], 'a new opening begins a new LOG')
  t.same(await texts('LOG'), ['three'])
  for (let i = 0; i < 1100; i++) storage.log('x'.repeat(1000))
  t.ok((await get(storage, 'LOG.old'))!.length > 1 << 20, 'and so does a megabyte')
  t.ok((await get(storage, 'LOG'))!.length < 1 << 20)
  t.same((await storage.list('log')).map(({ name }) => name).sort(), ['LOG', 'LOG.old'])
  await second.release()
}
