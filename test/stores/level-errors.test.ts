/**
 * Errors of CairnLevel: each code of the store has its LEVEL_ code, with the StoreError as cause.
 */
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel, STORE_ERROR_CODES, StoreError } from '../../lib/index.js'
import { memoryStorage } from '../../lib/io/index.js'
import { LevelError, translate } from '../../lib/stores/kv/errors.js'
import { freshPath, listing } from '../support/directory.js'
import { faultyStorage } from '../support/faulty.js'
import { eachPlane } from '../support/planes.js'

/** What `promise` rejects with. */
async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('was to fail')
}

/** Asserts a failed open: LEVEL_DATABASE_NOT_OPEN, then `level`, then `store`. */
async function refused(t: Test, db: CairnLevel, level: string, store: string): Promise<LevelError> {
  const error = await failure(db.open())
  t.equal(error.code, 'LEVEL_DATABASE_NOT_OPEN')
  const cause = error.cause as LevelError
  t.ok(cause instanceof LevelError)
  t.equal(cause.code, level)
  t.ok(cause.cause instanceof StoreError)
  t.equal((cause.cause as StoreError).code, store)
  t.equal(db.status, 'closed')
  return cause
}

void t.test('the table of codes', (t) => {
  const expected: Record<string, string> = {
    CAIRN_NOT_OPEN: 'LEVEL_DATABASE_NOT_OPEN',
    CAIRN_LOCKED: 'LEVEL_LOCKED',
    CAIRN_CORRUPTION: 'LEVEL_CORRUPTION',
    CAIRN_FORMAT_VERSION: 'LEVEL_CORRUPTION',
    CAIRN_IO: 'LEVEL_IO_ERROR',
    CAIRN_NO_SPACE: 'LEVEL_IO_ERROR',
    CAIRN_POISONED: 'LEVEL_IO_ERROR',
    CAIRN_READ_ONLY: 'LEVEL_READONLY',
    CAIRN_ABORTED: 'LEVEL_ABORTED',
    CAIRN_NATIVE_UNAVAILABLE: 'LEVEL_NOT_SUPPORTED',
  }
  for (const code of STORE_ERROR_CODES) {
    const cause = new StoreError(code, 'message')
    const error = translate(cause) as LevelError
    t.equal(error.code, expected[code] ?? code.replace('CAIRN', 'LEVEL'))
    t.equal(error.cause, cause)
    t.match(error.message, 'message')
  }
  t.equal((translate(new StoreError('CAIRN_ABORTED', '')) as Error).name, 'AbortError')
  const mistake = new TypeError('mine')
  t.equal(translate(mistake), mistake, 'a mistake passes through')
  t.end()
})

eachPlane(t, 'does not exist, exists', async (t) => {
  const path = freshPath()
  const missing = new CairnLevel(path, { createIfMissing: false })
  const cause = await refused(t, missing, 'LEVEL_MISSING', 'CAIRN_MISSING')
  t.match(cause.message, /does not exist/)
  const readOnly = new CairnLevel(path, { readOnly: true })
  t.match((await refused(t, readOnly, 'LEVEL_MISSING', 'CAIRN_MISSING')).message, /does not exist/)
  const db = new CairnLevel(path)
  await db.open()
  await db.close()
  const again = new CairnLevel(path, { errorIfExists: true })
  t.match((await refused(t, again, 'LEVEL_EXISTS', 'CAIRN_EXISTS')).message, /exists/)
})

eachPlane(t, 'locked', async (t) => {
  const path = freshPath()
  const db = new CairnLevel(path)
  await db.open()
  const before = listing(path)
  await refused(t, new CairnLevel(path), 'LEVEL_LOCKED', 'CAIRN_LOCKED')
  await refused(t, new CairnLevel(path, { readOnly: true }), 'LEVEL_LOCKED', 'CAIRN_LOCKED')
  const code = { code: 'LEVEL_LOCKED' }
  await t.rejects(CairnLevel.destroy(path), code)
  await t.rejects(CairnLevel.repair(path), code)
  // The store that is open may make its next journal meanwhile.
  t.match(listing(path), before, 'nothing changed')
  await db.put('a', '1')
  const patient = new CairnLevel(path, { lockTimeoutMs: 60_000 })
  const opened = patient.open()
  await db.close()
  await opened
  t.equal(await patient.get('a'), '1', 'waited for the lock')
  await patient.close()
})

eachPlane(t, 'corruption names the file and changes nothing', async (t) => {
  const path = freshPath()
  const db = new CairnLevel(path, { compression: false, infoLog: false })
  await db.put('key', 'x'.repeat(1000))
  await db.flush()
  await db.close()
  const name = readdirSync(path).find((file) => file.endsWith('.ldb'))!
  const bytes = readFileSync(join(path, name))
  bytes[bytes.indexOf('xxxx') + 10]! ^= 1
  writeFileSync(join(path, name), bytes)
  const damaged = new CairnLevel(path, { infoLog: false })
  const reads: (() => Promise<unknown>)[] = [
    () => damaged.get('key'),
    () => damaged.getMany(['key']),
    () => damaged.has('key'),
    () => damaged.iterator().all(),
    () => damaged.keys().next(),
    () => damaged.values().nextv(10),
  ]
  for (const read of reads) {
    const error = await failure(read())
    t.equal(error.code, 'LEVEL_CORRUPTION')
    t.equal((error.cause as StoreError).code, 'CAIRN_CORRUPTION')
    t.equal((error.cause as StoreError).file, name)
  }
  t.throws(() => damaged.getSync('key'), { code: 'LEVEL_CORRUPTION' })
  const { ok, damage } = await damaged.verify()
  t.notOk(ok)
  t.equal(damage[0]?.file, name)
  await damaged.close()

  writeFileSync(join(path, 'CURRENT'), 'nonsense')
  const before = listing(path)
  const torn = new CairnLevel(path, { infoLog: false })
  await refused(t, torn, 'LEVEL_CORRUPTION', 'CAIRN_CORRUPTION')
  t.same(listing(path), before, 'nothing changed')
})

eachPlane(t, 'read-only', async (t) => {
  const path = freshPath()
  const db = new CairnLevel(path, { infoLog: false })
  await db.batch([
    { type: 'put', key: 'a', value: '1' },
    { type: 'put', key: 'b', value: '2' },
  ])
  await db.close()
  const before = listing(path)
  const one = new CairnLevel(path, { readOnly: true })
  const two = new CairnLevel(path, { readOnly: true })
  await one.open()
  await two.open()
  t.same(await one.iterator().all(), [
    ['a', '1'],
    ['b', '2'],
  ])
  t.equal(await two.get('b'), '2')
  const code = { code: 'LEVEL_READONLY' }
  await t.rejects(one.put('c', '3'), code)
  await t.rejects(one.del('a'), code)
  await t.rejects(one.del('a', { sync: true }), code)
  await t.rejects(one.batch([{ type: 'del', key: 'a' }]), code)
  await t.rejects(one.batch().del('a').write(), code)
  await t.rejects(one.clear(), code)
  await t.rejects(one.sublevel('x').put('y', 'z'), code)
  await refused(t, new CairnLevel(path), 'LEVEL_LOCKED', 'CAIRN_LOCKED')
  t.ok((await one.verify()).ok)
  await one.close()
  await two.close()
  t.same(listing(path), before, 'nothing changed')
})

eachPlane(t, 'setReadOnly refuses writes from then on', async (t) => {
  const db = new CairnLevel(freshPath())
  const last = db.put('a', '1')
  await db.setReadOnly()
  await last
  await t.rejects(db.put('a', '2'), { code: 'LEVEL_READONLY' })
  await t.rejects(db.batch().put('a', '2').write(), { code: 'LEVEL_READONLY' })
  t.equal(await db.get('a'), '1')
  await db.close()
  await db.open()
  await db.put('a', '3')
  t.equal(await db.get('a'), '3', 'writable after it was opened again')
  await db.close()
})

eachPlane(t, 'not open', async (t) => {
  const db = new CairnLevel(freshPath())
  await db.open()
  const iterator = db.iterator()
  await db.close()
  await db.close()
  const code = { code: 'LEVEL_DATABASE_NOT_OPEN' }
  const calls: (() => Promise<unknown>)[] = [
    () => db.get('a'),
    () => db.put('a', '1'),
    () => db.batch([{ type: 'del', key: 'a' }]),
    () => db.approximateSize('a', 'b'),
    () => db.compactRange('a', 'b'),
    () => db.verify(),
    () => db.sync(),
    () => db.flush(),
    () => db.setReadOnly(),
    () => db.backup(freshPath()),
  ]
  for (const call of calls) await t.rejects(call(), code)
  t.throws(() => db.stats(), code)
  t.throws(() => db.resetStats(), code)
  t.throws(() => db.getProperty('leveldb.stats'), code)
  t.throws(() => db.getSync('a'), code)
  await t.rejects(iterator.next(), { code: 'LEVEL_ITERATOR_NOT_OPEN' })
  t.throws(() => new CairnLevel(freshPath()).plane, code, 'never opened')
})

void t.test('a failed write poisons until the store is opened again', async (t) => {
  const storage = faultyStorage(memoryStorage())
  const db = new CairnLevel('faulty', { storage, infoLog: false })
  await db.put('a', '1', { sync: true })
  for (const [error, store] of [
    ['EIO', 'CAIRN_IO'],
    ['ENOSPC', 'CAIRN_NO_SPACE'],
  ] as const) {
    storage.rule = { operation: 'write', file: /\.log$/, error }
    const first = await failure(db.put('b', '2'))
    t.equal(first.code, 'LEVEL_IO_ERROR')
    t.equal((first.cause as StoreError).code, store)
    storage.rule = undefined
    const second = await failure(db.put('c', '3'))
    t.equal(second.code, 'LEVEL_IO_ERROR')
    t.equal((second.cause as StoreError).code, 'CAIRN_POISONED')
    t.equal(await db.get('a'), '1', 'reads go on')
    t.equal(await db.get('c'), undefined)
    await db.close()
    await db.open()
    await db.put('d', '4')
    t.equal(await db.get('d'), '4')
  }
  await db.close()
})

eachPlane(t, 'a torn tail is told once, by the event recovered', async (t) => {
  const path = freshPath()
  const db = new CairnLevel(path)
  await db.open()
  t.same(db.recovered, { records: 0 })
  await db.put('a', '1')
  await db.close()
  // A file behind the seal would be damage; without one it is a tail that a crash left.
  const left = readdirSync(path)
  const journal = left.filter((file) => file.endsWith('.log')).sort()[0]!
  rmSync(join(path, 'CAIRN-SEAL'), { force: true })
  appendFileSync(join(path, journal), Buffer.alloc(7, 0x77))
  const told: unknown[] = []
  db.on('recovered', (recovered) => told.push(recovered, db.status))
  await db.open()
  t.equal(told.length, 2)
  t.match(told[0], { torn: { file: journal } })
  t.equal(told[1], 'open')
  t.equal(told[0], db.recovered)
  t.equal(await db.get('a'), '1')
  await db.close()
  await db.open()
  t.equal(told.length, 2, 'nothing to tell after a clean close')
  await db.close()
})
