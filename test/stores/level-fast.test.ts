/**
 * The direct ways of CairnLevel against the one through abstract-level: for the same calls the
 * same outcome, whatever the encodings, arguments, hooks and listeners.
 */
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/index.js'
import { freshPath } from '../support/directory.js'
import { LongWayLevel } from '../support/long-way.js'

type AnyLevel = CairnLevel<unknown, unknown>
type Rows = ReturnType<AnyLevel['keys']>
type AnyOptions = Record<string, unknown>

/** The same store twice: with the direct ways, and with the long one alone. */
async function openBoth(t: Test, options: AnyOptions = {}): Promise<[AnyLevel, AnyLevel]> {
  const all = { storage: 'memory', infoLog: false, ...options } as never
  const both: [AnyLevel, AnyLevel] = [
    new CairnLevel<unknown, unknown>(freshPath(), all),
    new LongWayLevel<unknown, unknown>(freshPath(), all),
  ]
  t.teardown(() => Promise.all(both.map((db) => db.close())))
  await Promise.all(both.map((db) => db.open()))
  return both
}

/** What a call gives or how it fails, comparable. */
async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return { gives: await run() }
  } catch (error) {
    const { code, message, cause } = error as Error & { code?: unknown }
    const inner = (cause as { code?: unknown } | undefined)?.code
    return { code, message, inner, isType: error instanceof TypeError }
  }
}

const CUSTOM = {
  name: 'upper',
  format: 'utf8',
  encode: (data: unknown) => String(data).toUpperCase(),
  decode: (text: string) => `<${text}>`,
}
const ENCODINGS = [undefined, 'utf8', 'buffer', 'view', 'json', 'hex', 'utf-8', 'binary', CUSTOM]
const DATA = [
  'text',
  '',
  'ünï😀',
  'x'.repeat(200),
  Buffer.from('bytes'),
  new Uint8Array([1, 255, 3]),
  17,
  true,
  { a: 1 },
  null,
  undefined,
]

void t.test('every encoding with every kind of data', async (t) => {
  for (const keyEncoding of ENCODINGS) {
    for (const valueEncoding of ENCODINGS) {
      const encodings = {
        ...(keyEncoding !== undefined && { keyEncoding }),
        ...(valueEncoding !== undefined && { valueEncoding }),
      }
      // Once as defaults of the store, once with each call.
      for (const [options, call] of [
        [encodings, undefined],
        [{}, encodings],
      ] as const) {
        const [direct, long] = await openBoth(t, options)
        const results = await Promise.all([calls(direct, call), calls(long, call)])
        const shown = [keyEncoding, valueEncoding].map((name) => (name as string) ?? 'default')
        t.strictSame(results[0], results[1], `${shown.join()} ${call ? 'per call' : 'default'}`)
        await Promise.all([direct.close(), long.close()])
      }
    }
  }
})

async function calls(db: AnyLevel, options: AnyOptions | undefined): Promise<unknown[]> {
  const results: unknown[] = []
  const note = async (run: () => unknown): Promise<void> => {
    results.push(await outcome(run))
  }
  const given = options as never
  for (const [i, key] of DATA.entries()) {
    const value = DATA[(i * 7 + 3) % DATA.length]
    await note(() => db.put(key, value, given))
    await note(() => db.get(key, given))
    await note(() => db.getSync(key, given))
    await note(() => db.has(key, given))
    await note(() => db.del(key, given))
    await note(() => db.get(key, given))
    const put = { type: 'put', key, value }
    await note(() => db.batch([put, { type: 'put', key: 'k', value: 'v' }] as never, given))
    await note(() => db.batch([put, { type: 'del', key: 'k' }] as never, given))
    await note(() => db.getMany([key, 'k', key], given))
  }
  const open = (kind: 'iterator' | 'keys' | 'values'): Rows => db[kind as 'keys'](given)
  for (const kind of ['iterator', 'keys', 'values'] as const) {
    await note(() => open(kind).all())
    await note(() => open(kind).nextv(3))
    await note(async () => {
      const rows: unknown[] = []
      for await (const row of open(kind) as AsyncIterable<unknown>) rows.push(row)
      return rows
    })
  }
  return results
}

const JSON_VALUES = { valueEncoding: 'json' } as never

const PUT = { type: 'put', key: 'a', value: '1' }

const ODD_CALLS: readonly ((db: AnyLevel) => unknown)[] = [
  (db) => db.put('a', '1', 'no object' as never),
  (db) => db.put('a', '1', null as never),
  (db) => db.put('a', '1', { keyEncoding: 'none' }),
  (db) => db.put('a', '1', { keyEncoding: '' }),
  (db) => db.put('a', '1', { keyEncoding: 5 } as never),
  (db) => db.put('a', '1', { valueEncoding: null } as never),
  (db) => db.get('a', 7 as never),
  (db) => db.get('a', { keyEncoding: db.keyEncoding('buffer') } as never),
  (db) => db.get('a', { valueEncoding: db.valueEncoding('buffer') } as never),
  (db) => db.get('a', { fillCache: false }),
  (db) => db.get('a', { snapshot: {} } as never),
  (db) => db.getSync('a', { snapshot: {} } as never),
  (db) => db.has('a', { snapshot: {} } as never),
  (db) => db.getMany(['a'], { snapshot: {} } as never),
  (db) => db.getMany('a' as never),
  (db) => db.getMany([]),
  (db) => db.getMany(['a', null]),
  (db) => db.getMany(['a', 'b', 'a'], { valueEncoding: 'view' }),
  (db) => db.batch([]),
  (db) => db.batch('no array' as never),
  (db) => db.batch(undefined as never),
  (db) => db.batch([null] as never),
  (db) => db.batch(['text'] as never),
  (db) => db.batch([{ type: 'foo', key: 'a' }] as never),
  (db) => db.batch([PUT, { type: 'put', key: 'b' }] as never),
  (db) => db.get('b'),
  (db) => db.batch([PUT, { type: 'del', key: null }] as never),
  (db) => db.batch([{ ...PUT, sublevel: {} }] as never),
  (db) => db.batch([{ key: 'c', value: '3' }] as never, { type: 'put' } as never),
  (db) => db.get('c'),
  (db) => db.batch([{ ...PUT, key: 'd', valueEncoding: 'json' }] as never),
  (db) => db.get('d'),
  (db) => db.batch([{ ...PUT, key: 'e', valueEncoding: undefined }] as never, JSON_VALUES),
  (db) => db.get('e'),
  (db) => db.batch([{ ...PUT, key: 'f' }] as never, JSON_VALUES),
  (db) => db.get('f'),
  (db) => db.batch([{ ...PUT, key: 'g', valueEncoding: 'buffer' }] as never),
  (db) => db.get('g'),
  (db) => db.iterator({ keyEncoding: 'none' } as never).next(),
  (db) => db.iterator().nextv(1.5),
  (db) => db.iterator().nextv('1' as never),
  (db) => db.iterator().nextv(-3),
  (db) => db.iterator({ limit: 2 }).nextv(10),
  (db) => db.values({ keyEncoding: 'json' }).all(),
]

void t.test('arguments that are wrong, odd or special', async (t) => {
  const [direct, long] = await openBoth(t)
  for (const script of ODD_CALLS)
    t.strictSame(
      await outcome(() => script(direct)),
      await outcome(() => script(long)),
      script.toString(),
    )
  await Promise.all([direct.close(), long.close()])
  const closed: ((db: AnyLevel) => unknown)[] = [
    (db) => db.put('a', '1'),
    (db) => db.put(null, '1'),
    (db) => db.del('a'),
    (db) => db.get('a'),
    (db) => db.getSync('a'),
    (db) => db.getSync(null),
    (db) => db.has('a'),
    (db) => db.getMany(['a']),
    (db) => db.getMany([]),
    (db) => db.batch([PUT] as never),
    (db) => db.batch([]),
    (db) => db.iterator(),
  ]
  for (const script of closed)
    t.strictSame(
      await outcome(() => script(direct)),
      await outcome(() => script(long)),
      script.toString(),
    )
})

void t.test('calls while the store opens and closes are those of abstract-level', async (t) => {
  const results = []
  for (const Kind of [CairnLevel, LongWayLevel]) {
    const db = new Kind<string, string>(freshPath(), { storage: 'memory' })
    const run = [
      outcome(() => db.put('a', '1')),
      outcome(() => db.batch([{ type: 'put', key: 'b', value: '2' }])),
      outcome(() => db.get('a')),
      outcome(() => db.getSync('a')),
      outcome(() => db.getMany(['a', 'b'])),
      outcome(() => db.has('b')),
      outcome(() => db.iterator().all()),
    ]
    const opened = await Promise.all(run)
    const closing = db.close()
    const late = [outcome(() => db.put('c', '3')), outcome(() => db.get('a'))]
    results.push([opened, await Promise.all(late)])
    await closing
  }
  t.strictSame(results[0], results[1])
})

void t.test('hooks and listeners see every write', async (t) => {
  const seen: unknown[][] = []
  for (const db of await openBoth(t)) {
    const events: unknown[] = []
    seen.push(events)
    const writes = async (name: string): Promise<void> => {
      await db.put(`${name} put`, '1')
      await db.batch([{ type: 'put', key: `${name} batch`, value: '2' }])
      await db.del(`${name} put`)
    }
    const listen = (ops: object[]): void => {
      events.push(ops.map((op) => ({ ...op, keyEncoding: 0, valueEncoding: 0 })))
    }
    const hook = (op: { key: unknown }, batch: { add: (op: object) => void }): void => {
      batch.add({ type: 'put', key: `hook of ${String(op.key)}`, value: 'h' })
    }
    await writes('nobody')
    db.on('write', listen)
    await writes('listener')
    db.hooks.prewrite.add(hook as never)
    await writes('both')
    db.off('write', listen)
    await writes('hook')
    db.hooks.prewrite.delete(hook as never)
    await writes('nobody again')
    events.push(await db.iterator().all())
  }
  t.equal(seen[0]!.length, 7)
  t.strictSame(seen[0], seen[1])
})

void t.test('sublevels over either way', async (t) => {
  const seen = []
  for (const db of await openBoth(t)) {
    const names = db.sublevel<string, string>('names', {})
    const blobs = db.sublevel<string, Uint8Array>('blobs', { valueEncoding: 'view' })
    await names.put('a', '1')
    await names.batch([
      { type: 'put', key: 'b', value: '2' },
      { type: 'put', key: 'x', value: new Uint8Array([9]), sublevel: blobs },
    ] as never)
    await db.batch([{ type: 'put', key: 'c', value: '3', sublevel: names }] as never)
    seen.push([
      await db.iterator().all(),
      await names.getMany(['a', 'b', 'c', 'd']),
      names.getSync('c'),
      await names.has('z'),
      await blobs.get('x'),
      await names.keys({ reverse: true }).all(),
    ])
  }
  t.strictSame(seen[0], seen[1])
})

void t.test('writes of one turn share one promise, and its failure', async (t) => {
  const [db] = await openBoth(t)
  const first = db.put('a', '1')
  t.equal(db.put('b', '2', { sync: true }), first)
  t.equal(db.del('a'), first)
  t.equal(db.batch([{ type: 'put', key: 'c', value: '3' }]), first)
  await first
  await db.setReadOnly()
  const errors = await Promise.all(
    [db.put('x', ''), db.del('x'), db.batch([{ type: 'del', key: 'x' }])].map((write) =>
      write.then(
        () => undefined,
        (error: Error & { code: string }) => error.code,
      ),
    ),
  )
  t.strictSame(errors, ['LEVEL_READONLY', 'LEVEL_READONLY', 'LEVEL_READONLY'])
})

void t.test('timers run between writes that are awaited one at a time', async (t) => {
  const [db] = await openBoth(t)
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  // Were the event loop held, this would not end.
  while (turns < 5) await db.put('key', 'value')
  clearInterval(timer)
  t.pass('they do')
})

void t.test('kept values keep their bytes and pin little', async (t) => {
  const [db] = await openBoth(t, { keyEncoding: 'utf8', valueEncoding: 'buffer' })
  const sizes = [0, 1, 100, 2047, 2048, 2049, 5000, 65_535, 65_536, 65_537, 300_000]
  const key = (i: number): string => `key ${i} ${'k'.repeat((i * 37) % 300)}`
  for (const [i, size] of sizes.entries()) await db.put(key(i), Buffer.alloc(size, i + 1))
  const kept: [number, Uint8Array][] = []
  for (let round = 0; round < 60; round++) {
    for (const valueEncoding of ['buffer', 'view'] as const) {
      for (const i of sizes.keys()) {
        kept.push([i, db.getSync(key(i), { valueEncoding }) as Uint8Array])
        kept.push([i, (await db.get(key(i), { valueEncoding })) as Uint8Array])
      }
      const many = await db.getMany([...sizes.keys()].map(key), { valueEncoding })
      for (const [i, value] of many.entries()) kept.push([i, value as Uint8Array])
    }
  }
  const isSame = ([i, value]: [number, Uint8Array]): boolean =>
    value.length === sizes[i] && value.every((byte) => byte === i + 1)
  t.ok(kept.every(isSame), 'no read overwrites the value of another')
  for (const [i, value] of kept) if (i % 2 === 0) value.fill(0)
  t.ok(kept.filter(([i]) => i % 2 === 1).every(isSame), 'nor do they overlap')
  t.ok((db.getSync(key(2)) as Buffer).equals(Buffer.alloc(100, 3)), 'they are the own of callers')
  t.ok(kept.every(([, value]) => value.buffer.byteLength <= Math.max(value.length, 65_536)))
  t.ok(
    kept.every(([, value]) => value.length <= 2048 || value.buffer.byteLength === value.length),
    'a large value has memory of its own',
  )
  const texts = await db.getMany([...sizes.keys()].map(key), { valueEncoding: 'utf8' })
  t.strictSame(
    (texts as string[]).map((text) => text.length),
    sizes,
  )
  t.strictSame(Object.getPrototypeOf(kept[0]![1]), Buffer.prototype)
})
