/**
 * What CairnLevel tells of a store and does to it as a whole: statistics, sizes, compaction,
 * verification, backups, repair, destruction, and the end of the process.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CairnLevel } from '../../lib/index.js'
import type { DatabaseOptions } from '../../lib/index.js'
import { memoryStorage } from '../../lib/io/index.js'
import { freshPath, listing } from '../support/directory.js'
import { faultyStorage } from '../support/faulty.js'
import { eachPlane } from '../support/planes.js'

const QUIET: DatabaseOptions<string, string> = { infoLog: false }

/** Fills a store with `count` values of 1,000 bytes that do not compress. */
async function fill(db: CairnLevel, count: number): Promise<void> {
  await db.open()
  let state = 1
  const batch = db.batch()
  for (let i = 0; i < count; i++) {
    let value = ''
    while (value.length < 1000) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      value += state.toString(36)
    }
    batch.put(`key ${String(i).padStart(6, '0')}`, value.slice(0, 1000))
  }
  await batch.write()
}

eachPlane(t, 'statistics', async (t) => {
  const db = new CairnLevel(freshPath(), { ...QUIET, writeBufferSize: 65_536 })
  await db.open()
  t.match(db.plane, { name: /native|typescript/, io: String, reason: String })
  t.same(db.recovered, { records: 0 })
  t.match(db.stats(), { compactions: 0, memtableBytes: 0, aliveIterators: 0, writePaused: false })
  for (let i = 0; i < 5; i++) await fill(db, 100)
  await db.put('a', 'b', { sync: true })
  const stats = db.stats()
  t.ok(stats.groups >= 6)
  t.ok(stats.syncs >= 1)
  t.ok(stats.bytesWritten > 0)
  t.equal(stats.levels.length, 7)
  db.resetStats()
  t.match(db.stats(), { groups: 0, syncs: 0, writeDelayCount: 0 })
  await db.close()
})

eachPlane(t, 'getProperty', async (t) => {
  const db = new CairnLevel(freshPath(), QUIET)
  await db.open()
  await fill(db, 10)
  await db.flush()
  t.equal(db.getProperty('leveldb.num-files-at-level0'), '1')
  t.equal(db.getProperty('leveldb.num-files-at-level6'), '0')
  t.match(db.getProperty('leveldb.stats'), /Level/)
  t.match(db.getProperty('leveldb.sstables'), /level 0/)
  t.match(db.getProperty('leveldb.approximate-memory-usage'), /^\d+$/)
  t.ok(db.getProperty('leveldb.writedelay').length > 0)
  for (const name of ['', 'foo', 'leveldb.num-files-at-level7', '__proto__', 'leveldb.'])
    t.equal(db.getProperty(name), '', name)
  for (const name of [undefined, null, 5, {}])
    t.throws(() => db.getProperty(name as never), TypeError)
  await db.close()
})

eachPlane(t, 'approximateSize and compactRange', async (t) => {
  const db = new CairnLevel(freshPath(), { ...QUIET, maxFileSize: 131_072 })
  t.equal(await db.approximateSize('a', 'z'), 0, 'deferred')
  await fill(db, 1000)
  await db.compactRange('a', 'z')
  const all = await db.approximateSize('a', 'z')
  t.ok(all > 900_000 && all < 1_200_000, `${all} bytes for all`)
  const half = await db.approximateSize('key 000000', 'key 000500')
  t.ok(Math.abs(half - all / 2) < all / 10, `${half} bytes for a half`)
  const options = { keyEncoding: 'buffer' }
  const bytes = await db.approximateSize(Buffer.from('a'), Buffer.from('z'), options)
  t.equal(bytes, all)
  t.equal(await db.approximateSize('z', 'a'), 0)
  t.equal(await db.approximateSize('key 000500', 'key 000500'), 0)
  for (const key of ['key 000000', 'key 000999']) t.equal((await db.get(key))?.length, 1000)
  await db.clear({ gte: 'key 000100' })
  await db.compactRange(undefined, null)
  const left = await db.approximateSize('a', 'z')
  t.ok(left < all / 5, `${left} bytes after nine tenths were deleted`)
  t.equal((await db.keys().all()).length, 100)
  for (const call of ['approximateSize', 'compactRange'] as const) {
    const loose = db as unknown as Record<string, (...args: unknown[]) => Promise<void>>
    await t.rejects(loose[call]!(), TypeError)
    await t.rejects(loose[call]!('a'), TypeError)
  }
  // @ts-expect-error A start is needed.
  await t.rejects(db.approximateSize(null, 'z'), { code: 'LEVEL_INVALID_KEY' })
  await db.close()
})

eachPlane(t, 'verify reads everything', async (t) => {
  const db = new CairnLevel(freshPath(), QUIET)
  await fill(db, 100)
  await db.flush()
  await fill(db, 10)
  const report = await db.verify()
  t.match(report, { ok: true, damage: [] })
  t.ok(report.files >= 2)
  t.equal(report.records, 110)
  t.ok(report.bytes > 100_000)
  await db.close()
})

void t.test('what sync() covers survives a power cut', async (t) => {
  const storage = memoryStorage()
  const db = new CairnLevel('x', { ...QUIET, storage })
  await db.put('a', '1')
  await db.sync()
  const clone = storage.crashClone(0)
  await db.close()
  const after = new CairnLevel('x', { ...QUIET, storage: clone })
  t.equal(await after.get('a'), '1')
  await after.close()
})

void t.test('a store in memory can be opened again while its object lives', async (t) => {
  const db = new CairnLevel('somewhere', { storage: 'memory' })
  await db.put('a', '1')
  await db.close()
  await db.open()
  t.equal(await db.get('a'), '1')
  await db.close()
  await t.rejects(db.open({ errorIfExists: true }), { code: 'LEVEL_DATABASE_NOT_OPEN' })
  t.notOk(existsSync('somewhere'))
  t.match(db.plane, { name: 'typescript', io: 'memory' })
  const other = new CairnLevel('somewhere', { storage: 'memory' })
  t.equal(await other.get('a'), undefined, 'another object has another memory')
  await other.close()
})

eachPlane(t, 'backups are whole stores, as of the call', async (t) => {
  const [path, first, second] = [freshPath(), freshPath(), freshPath()]
  const db = new CairnLevel(path, QUIET)
  await fill(db, 200)
  await db.backup(first)
  await db.put('later', 'yes')
  const report = await db.backup(second, { since: first })
  t.ok(report.reused >= 1, 'tables of the first backup are taken from there')
  const before = listing(second)
  for (const wrong of ['', 5, null, {}]) await t.rejects(db.backup(wrong as string), TypeError)
  await t.rejects(db.backup(freshPath(), { since: 5 as never }), TypeError)
  await t.rejects(db.backup(second), { code: 'LEVEL_EXISTS' })
  await t.rejects(db.backup(path), { code: 'LEVEL_EXISTS' })
  t.same(listing(second), before, 'a directory that is not empty is left alone')
  await db.clear()
  await db.close()
  for (const [directory, later] of [
    [first, undefined],
    [second, 'yes'],
  ] as const) {
    const copy = new CairnLevel(directory, { ...QUIET, createIfMissing: false })
    t.equal((await copy.keys({ gte: 'key', lt: 'l' }).all()).length, 200)
    t.equal(await copy.get('later'), later)
    t.ok((await copy.verify()).ok)
    await copy.put('mine', '1')
    await copy.compactRange(null, null)
    await copy.close()
  }
})

eachPlane(t, 'repair brings a store back without its CURRENT and MANIFEST', async (t) => {
  const path = freshPath()
  const db = new CairnLevel(path, QUIET)
  await fill(db, 50)
  await db.flush()
  await db.put('key 000000', 'newest')
  await db.del('key 000001')
  await db.close()
  for (const name of readdirSync(path))
    if (/^(CURRENT|MANIFEST|CAIRN-SEAL)/.test(name)) rmSync(join(path, name))
  const report = await CairnLevel.repair(path)
  t.match(report, { tables: Number, journals: Number, records: Number, dropped: [] })
  const after = new CairnLevel(path, { ...QUIET, createIfMissing: false })
  t.equal((await after.keys().all()).length, 49)
  t.equal(await after.get('key 000000'), 'newest')
  await after.close()
  const nothing = freshPath()
  await t.rejects(CairnLevel.repair(nothing), { code: 'LEVEL_MISSING', message: /does not exist/ })
  t.notOk(existsSync(nothing))
  await t.rejects(CairnLevel.repair(path, { cacheSize: -1 }), RangeError)
  await t.rejects(CairnLevel.repair(path, { readOnly: true }), /'readOnly' must be false/)
})

eachPlane(t, 'without options, keys and values have the types of the store', async (t) => {
  const db = new CairnLevel<string, { n: number }>(freshPath(), { ...QUIET, valueEncoding: 'json' })
  await db.put('a', { n: 1 })
  const found = await db.get('a')
  t.equal(found?.n, 1)
  await db.put('b', 2, { valueEncoding: 'json' })
  // @ts-expect-error Not a value of this store.
  await db.put('b', 3)
  // @ts-expect-error Not a value of this store.
  await db.batch([{ type: 'put', key: 'b', value: 4 }])
  // @ts-expect-error Not a value of this store.
  const wrong: number | undefined = await db.get('b')
  t.equal(wrong, 4)
  // @ts-expect-error Not a key of this store.
  await db.del(5)
  await db.close()
})

eachPlane(t, "destroy removes what is the store's and nothing else", async (t) => {
  const path = freshPath()
  const make = async (): Promise<void> => {
    const db = new CairnLevel(path)
    await fill(db, 20)
    await db.flush()
    await db.close()
  }
  await make()
  await CairnLevel.destroy(path)
  t.notOk(existsSync(path))
  await CairnLevel.destroy(path)
  t.notOk(existsSync(path), 'nothing to destroy is fine')
  await make()
  writeFileSync(join(path, 'notes.txt'), 'mine')
  mkdirSync(join(path, 'photos'))
  await CairnLevel.destroy(path)
  t.same(readdirSync(path).sort(), ['notes.txt', 'photos'])
})

void t.test('a failure in the background is a warning, not an end', async (t) => {
  const storage = faultyStorage(memoryStorage())
  const db = new CairnLevel('x', { ...QUIET, storage })
  await fill(db, 20)
  const warned = new Promise<Error>((resolve) => db.once('warning', resolve))
  storage.rule = { operation: 'create', file: /\.ldb$/, forGood: true }
  await t.rejects(db.flush(), { code: 'LEVEL_IO_ERROR' })
  t.match(await warned, { code: 'CAIRN_IO' })
  t.match(db.stats().lastError, { code: 'CAIRN_IO' })
  storage.rule = undefined
  t.equal((await db.keys().all()).length, 20)
  await db.close()
  await db.open()
  t.equal((await db.keys().all()).length, 20)
  await db.close()
})

eachPlane(t, 'await using closes the store', async (t) => {
  const db = new CairnLevel(freshPath(), QUIET)
  await db.open()
  await db[Symbol.asyncDispose]()
  t.equal(db.status, 'closed')
})

/** Runs a module with CairnLevel, `path` and `gc` at hand in a process of its own. */
function run(path: string, body: string): { status: number | null; output: string } {
  const library = new URL('../../lib/index.js', import.meta.url).href
  const source = `import { CairnLevel } from ${JSON.stringify(library)}
    const path = ${JSON.stringify(path)}
    ${body}`
  const flags = ['--expose-gc', '--input-type=module', '-e', source]
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

eachPlane(t, 'handles that nobody keeps neither crash nor hold up the process', (t) => {
  const path = freshPath()
  const { status, output } = run(
    path,
    `const db = new CairnLevel(path)
     const operation = (_, i) => ({ type: 'put', key: 'k' + i, value: 'v' })
     await db.batch(Array.from({ length: 5000 }, operation))
     for (let i = 0; i < 50; i++) {
       const [, value] = await db.iterator().next()
       const values = await db.values({ valueEncoding: 'buffer' }).nextv(10)
       db.snapshot()
       db.batch().put('x', 'y')
       db.sublevel('z')
       db.keys({ reverse: true }).next()
       gc()
       if (value !== 'v' || values[9].toString() !== 'v') throw new Error('wrong')
     }
     console.log('done')`,
  )
  t.match(output, /^done\n$/)
  t.equal(status, 0, 'and an open store does not keep the process alive')
  t.ok(statSync(path).isDirectory())
  const after = run(path, `console.log(await new CairnLevel(path).get('k7'))`)
  t.match(after, { status: 0, output: 'v\n' }, 'what was acknowledged is there')
  t.end()
})

eachPlane(t, 'process.exit and an uncaught error leave a store that opens', async (t) => {
  const path = freshPath()
  for (const [end, code] of [
    ['process.exit(7)', 7],
    ["throw new Error('x')", 1],
    ["process.kill(process.pid, 'SIGKILL')", null],
  ] as const) {
    const { status } = run(
      path,
      `const db = new CairnLevel(path)
       await db.put('key', 'value')
       for (let i = 0; i < 16; i++) db.put('more ' + i, 'x'.repeat(10000), { sync: true })
       ${end}`,
    )
    t.equal(status, code)
    const db = new CairnLevel(path, QUIET)
    t.equal(await db.get('key'), 'value')
    t.ok((await db.verify()).ok)
    await db.close()
  }
})

eachPlane(t, 'what a read is not to cache is not cached, however large', async (t) => {
  const db = new CairnLevel(freshPath(), { infoLog: false })
  t.teardown(() => db.close())
  for (const length of [100, 10_000, 100_000]) await db.put(`${length}`, 'v'.repeat(length))
  await db.flush()
  for (const length of [100, 10_000, 100_000]) {
    const value = db.getSync(`${length}`, { fillCache: false })
    t.equal(value?.length, length)
    t.equal(db.stats().cachedBlockBytes, 0)
  }
  t.equal(db.getSync('100000')?.length, 100_000)
  t.ok(db.stats().cachedBlockBytes > 100_000)
})
