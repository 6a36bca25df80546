/**
 * What each operation of DurableMap does, gives and refuses, also when many are called at once.
 */
import t from 'tap'
import { DurableMap } from '../../lib/stores/map/index.js'
import type { MapOptions } from '../../lib/stores/map/index.js'
import { freshPath } from '../support/directory.js'
import { eachPlane, quickStore } from '../support/planes.js'

type Texts = DurableMap<string, string>

function openTexts(options: MapOptions = {}): Promise<Texts> {
  const quick = { ...quickStore(), infoLog: false, valueEncoding: 'utf8' as const }
  return DurableMap.open<string, string>(freshPath(), { ...quick, ...options })
}

eachPlane(t, 'values come and go, and versions say when', async (t) => {
  const map = await openTexts()
  t.equal(map.get('a'), undefined)
  t.equal(map.version('a'), 0)
  t.equal(await map.set('a', 'one'), 1)
  t.equal(await map.set('b', 'two'), 2)
  t.equal(await map.set('a', 'three'), 3)
  t.equal(map.get('a'), 'three')
  t.equal(map.version('a'), 3)
  t.ok(map.has('b'))
  t.equal(map.size, 2)
  t.equal(await map.delete('b'), true)
  t.equal(await map.delete('b'), false, 'it is gone')
  t.notOk(map.has('b'))
  t.equal(await map.pop('a'), 'three')
  t.equal(await map.pop('a'), undefined)
  t.equal(map.size, 0)
  t.equal(await map.set('a', 'again'), 6, 'a version never comes back')
  await map.clear()
  t.equal(map.size, 0)
  await map.clear()
  await map.close()
})

eachPlane(t, 'conditions', async (t) => {
  const map = await openTexts()
  t.strictSame(await map.getOrSet('a', 'one'), { value: 'one', loaded: false })
  t.strictSame(await map.getOrSet('a', 'two'), { value: 'one', loaded: true })
  t.equal(await map.setIfAbsent('a', 'two'), false)
  t.equal(await map.setIfAbsent('b', 'two'), true)
  t.equal(await map.setIfPresent('c', 'three'), false)
  t.equal(await map.setIfPresent('b', 'three'), true)
  t.equal(await map.upsert('b', 'x', (had, value) => `${had}+${String(value)}`), 'three+x')
  t.equal(await map.upsert('d', 'x', () => 'never asked'), 'x')
  const seen: unknown[] = []
  const change = (to: string | undefined) => (value: string | undefined, exists: boolean) => {
    seen.push([value, exists])
    return to
  }
  t.equal(await map.update('d', change('y')), 'y')
  t.equal(await map.update('d', change(undefined)), undefined)
  t.equal(await map.update('d', change(undefined)), undefined, 'nothing to delete')
  t.strictSame(seen, [
    ['x', true],
    ['y', true],
    [undefined, false],
  ])
  t.strictSame([...map.entries()].sort(), [
    ['a', 'one'],
    ['b', 'three+x'],
  ])
  await map.close()
})

eachPlane(t, 'compare and set', async (t) => {
  const map = await openTexts()
  const first = await map.compareAndSet('a', 0, 'one')
  t.equal(first, map.version('a'))
  await t.rejects(map.compareAndSet('a', 0, 'two'), {
    code: 'CAIRN_CONFLICT',
    expected: 0,
    actual: first,
  })
  const second = await map.compareAndSet('a', first, 'two')
  await t.rejects(map.compareAndDelete('a', first), {
    code: 'CAIRN_CONFLICT',
    expected: first,
    actual: second,
  })
  t.equal(await map.compareAndDelete('a', second), true)
  t.equal(await map.compareAndDelete('a', 0), false)
  await map.set('a', 'again')
  await t.rejects(map.compareAndSet('a', second, 'stale'), { code: 'CAIRN_CONFLICT' })
  t.equal(map.get('a'), 'again', 'a key that was deleted and made again matches no old version')
  for (const wrong of [-1, 0.5, NaN, '1', undefined])
    await t.rejects(map.compareAndSet('a', wrong as number, 'x'), TypeError)
  await map.close()
})

eachPlane(
  t,
  'conditions are judged in the order of the calls, reads see what is settled',
  async (t) => {
    const map = await openTexts({ sync: 'always' })
    const results = [
      map.set('n', '0'),
      map.setIfAbsent('n', 'no'),
      map.update('n', (value) => `${Number(value) + 1}`),
      map.update('n', (value) => `${Number(value) + 1}`),
      map.compareAndSet('n', 3, 'compared'),
      map.compareAndSet('n', 3, 'stale').catch((error: { actual: number }) => error.actual),
      map.pop('n'),
      map.setIfPresent('n', 'no'),
      map.delete('n'),
      map.getOrSet('n', 'made'),
      map.clear().then(() => 'cleared'),
      map.setIfAbsent('n', 'last'),
    ]
    t.equal(map.size, 0, 'nothing is settled yet')
    t.equal(map.get('n'), undefined)
    t.strictSame(await Promise.all(results), [
      ...[1, false, '1', '2', 4, 4, 'compared', false, false],
      ...[{ value: 'made', loaded: false }, 'cleared', true],
    ])
    t.equal(map.get('n'), 'last')
    await map.close()
  },
)

eachPlane(t, 'many updates of one key all count', async (t) => {
  const map = await openTexts()
  const updates = Array.from({ length: 1000 }, () =>
    map.update('count', (value = '0') => `${Number(value) + 1}`),
  )
  await Promise.all(updates)
  t.equal(map.get('count'), '1000')
  await map.close()
})

eachPlane(t, 'a function that throws, or changes its own key, changes nothing more', async (t) => {
  const map = await openTexts()
  await map.set('a', 'one')
  const thrower = (): string => {
    throw new SyntaxError('mine')
  }
  await t.rejects(map.update('a', thrower), SyntaxError)
  await t.rejects(map.upsert('a', 'x', thrower), SyntaxError)
  await t.rejects(
    map.update('a', () => 5 as unknown as string),
    TypeError,
  )
  t.equal(map.version('a'), 1)
  const others = map.update('a', (value) => {
    void map.set('b', 'beside')
    return `${value}!`
  })
  t.equal(await others, 'one!', 'other keys are free')
  t.equal(map.get('b'), 'beside')
  let inner: Promise<number> | undefined
  const own = map.update('a', () => {
    inner = map.set('a', 'inner')
    return 'outer'
  })
  await t.rejects(own, { code: 'CAIRN_CONFLICT' })
  await inner
  t.equal(map.get('a'), 'inner')
  await t.rejects(map.update('a', undefined as never), TypeError)
  await t.rejects(map.upsert('a', 'x', null as never), TypeError)
  await map.close()
})

eachPlane(t, 'a batch is whole, in its order, and one group', async (t) => {
  const map = await openTexts()
  await map.set('gone', 'x')
  await map.batch([
    { type: 'set', key: 'a', value: '1' },
    { type: 'set', key: 'a', value: '2' },
    { type: 'delete', key: 'gone' },
    { type: 'delete', key: 'never there' },
    { type: 'set', key: 'b', value: '3' },
    { type: 'delete', key: 'b' },
    { type: 'set', key: 'b', value: '4' },
  ])
  t.strictSame([...map.entries()].sort(), [
    ['a', '2'],
    ['b', '4'],
  ])
  await map.batch([])
  const large = Array.from({ length: 5000 }, (_, i) => ({
    ...{ type: 'set' as const, key: `key${i}`, value: `${i}` },
  }))
  const { groups } = map.stats()
  await map.batch(large)
  t.equal(map.stats().groups, groups + 1)
  t.equal(map.size, 5002)
  for (const wrong of [
    [{ type: 'put', key: 'a', value: 'b' }],
    [{ type: 'set', key: 'a' }],
    [{ type: 'set', key: 5, value: 'b' }],
    [null],
    'operations',
  ])
    await t.rejects(map.batch(wrong as never), TypeError)
  await t.rejects(map.batch([...large.slice(0, 1), { type: 'set', key: '\ud800', value: '' }]))
  t.equal(map.size, 5002, 'a refused batch leaves no trace')
  await map.close()
})

eachPlane(t, 'iteration and range', async (t) => {
  const map = await openTexts({ shards: 2 })
  const expected = new Map<string, string>()
  for (let i = 0; i < 3000; i++) {
    void map.set(`key${i}`, `value${i}`)
    expected.set(`key${i}`, `value${i}`)
  }
  await map.sync()
  t.strictSame(new Map(map.entries()), expected)
  t.strictSame(new Map(map), expected)
  t.strictSame(new Set(map.keys()), new Set(expected.keys()))
  t.strictSame(new Set(map.values()), new Set(expected.values()))
  const visited: string[] = []
  t.equal(
    map.range((key) => void visited.push(key)),
    3000,
  )
  t.equal(new Set(visited).size, 3000)
  t.equal(
    map.range(() => false),
    1,
  )
  t.equal(
    map.range(() => true, { limit: 7 }),
    7,
  )
  t.equal(
    map.range(() => t.fail('nothing is visited'), { limit: 0 }),
    0,
  )
  t.throws(() => map.range(undefined as never), TypeError)
  t.throws(() => map.range(() => true, { limit: -1 }), RangeError)
  // What is written between two steps does not disturb the walk.
  const seen = new Set<string>()
  for (const key of map.keys()) {
    if (seen.has(key)) t.fail(`${key} twice`)
    seen.add(key)
    void map.set(`${key}-more`, 'x')
    if (seen.size % 500 === 0) await map.delete('key0')
  }
  t.ok([...expected.keys()].every((key) => seen.has(key) || key === 'key0'))
  await map.close()
})

eachPlane(t, 'the driver gives promises, and walks over one state', async (t) => {
  const map = await openTexts()
  const { driver } = map
  await driver.set('a', '1')
  await driver.batch([{ type: 'set', key: 'b', value: '2' }])
  t.equal(await driver.get('a'), '1')
  t.equal(await driver.has('c'), false)
  t.equal(await driver.version('b'), 2)
  t.equal(await driver.size(), 2)
  for (let i = 0; i < 100; i++) await driver.set(`more${i}`, 'x')
  const walked: string[] = []
  for await (const [key, value] of driver.entries()) {
    if (walked.push(key) === 1) {
      await map.clear()
      await map.set('late', 'x')
    }
    if (value === '') t.fail()
  }
  t.equal(walked.length, 102)
  t.notOk(walked.includes('late'))
  const keys: string[] = []
  for await (const key of driver.keys()) keys.push(key)
  t.strictSame(keys, ['late'])
  for await (const value of driver.values()) t.equal(value, 'x')
  t.equal(await driver.range(() => true), 1)
  t.equal(await driver.setIfAbsent('late', 'y'), false)
  t.equal(await driver.update('late', () => undefined), undefined)
  await t.rejects(driver.compareAndSet('late', 9, 'x'), { code: 'CAIRN_CONFLICT' })
  await driver.close()
  await t.rejects(driver.get('a'), { code: 'CAIRN_NOT_OPEN' })
})

eachPlane(t, 'encodings decide what comes out', async (t) => {
  const path = freshPath()
  const quick = { infoLog: false }
  const plain = await DurableMap.open(path, quick)
  await plain.set('text', 'värde')
  await plain.set(Buffer.from('bytes'), Uint8Array.of(0, 255, 128))
  const value = plain.get('bytes')!
  t.ok(Buffer.isBuffer(value))
  value.fill(7)
  t.strictSame([...plain.get('bytes')!], [0, 255, 128], 'what goes out is the caller’s own')
  await plain.close()

  const views = await DurableMap.open<Uint8Array, Uint8Array>(path, {
    ...quick,
    ...{ keyEncoding: 'view', valueEncoding: 'view' },
  })
  for (const [key, view] of views)
    t.ok([key, view].every((bytes) => bytes instanceof Uint8Array && !Buffer.isBuffer(bytes)))
  t.equal(Buffer.from(views.get('text')!).toString(), 'värde')
  await views.clear()
  await views.close()

  type Shape = { n: number; list: string[] }
  const json = await DurableMap.open<[string, number], Shape>(path, {
    ...quick,
    ...{ keyEncoding: 'json', valueEncoding: 'json' },
  })
  await json.set(['a', 1], { n: 5, list: ['ü'] })
  t.strictSame(json.get(['a', 1]), { n: 5, list: ['ü'] })
  t.strictSame([...json.keys()], [['a', 1]])
  const merged = json.upsert(['a', 1], { n: 1, list: [] }, (a, b) => ({ ...a, n: a.n + b.n }))
  t.strictSame(await merged, { n: 6, list: ['ü'] })
  await t.rejects(json.set(['a', 1], undefined as never), TypeError)
  await t.rejects(json.set(['a', 1], 5n as never), TypeError)
  const later = Promise.resolve({ n: 7, list: [] })
  await t.rejects(
    json.update(['a', 1], () => later as never),
    TypeError,
  )
  await t.rejects(
    json.upsert(['a', 1], { n: 1, list: [] }, () => later as never),
    TypeError,
  )
  await json.close()

  const texts = await DurableMap.open<string, string>(path, { ...quick, valueEncoding: 'utf8' })
  t.equal(texts.get('["a",1]'), '{"n":6,"list":["ü"]}')
  await texts.set('["a",1]', 'no json')
  await texts.close()
  const again = await DurableMap.open<[string, number], Shape>(path, {
    ...quick,
    ...{ keyEncoding: 'json', valueEncoding: 'json' },
  })
  t.throws(() => again.get(['a', 1]), TypeError, 'written with another encoding')
  await again.close()
})

eachPlane(t, 'closing waits for what is under way, and nothing is used after it', async (t) => {
  const map = await openTexts()
  const late = map.set('a', 'x')
  const closing = map.close()
  await t.rejects(map.set('b', 'x'), { code: 'CAIRN_NOT_OPEN' })
  t.equal(await late, 1)
  await closing
  await map.close()
  await map[Symbol.asyncDispose]()
  for (const use of [() => map.get('a'), () => map.size, () => [...map], () => map.shardCount])
    t.throws(use, { code: 'CAIRN_NOT_OPEN' })
  for (const use of [
    ...[() => map.delete('a'), () => map.clear(), () => map.batch([]), () => map.sync()],
    ...[() => map.update('a', () => 'x'), () => map.compact(), () => map.snapshot()],
    ...[() => map.snapshots(), () => map.pruneSnapshots(1), () => map.restore(1, freshPath())],
  ])
    await t.rejects(use() as Promise<unknown> as Promise<void>, { code: 'CAIRN_NOT_OPEN' })
})
