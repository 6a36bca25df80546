/**
 * Writing and reading by every way of CairnLevel: direct, through hooks, batches, sublevels.
 */
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/index.js'
import type { DatabaseOptions } from '../../lib/index.js'
import { memoryStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import { freshPath } from '../support/directory.js'
import { faultyStorage } from '../support/faulty.js'
import { eachPlane, quickStore } from '../support/planes.js'

async function open<K = string, V = string>(
  t: Test,
  options: DatabaseOptions<K, V> = {},
): Promise<CairnLevel<K, V>> {
  const db = new CairnLevel<K, V>(freshPath(), { ...quickStore(), ...options })
  t.teardown(() => db.close())
  await db.open()
  return db
}

eachPlane(t, 'the manifest is a superset of the one of classic-level', async (t) => {
  const db = await open(t)
  t.match(db.supports, {
    encodings: { buffer: true, utf8: true, view: true },
    has: true,
    getSync: true,
    createIfMissing: true,
    errorIfExists: true,
    implicitSnapshots: true,
    explicitSnapshots: true,
    deferredOpen: true,
    seek: true,
    permanence: true,
    additionalMethods: { approximateSize: true, compactRange: true },
    signals: { iterators: true },
  })
  for (const [name, there] of Object.entries(db.supports.additionalMethods))
    t.equal(typeof db[name as 'sync'], there ? 'function' : 'undefined', name)
})

eachPlane(t, 'both ways of writing leave the same', async (t) => {
  const direct = await open(t)
  const hooked = await open(t)
  hooked.hooks.prewrite.add(() => undefined)
  const heard = await open(t)
  const events: unknown[] = []
  heard.on('write', (operations) => events.push(operations))
  for (const db of [direct, hooked, heard]) {
    await db.put('a', '1')
    await db.put('b', '2', { sync: true })
    await db.del('a')
    await db.batch([
      { type: 'put', key: 'c', value: '3' },
      { type: 'del', key: 'b' },
      { type: 'put', key: 'd', value: '4', sync: true },
    ])
    await db.batch([{ type: 'put', key: 'e', value: '5' }], { sync: true })
    await db.batch().put('f', '6').del('c').clear().put('g', '7').write({ sync: true })
    await db.batch([])
    t.same(await db.iterator().all(), [
      ['c', '3'],
      ['d', '4'],
      ['e', '5'],
      ['g', '7'],
    ])
    await t.rejects(db.put(null as unknown as string, 'x'), { code: 'LEVEL_INVALID_KEY' })
    await t.rejects(db.put('x', undefined as unknown as string), { code: 'LEVEL_INVALID_VALUE' })
    await t.rejects(db.batch([{ type: 'put', key: 'x' }] as never), { code: 'LEVEL_INVALID_VALUE' })
    await t.rejects(db.batch([{ key: 'x', value: 'y' }] as never), TypeError)
    await t.rejects(db.batch('ab' as never), TypeError)
    await t.rejects(db.batch(undefined as never), TypeError)
    await t.rejects(db.batch([null] as never), Error)
    t.equal(await db.get('x'), undefined, 'a refused batch leaves no trace')
  }
  t.equal(events.length, 6)
})

/** Counts the syncs of journals that `run` makes. */
async function syncs(
  storage: Storage & { calls: { sync: number } },
  run: () => Promise<void>,
): Promise<number> {
  const before = storage.calls.sync
  await run()
  return storage.calls.sync - before
}

void t.test('a sync is made exactly when it is asked for', async (t) => {
  const storage = faultyStorage(memoryStorage())
  for (const hooked of [false, true]) {
    const db = new CairnLevel('x', { storage })
    if (hooked) db.hooks.prewrite.add(() => undefined)
    await db.open()
    await db.put('warm', 'up', { sync: true })
    const put = { type: 'put', key: 'k', value: 'v' } as const
    const sublevel = db.sublevel('sub')
    const sync = { sync: true }
    const asked: Record<string, () => Promise<void>> = {
      put: () => db.put('k', 'v', sync),
      del: () => db.del('k', sync),
      batch: () => db.batch([put, put], sync),
      'one operation of a batch': () => db.batch([put, { ...put, sync: true }]),
      'chained batch': () => db.batch().put('k', 'v').write(sync),
      'one operation of a chained batch': () =>
        db
          .batch()
          .put('k', 'v', sync as object)
          .write(),
      'put of a sublevel': () => sublevel.put('k', 'v', sync as object),
      'batch of a sublevel': () => sublevel.batch([put], sync as object),
      sync: () => db.put('k', 'v').then(() => db.sync()),
    }
    for (const [name, run] of Object.entries(asked))
      t.ok((await syncs(storage, run)) > 0, `${name} syncs, hooked: ${hooked}`)
    const unasked: Record<string, () => Promise<void>> = {
      put: () => db.put('k', 'v'),
      'put with options': () => db.put('k', 'v', { sync: false }),
      del: () => db.del('k'),
      batch: () => db.batch([put]),
      'chained batch': () => db.batch().put('k', 'v').write(),
      'cleared chained batch': () =>
        db
          .batch()
          .put('k', 'v', sync as object)
          .clear()
          .put('k', 'v')
          .write(),
    }
    for (const [name, run] of Object.entries(unasked))
      t.equal(await syncs(storage, run), 0, `${name} does not sync, hooked: ${hooked}`)
    await db.close()
  }
})

eachPlane(t, 'input bytes are taken at the call', async (t) => {
  const db = await open<Buffer, Buffer>(t, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  const key = Buffer.from('key')
  const value = Buffer.from('value')
  const writes = [db.put(key, value), db.batch([{ type: 'put', key, value }])]
  const chained = db.batch().put(key, value)
  key.fill(0)
  value.fill(0)
  await Promise.all([...writes, chained.write()])
  const entries = await db.iterator().all()
  t.same(
    entries.map(([k, v]) => `${k.toString()} ${v.toString()}`),
    ['key value'],
  )
  const reading = db.get(Buffer.from('key'))
  const got = await reading
  got!.fill(0)
  t.equal((await db.get(Buffer.from('key')))?.toString(), 'value', 'and values are copies')
})

eachPlane(t, 'hostile keys come back as they are', async (t) => {
  const keys = [
    '', ' ', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '\0', 'a\0b', '\uffff',
    '../../etc/passwd', 'CON', '😀', 'é', 'e\u0301', 'x'.repeat(65_536), '!sub!key', '\x7f',
  ] // prettier-ignore
  const db = await open(t)
  const model: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [i, key] of keys.entries()) {
    await db.put(key, String(i))
    model[key] = String(i)
  }
  const check = async (): Promise<void> => {
    for (const key of keys) {
      t.equal(await db.get(key), model[key])
      t.equal(db.getSync(key), model[key])
      t.ok(await db.has(key))
    }
    t.same(
      await db.getMany(keys),
      keys.map((key) => model[key]),
    )
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    t.same(await db.keys().all(), sorted)
    const buffers = await db.keys<Buffer>({ keyEncoding: 'buffer' }).all()
    t.same(buffers.map(String), sorted)
  }
  await check()
  await db.flush()
  await check()
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

eachPlane(t, 'lone surrogates become U+FFFD, as Buffer does it', async (t) => {
  const db = await open(t)
  const lone = ['\ud800', '\udfff', 'a\ud83d', `${'long '.repeat(30)}\udc00`]
  for (const [i, text] of lone.entries()) {
    await db.put(text, `${i} ${text}`)
    const expected = Buffer.from(`${i} ${text}`).toString()
    t.equal(await db.get(text), expected)
    t.equal(await db.get(Buffer.from(text).toString()), expected, 'the same key')
    t.equal(db.getSync(text), expected)
    t.ok(await db.has(text))
  }
})

eachPlane(t, 'encodings', async (t) => {
  const json = await open<string, unknown>(t, { valueEncoding: 'json' })
  for (const value of [{ a: [1, null] }, 'text', 5, false]) {
    await json.put('key', value)
    t.same(await json.get('key'), value)
    t.same(json.getSync('key'), value)
    t.same(await json.getMany(['key', 'none']), [value, undefined])
    t.same(await json.values().all(), [value])
  }
  await json.put('bad', '{', { valueEncoding: 'utf8' })
  await t.rejects(json.get('bad'), { code: 'LEVEL_DECODE_ERROR' })
  const custom = {
    name: 'utf8',
    format: 'utf8' as const,
    encode: (value: unknown) => `<${String(value)}>`,
    decode: (text: string) => text.slice(1, -1),
  }
  const db = await open<string, string>(t, { keyEncoding: custom, valueEncoding: custom })
  await db.put('k', 'v')
  t.equal(await db.get('k'), 'v')
  const raw = db.iterator<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' })
  t.same(String(await raw.next()), '<k>,<v>', 'an encoding may have the name of another')
  const views = await open<Uint8Array, Uint8Array>(t, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  })
  await views.put(Uint8Array.of(1, 2), Uint8Array.of(3))
  const got = await views.get(Uint8Array.of(1, 2))
  t.ok(got instanceof Uint8Array && !Buffer.isBuffer(got))
  t.same([...got!], [3])
  t.same([...views.getSync(Buffer.of(1, 2))!], [3])
  t.same(await views.has(Uint8Array.of(1)), false)
})

eachPlane(t, 'snapshots, explicit and implicit', async (t) => {
  const db = await open(t, { writeBufferSize: 512, blockSize: 64 })
  const at: [snapshot: ReturnType<typeof db.snapshot>, expected: string][] = []
  for (let i = 0; i < 30; i++) {
    await db.put('key', `value ${i}`)
    await db.put(`other ${i}`, 'x'.repeat(100))
    if (i % 5 === 0) at.push([db.snapshot(), `value ${i}`])
  }
  const reads = [db.get('key'), db.getMany(['key']), db.iterator({ gte: 'key', lt: 'l' }).all()]
  const written = db.put('key', 'late')
  t.same(await Promise.all(reads), ['value 29', ['value 29'], [['key', 'value 29']]])
  await written
  await db.compactRange(null, null)
  for (const [snapshot, expected] of at) {
    t.equal(await db.get('key', { snapshot }), expected)
    t.equal(db.getSync('key', { snapshot }), expected)
    t.same(await db.getMany(['key', 'other 29'], { snapshot }), [expected, undefined])
    t.same(await db.hasMany(['key', 'other 29'], { snapshot }), [true, false])
    t.equal(await db.has('other 29', { snapshot }), false)
    t.equal(await db.values({ snapshot, gte: 'key', lt: 'l' }).next(), expected)
  }
  const [first] = at
  await db.clear({ snapshot: first![0] })
  t.equal(await db.get('key'), undefined)
  t.equal((await db.keys().all()).length, 29, 'only what the snapshot had is gone')
  t.equal(await db.get('key', { snapshot: first![0] }), first![1])
  const other = await open(t)
  const foreign = other.snapshot()
  await t.rejects(db.get('key', { snapshot: foreign }), TypeError)
  await t.rejects(db.has('key', { snapshot: foreign }), TypeError)
  await t.rejects(db.clear({ snapshot: foreign }), TypeError)
  t.throws(() => db.getSync('key', { snapshot: foreign }), TypeError)
  t.throws(() => db.iterator({ snapshot: foreign }), TypeError)
  const sublevel = db.sublevel('sub')
  await sublevel.put('a', '1')
  const inner = sublevel.snapshot()
  await sublevel.put('a', '2')
  t.equal(await sublevel.get('a', { snapshot: inner }), '1')
  for (const [snapshot] of at) await snapshot.close()
  await inner.close()
  t.equal(db.stats().aliveSnapshots, 0)
  await t.rejects(db.get('key', { snapshot: first![0] }), { code: 'LEVEL_SNAPSHOT_NOT_OPEN' })
})

eachPlane(t, 'sublevels, of this store and of another', async (t) => {
  const db = await open(t)
  const other = await open(t)
  const sublevel = db.sublevel('one')
  const nested = sublevel.sublevel('two')
  await db.batch([
    { type: 'put', key: 'a', value: '1', sublevel },
    { type: 'put', key: 'b', value: '2', sublevel: nested as never },
    { type: 'put', key: 'c', value: '3' },
  ])
  await db.batch().put('d', '4', { sublevel }).write()
  t.same(await db.keys().all(), ['!one!!two!b', '!one!a', '!one!d', 'c'])
  const stranger = other.sublevel('one') as never
  const operation = { type: 'put', key: 'x', value: 'y', sublevel: stranger } as const
  await t.rejects(db.batch([operation]), TypeError)
  t.throws(() => db.batch().put('x', 'y', { sublevel: stranger }), TypeError)
  t.equal((await db.keys().all()).length, 4, 'nothing was written to the root')
  await sublevel.clear()
  t.same(await db.keys().all(), ['c'])
})

eachPlane(t, 'clear takes ranges and limits', async (t) => {
  const keys = Array.from({ length: 50 }, (_, i) => String(i).padStart(2, '0'))
  for (const [options, left] of [
    [{}, []],
    [{ gte: '10' }, keys.slice(0, 10)],
    [{ gt: '10', lt: '20' }, [...keys.slice(0, 11), ...keys.slice(20)]],
    [{ limit: 7 }, keys.slice(7)],
    [{ limit: 7, reverse: true }, keys.slice(0, 43)],
    [{ limit: 0 }, keys],
  ] as const) {
    const db = await open(t, { writeBufferSize: 256 })
    await db.batch(keys.map((key) => ({ type: 'put', key, value: 'x' })))
    await db.clear(options)
    t.same(await db.keys().all(), left)
  }
})
