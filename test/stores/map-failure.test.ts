/**
 * Failing writes and syncs under a map: what failed poisons, memory is as it was, what was judged
 * on it fails too, and a reopening finds everything acknowledged and nothing that was refused.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import { DurableMap } from '../../lib/stores/map/index.js'
import type { MapOptions } from '../../lib/stores/map/index.js'
import { LIMIT_MS, below, campaign, pick } from '../support/campaign.js'
import { faultyStorage, type FaultyOperation, type FaultyStorage } from '../support/faulty.js'
import { codesOf } from '../support/level.js'
import { random } from '../support/random.js'

t.setTimeout(LIMIT_MS)

type Texts = DurableMap<string, string>

const OPTIONS: MapOptions = {
  ...{ infoLog: false, valueEncoding: 'utf8', snapshotEveryMs: 0, segmentRecords: 50 },
  ...{ compactThreshold: 1_000_000 },
}

function openOn(storage: FaultyStorage, options: MapOptions = {}): Promise<Texts> {
  return DurableMap.open<string, string>('x', { ...OPTIONS, ...options, storage })
}

function freshFaulty(): FaultyStorage {
  return faultyStorage(memoryStorage())
}

t.test('what is judged on a write that fails, fails', async (t) => {
  const storage = freshFaulty()
  const map = await openOn(storage, { sync: 'always' })
  const warnings: Error[] = []
  map.on('warning', (error: Error) => warnings.push(error))
  await map.set('a', 'settled')
  storage.rule = { operation: 'write', file: /wal/, forGood: true }
  const results = [
    map.set('a', 'lost'),
    map.setIfAbsent('a', 'x'),
    map.compareAndSet('a', 1, 'x'),
    map.delete('b'),
    map.getOrSet('b', 'lost'),
    map.pop('b'),
    map.clear(),
    map.batch([{ type: 'set', key: 'c', value: 'lost' }]),
  ]
  for (const result of results) {
    const error: unknown = await result.then(
      () => t.fail('it was judged on what was lost'),
      (reason: unknown) => reason,
    )
    t.match(codesOf(error)[0], /CAIRN_(IO|POISONED)/)
  }
  t.equal(map.get('a'), 'settled', 'memory is as it was')
  t.equal(map.size, 1)
  t.strictSame([...map], [['a', 'settled']])
  for (const refused of [map.set('d', 'x'), map.delete('a'), map.sync(), map.snapshot()])
    await t.rejects(refused as Promise<unknown> as Promise<void>, { code: 'CAIRN_POISONED' })
  t.ok(map.stats().lastError)
  await map.close()
  storage.rule = undefined
  const again = await openOn(storage)
  t.equal(again.get('a'), 'settled')
  await again.close()
})

/** One run: returns a word about how it went. */
async function run(seed: number): Promise<string> {
  const next = random(seed)
  const storage = freshFaulty()
  const map = await openOn(storage, { sync: pick(next, ['always', 'interval', 'never'] as const) })
  map.on('warning', () => {})
  const operation = pick<FaultyOperation>(next, ['write', 'sync', 'create', 'syncDirectory'])
  const error = pick(next, ['EIO', 'ENOSPC'] as const)
  const short = operation === 'write' && next() < 0.5
  storage.rule = { operation, nth: 1 + below(next, 40), forGood: next() < 0.5, error, short }
  /** Index of the newest value of a key that was acknowledged. */
  const acknowledged = new Map<string, number>()
  const called = new Map<string, (string | undefined)[]>()
  let failures = 0
  for (let step = 0; step < 150; step++) {
    const key = `key${below(next, 20)}`
    const value = next() < 0.25 ? undefined : `${step}`
    const values = [...(called.get(key) ?? []), value]
    called.set(key, values)
    const result = value === undefined ? map.delete(key) : map.set(key, value)
    const noted = result.then(
      () => acknowledged.set(key, values.length - 1),
      (reason: unknown) => {
        failures++
        assert.match(codesOf(reason)[0]!, /CAIRN_(IO|NO_SPACE|POISONED)/)
      },
    )
    if (next() < 0.4) await noted
    else noted.catch(() => {})
    if (failures === 0) continue
    // Behind the failure reads still give what was acknowledged.
    await noted
    for (const [name, index] of acknowledged) assert.equal(map.get(name), called.get(name)![index])
  }
  await map.sync().catch(() => failures++)
  await map.close()
  storage.rule = undefined
  const again = await openOn(storage)
  for (const [key, values] of called) {
    const found = again.get(key)
    const least = acknowledged.get(key)
    const possible = least === undefined ? [undefined, ...values] : values.slice(least)
    assert.ok(possible.includes(found), `${key} is ${found}: none of ${possible.join()}`)
  }
  assert.ok((await again.set('more', 'x')) > 0)
  await again.close()
  return `${operation}, ${failures} failures`
}

t.test('a failure at any step loses nothing that was acknowledged', async (t) => {
  await campaign(t, 400, run)
})
