/**
 * Iterators of CairnLevel: pages, high-water mark, seeks, encodings, aborts, and what is kept.
 */
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/index.js'
import type { DatabaseOptions } from '../../lib/index.js'
import { freshPath } from '../support/directory.js'
import { eachPlane, freshStorage, quickStore } from '../support/planes.js'

type Options = DatabaseOptions<string, string>
type Rows = ReturnType<CairnLevel['keys']>

async function open(t: Test, options: Options = {}): Promise<CairnLevel> {
  const db = new CairnLevel(freshPath(), { ...quickStore(), ...options })
  t.teardown(() => db.close())
  await db.open()
  return db
}

/** Keys `k000`, ... with values of so many bytes; half of them in tables. */
async function fill(db: CairnLevel, count: number, valueBytes: number): Promise<void> {
  const name = (i: number): string => `k${String(i).padStart(6, '0')}`
  for (const odd of [0, 1]) {
    const batch = db.batch()
    for (let i = odd; i < count; i += 2) batch.put(name(i), 'v'.repeat(valueBytes))
    await batch.write()
    if (odd === 0) await db.flush()
  }
}

eachPlane(t, 'nextv stops behind the entry that exceeds highWaterMarkBytes', async (t) => {
  const db = await open(t)
  await fill(db, 100, 93) // 100 bytes an entry
  for (const reverse of [false, true]) {
    for (const [highWaterMarkBytes, expected] of [
      [0, 1],
      [99, 1],
      [100, 2],
      [150, 2],
      [199, 2],
      [200, 3],
      [1000, 11],
      [2 ** 32 - 1, 50],
    ] as const) {
      const iterator = db.iterator({ highWaterMarkBytes, reverse })
      t.equal((await iterator.nextv(50)).length, expected, `${highWaterMarkBytes} bytes`)
      await iterator.close()
    }
    const keys = db.keys({ highWaterMarkBytes: 70, reverse })
    t.equal((await keys.nextv(50)).length, 11, 'of keys alone')
    const values = db.values({ highWaterMarkBytes: 93 * 5 - 1, reverse })
    t.equal((await values.nextv(50)).length, 5, 'of values alone')
    t.equal((await values.nextv(2)).length, 2)
  }
  t.equal((await db.iterator().nextv(1000)).length, 100, 'the default is 16 KiB')
  for (const value of ['1', null, true])
    t.throws(() => db.iterator({ highWaterMarkBytes: value as never }), TypeError)
  for (const value of [-1, 1.5, NaN, Infinity])
    t.throws(() => db.iterator({ highWaterMarkBytes: value }), RangeError)
})

eachPlane(t, 'next() and nextv() take turns, with limits', async (t) => {
  const db = await open(t)
  await fill(db, 2500, 3)
  const all = await db.keys().all()
  t.equal(all.length, 2500)
  for (const limit of [0, 1, 2, 1000, 1001, 2499, 5000]) {
    const iterator = db.keys({ limit })
    const got: string[] = []
    for (let turn = 0; ; turn++) {
      if (turn % 3 === 0) {
        const rows = await iterator.nextv(turn)
        if (rows.length === 0) break
        got.push(...rows)
      } else {
        const row = await iterator.next()
        if (row === undefined) break
        got.push(row)
      }
    }
    t.same(got, all.slice(0, limit), `limit ${limit}`)
    await iterator.close()
  }
})

eachPlane(t, 'large entries pass through small pages', async (t) => {
  const db = await open(t)
  const sizes = [0, 1, 1023, 1024, 16384, 65536, 65537, 3_000_000]
  for (const size of sizes) await db.put(`key ${sizes.indexOf(size)}`, 'x'.repeat(size))
  await db.put('', 'empty key')
  const lengths = (rows: string[]): number[] => rows.map((value) => value.length)
  t.same(lengths(await db.values({ gt: '' }).all()), sizes)
  t.same(lengths(await db.values({ gt: '', reverse: true }).all()), [...sizes].reverse())
  t.same(lengths(await db.values({ gt: '', highWaterMarkBytes: 0 }).all()), sizes)
  t.equal(await db.keys().next(), '')
  const one = db.iterator({ gt: '', limit: 3 })
  for (let i = 0; i < 3; i++) t.equal((await one.next())?.[1].length, sizes[i])
  t.equal(await one.next(), undefined)
})

eachPlane(t, 'seek within and outside of the range, both ways', async (t) => {
  const db = await open(t)
  await fill(db, 1000, 10)
  const range = { gt: 'k000100', lte: 'k000200' }
  const forward = db.keys(range)
  for (const [target, expected] of [
    ['k000150', 'k000150'],
    ['k0001505', 'k000151'],
    ['k000100', undefined],
    ['k000200', 'k000200'],
    ['k0002005', undefined],
    ['', undefined],
    ['k000101', 'k000101'],
  ] as const) {
    forward.seek(target)
    t.equal(await forward.next(), expected, `forward ${target}`)
    if (expected !== undefined && expected !== 'k000200') t.ok(await forward.next())
  }
  const reverse = db.keys({ ...range, reverse: true })
  for (const [target, expected] of [
    ['k000150', 'k000150'],
    ['k0001505', 'k000150'],
    ['k000101', 'k000101'],
    ['k000100', undefined],
    ['z', undefined],
    ['k000200', 'k000200'],
  ] as const) {
    reverse.seek(target)
    t.equal(await reverse.next(), expected, `reverse ${target}`)
  }
  reverse.seek('k000103')
  t.same(await reverse.nextv(10), ['k000103', 'k000102', 'k000101'])
})

eachPlane(t, 'every encoding gives what was put, ASCII or not', async (t) => {
  const texts = ['plain', 'ä', '€uro', '😀', '\0', 'x'.repeat(40), 'ünïcödé '.repeat(9), '\x7f']
  const rows = texts.map((text, i) => [`${i} ${text}`, `${text} value`] as [string, string])
  for (const some of [rows, rows.slice(0, 1), rows.filter(([key]) => /^[\0-\x7f]*$/.test(key))]) {
    const db = await open(t)
    await db.batch(some.map(([key, value]) => ({ type: 'put', key, value })))
    t.same(await db.iterator().all(), some)
    for (const format of ['buffer', 'view'] as const) {
      const decode = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
      const options = { keyEncoding: format, valueEncoding: format }
      const entries = await db.iterator<Uint8Array, Uint8Array>(options).all()
      t.same(
        entries.map(([key, value]) => [decode(key), decode(value)]),
        some,
      )
      t.ok(entries.every(([key]) => Buffer.isBuffer(key) === (format === 'buffer')))
      const mixed = await db.iterator<string, Uint8Array>({ valueEncoding: format }).all()
      t.same(
        mixed.map(([key, value]) => [key, decode(value)]),
        some,
      )
      const values = await db.values<string, Uint8Array>({ valueEncoding: format }).all()
      t.same(
        values.map(decode),
        some.map(([, value]) => value),
      )
    }
    t.same(
      await db.iterator({ keys: false }).all(),
      some.map(([, value]) => [undefined, value]),
    )
    t.same(
      await db.iterator({ values: false }).nextv(100),
      some.map(([key]) => [key, undefined]),
    )
    t.same(
      await db.iterator({ keys: false, values: false }).all(),
      some.map(() => [undefined, undefined]),
    )
  }
})

eachPlane(t, 'bytes that are no UTF-8 come as Buffer.toString gives them', async (t) => {
  const db = await open(t)
  const values = ['ff', 'c3', 'a9', 'e282', 'ac', 'eda080', 'f09f98', '80', '61'].map((hex) =>
    Buffer.from(hex, 'hex'),
  )
  for (const [i, value] of values.entries())
    await db.put(String(i), value, { valueEncoding: 'buffer' })
  const expected = values.map((value) => value.toString())
  t.same(await db.values().all(), expected, 'neighbours in a page do not join')
  t.same(await db.getMany(values.map((_, i) => String(i))), expected)
})

eachPlane(t, 'rows are the own memory of the caller', async (t) => {
  const db = await open(t)
  await fill(db, 300, 100)
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
  const iterator = db.iterator<Buffer, Buffer>(options)
  const kept: [Buffer, Buffer][] = []
  for await (const row of iterator) kept.push(row)
  t.equal(kept.length, 300)
  const before = kept.map(([key, value]) => `${key.toString()} ${value.toString()}`)
  for (const [, value] of kept.slice(0, 100)) value.fill(0)
  await db.iterator(options).all()
  t.same(
    kept.slice(100).map(([key, value]) => `${key.toString()} ${value.toString()}`),
    before.slice(100),
    'rows do not overlap, and later pages do not reuse their memory',
  )
  t.ok((await db.values().all()).every((value) => value === 'v'.repeat(100)))
  const [first] = await db.values<string, Buffer>({ limit: 1, valueEncoding: 'buffer' }).all()
  t.ok(first!.buffer.byteLength <= 8192, 'a lone row pins no large page')
})

eachPlane(t, 'bounds are those of the call', async (t) => {
  const db = await open(t)
  await fill(db, 10, 1)
  const gte = Buffer.from('k000005')
  const keys = db.keys({ gte, keyEncoding: 'buffer' })
  gte.fill('z')
  t.equal((await keys.all()).length, 5)
})

eachPlane(t, 'a deferred iterator sees what was there when the store opened', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const first = new CairnLevel('x', { storage })
  await first.put('a', '1')
  await first.close()
  const db = new CairnLevel('x', { storage })
  const iterator = db.iterator()
  const put = db.put('b', '2')
  t.same(await iterator.all(), [['a', '1']])
  await put
  await db.close()
})

eachPlane(t, 'a signal stops a walk', async (t) => {
  const db = await open(t)
  await fill(db, 5000, 100)
  for (const kind of ['iterator', 'keys', 'values'] as const) {
    const open = (signal: AbortSignal): Rows => db[kind as 'keys']({ signal })
    const controller = new AbortController()
    const iterator = open(controller.signal)
    let rows = 0
    const walk = (async () => {
      for await (const _ of iterator) if (++rows === 1500) controller.abort()
    })()
    await t.rejects(walk, { code: 'LEVEL_ABORTED', name: 'AbortError' })
    t.equal(rows, 1500)
    await t.rejects(iterator.next(), { code: 'LEVEL_ITERATOR_NOT_OPEN' })
    const reading = open(AbortSignal.abort())
    await t.rejects(reading.nextv(5), { code: 'LEVEL_ABORTED' })
    await reading.close()
  }
  t.equal(db.stats().aliveIterators, 0)
})

eachPlane(t, 'timers run while everything is walked', async (t) => {
  const db = await open(t)
  await fill(db, 20_000, 50)
  let turns = 0
  let walking = true
  const tick = (): void => {
    turns++
    if (walking) setImmediate(tick)
  }
  setImmediate(tick)
  const started = performance.now()
  let rows = 0
  while (performance.now() - started < 100) for await (const _ of db.iterator()) rows++
  const whole = await db.iterator({ highWaterMarkBytes: 2 ** 30 }).nextv(1_000_000)
  t.equal(whole.length, 20_000, 'all in one piece')
  walking = false
  t.ok(rows >= 20_000)
  t.ok(turns > 1, `${turns} turns of the event loop`)
})

eachPlane(t, 'unclosed handles are closed with the store', async (t) => {
  const db = new CairnLevel(freshPath())
  await db.open()
  await fill(db, 100, 10)
  const iterators = [db.iterator(), db.keys({ reverse: true }), db.values()]
  await Promise.all(iterators.map((iterator) => (iterator as Rows).next()))
  const snapshot = db.snapshot()
  const batch = db.batch().put('x', 'y')
  t.match(db.stats(), { aliveIterators: 3, aliveSnapshots: 1 })
  await db.close()
  await t.rejects((iterators[0] as Rows).next(), { code: 'LEVEL_ITERATOR_NOT_OPEN' })
  t.throws(() => batch.put('z', ''), { code: 'LEVEL_BATCH_NOT_OPEN' })
  t.throws(() => snapshot.ref(), { code: 'LEVEL_SNAPSHOT_NOT_OPEN' })
  await db.open()
  t.match(db.stats(), { aliveIterators: 0, aliveSnapshots: 0 })
  t.equal(await db.get('x'), undefined)
  await db.close()
})
