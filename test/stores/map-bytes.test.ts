/** Keys and values at their limits, and keys that look like something else. */
import t from 'tap'
import { DurableMap } from '../../lib/stores/map/index.js'
import { freshPath } from '../support/directory.js'
import { eachPlane } from '../support/planes.js'

const KEY_MOST = 65_536
const VALUE_MOST = 64 * 1024 * 1024

eachPlane(t, 'hostile keys are keys like others', async (t) => {
  const path = freshPath()
  const keys = [
    ...['', '\0', '\0\0', 'a\0b', '__proto__', 'constructor', 'hasOwnProperty', 'toString'],
    ...['ü', 'u\u0308', '日本', '😀', '../../etc/passwd', '\n', '\ufeff', '\uffff', 'CURRENT'],
    'x'.repeat(KEY_MOST),
  ]
  let map = await DurableMap.open<string, string>(path, { valueEncoding: 'utf8' })
  for (const [i, key] of keys.entries()) await map.set(key, `value ${i}`)
  for (let opening = 0; opening < 2; opening++) {
    t.equal(map.size, keys.length)
    for (const [i, key] of keys.entries()) {
      t.equal(map.get(key), `value ${i}`)
      t.equal(map.get(Buffer.from(key)), `value ${i}`, 'text is its UTF-8')
    }
    t.strictSame(new Set(map.keys()), new Set(keys))
    await map.close()
    map = await DurableMap.open<string, string>(path, { valueEncoding: 'utf8' })
  }
  await map.close()
})

eachPlane(t, 'text without UTF-8 and other types are TypeErrors', async (t) => {
  const map = await DurableMap.open<string, string>(freshPath(), { valueEncoding: 'utf8' })
  for (const wrong of [
    '\ud800',
    'a\udc00b',
    5,
    null,
    undefined,
    {},
    [1],
    new DataView(new ArrayBuffer(1)),
  ]) {
    await t.rejects(map.set(wrong as string, 'x'), TypeError)
    await t.rejects(map.set('x', wrong as string), TypeError)
    await t.rejects(map.delete(wrong as string), TypeError)
    await t.rejects(map.getOrSet('x', wrong as string), TypeError)
    t.throws(() => map.get(wrong as string), TypeError)
    t.throws(() => map.has(wrong as string), TypeError)
    t.throws(() => map.version(wrong as string), TypeError)
  }
  t.equal(map.size, 0)
  t.equal(map.stats().writes, 0)
  await map.close()
})

eachPlane(t, 'limits are those of bytes, and a refusal leaves no trace', async (t) => {
  const path = freshPath()
  let map = await DurableMap.open(path, { snapshotEveryMs: 0 })
  await t.rejects(map.set('x'.repeat(KEY_MOST + 1), ''), { code: 'CAIRN_LIMIT' })
  await t.rejects(map.set('ü'.repeat(KEY_MOST / 2 + 1), ''), { code: 'CAIRN_LIMIT' })
  await t.rejects(map.set('x', Buffer.alloc(VALUE_MOST + 1)), { code: 'CAIRN_LIMIT' })
  await t.rejects(
    map.batch([
      { type: 'set', key: 'a', value: 'b' },
      { type: 'set', key: 'x', value: Buffer.alloc(VALUE_MOST + 1) },
    ]),
    { code: 'CAIRN_LIMIT' },
  )
  const deleted = map.delete('x'.repeat(KEY_MOST + 1))
  await t.rejects(deleted, { code: 'CAIRN_LIMIT' })
  t.equal(map.stats().writes, 0)
  const key = 'k'.repeat(KEY_MOST)
  const value = Buffer.alloc(VALUE_MOST, 'v')
  await map.set(key, value)
  await map.set('empty', '')
  await map.close()
  map = await DurableMap.open(path, { snapshotEveryMs: 0 })
  t.ok(map.get(key)!.equals(value))
  t.equal(map.get('empty')!.length, 0)
  await map.close()
})

eachPlane(t, 'what waits for room keeps its order and its bytes', async (t) => {
  const map = await DurableMap.open(freshPath(), { snapshotEveryMs: 0 })
  const value = Buffer.alloc(1024 * 1024)
  const sets: Promise<number>[] = []
  for (let i = 0; i < 100; i++) {
    value.fill(i)
    sets.push(map.set(`key${i}`, value))
    sets.push(map.update('newest', () => `${i}`).then(() => i))
  }
  value.fill(255)
  const results = await Promise.all(sets)
  t.strictSame(
    results,
    results.map((_, i) => (i % 2 === 0 ? i + 1 : (i - 1) / 2)),
  )
  for (let i = 0; i < 100; i++)
    if (!map.get(`key${i}`)!.every((byte) => byte === i)) t.fail(`key${i}`)
  t.equal(map.get('newest')!.toString(), '99')
  t.ok(map.stats().waits > 0, 'some waited')
  await map.close()
})
