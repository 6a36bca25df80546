/**
 * Iterators without abstract-level's layers against those with: random scripts of calls, awaited
 * or not, have the same outcomes.
 */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/index.js'
import { below, pick, seedsOf } from '../support/campaign.js'
import { freshPath } from '../support/directory.js'
import { LongWayLevel } from '../support/long-way.js'
import { random } from '../support/random.js'

interface Rows {
  readonly count: number
  readonly limit: number
  next(): Promise<unknown>
  nextv(size: number): Promise<unknown[]>
  all(): Promise<unknown[]>
  seek(target: string): void
  close(): Promise<void>
  [Symbol.asyncIterator](): AsyncGenerator<unknown>
}

async function open(t: Test, Kind: typeof CairnLevel): Promise<CairnLevel> {
  const db = new Kind<string, string>(freshPath(), { storage: 'memory', infoLog: false })
  t.teardown(() => db.close())
  await db.open()
  for (let i = 0; i < 600; i++) {
    await db.put(`k${String(i).padStart(4, '0')}`, (i % 9 === 0 ? 'ü' : 'v').repeat(i % 300))
    if (i === 300) await db.flush()
  }
  return db
}

/** How a promise settles, comparable. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value ?? 'undefined',
    (error: unknown) => {
      const { code, message } = error as Error & { code?: string }
      return `${code ?? ''} ${message}`
    },
  )
}

void t.test('random scripts', async (t) => {
  const both = [await open(t, CairnLevel), await open(t, LongWayLevel)] as const
  for (const seed of seedsOf(5000)) {
    let results: unknown[][] = []
    // Now and then a walk lets the event loop turn, and calls overlap that did not before.
    for (let attempt = 0; attempt < 5; attempt++) {
      results = []
      for (const db of both) {
        await new Promise((resolve) => setImmediate(resolve))
        results.push(await play(db, random(seed)))
      }
      if (isDeepStrictEqual(results[0], results[1])) break
    }
    if (isDeepStrictEqual(results[0], results[1])) continue
    t.strictSame(results[0], results[1], `seed ${seed}`)
    break
  }
  for (const db of both) t.equal(db.stats().aliveIterators, 0, 'every iterator was closed')
})

async function play(db: CairnLevel, dice: () => number): Promise<unknown[]> {
  const kinds = ['iterator', 'keys', 'values'] as const
  const formats = ['utf8', 'buffer', 'view'] as const
  const bound = (): string => `k${String(below(dice, 620)).padStart(4, '0')}`
  const options = {
    reverse: below(dice, 2) === 0,
    keyEncoding: pick(dice, formats),
    valueEncoding: pick(dice, formats),
    ...(below(dice, 2) === 0 && { gte: Buffer.from(bound()) }),
    ...(below(dice, 2) === 0 && { lt: Buffer.from(bound()) }),
    ...(below(dice, 3) === 0 && { limit: below(dice, 40) }),
    ...(below(dice, 4) === 0 && { highWaterMarkBytes: below(dice, 3000) }),
  }
  const kind = pick(dice, kinds)
  const rows = db[kind as 'keys'](options as never) as unknown as Rows
  // A traversal and calls beside it, unawaited, would race: a script has one or the other.
  const walk = below(dice, 2) === 0 ? rows[Symbol.asyncIterator]() : undefined
  const results: unknown[] = []
  const steps = 1 + below(dice, 12)
  for (let i = 0; i < steps; i++) {
    const side = below(dice, 40)
    // A traversal gives rows that it was asked for before a close; abstract-level's may not. And
    // `all` takes fewer microtasks.
    const isAlone = walk === undefined ? side === 28 : side === 39
    if (isAlone) await Promise.all(results)
    const result = settled(step(rows, walk, side, dice, bound))
    // What is not awaited may overlap with what comes next.
    results.push(!isAlone && below(dice, 3) === 0 ? result : await result)
  }
  const all = await Promise.all(results)
  all.push(rows.count, rows.limit)
  await rows.close()
  return all
}

function step(
  rows: Rows,
  walk: AsyncGenerator<unknown> | undefined,
  side: number,
  dice: () => number,
  bound: () => string,
): Promise<unknown> {
  if (walk !== undefined) {
    if (side < 36) return walk.next()
    if (side < 38) return walk.return('r')
    return side === 38 ? walk.throw(new Error('thrown')) : rows.close()
  }
  if (side < 18) return rows.next()
  if (side < 28) return rows.nextv(below(dice, 60))
  if (side < 29) return rows.all()
  if (side < 31) return rows.close()
  const target = bound()
  return (async () => rows.seek(target))()
}

void t.test('for await: breaks, throws, seeks and closing stores', async (t) => {
  for (const Kind of [CairnLevel, LongWayLevel]) {
    const db = await open(t, Kind)
    const iterator = db.keys({ limit: 100 })
    let rows = 0
    for await (const _ of iterator) if (++rows === 20) break
    t.equal(iterator.count, 20)
    await t.rejects(iterator.next(), { code: 'LEVEL_ITERATOR_NOT_OPEN' })

    const thrown = new Error('mine')
    await t.rejects(async () => {
      for await (const _ of db.values()) throw thrown
    }, thrown)
    t.equal(db.stats().aliveIterators, 0)

    const seen: string[] = []
    const seeking = db.keys()
    for await (const key of seeking) {
      seen.push(key)
      if (seen.length === 3) seeking.seek('k0597')
    }
    t.strictSame(seen, ['k0000', 'k0001', 'k0002', 'k0597', 'k0598', 'k0599'])

    const beside = db.keys({ limit: 5 })
    const mixed: unknown[] = []
    for await (const key of beside) mixed.push(key, await beside.next())
    t.strictSame(mixed, ['k0000', 'k0001', 'k0002', 'k0003', 'k0004', undefined])

    const never = db.keys()
    await never[Symbol.asyncIterator]().return(undefined)
    t.equal(await never.next(), 'k0000', 'a walk that never began closes nothing')
    await never.close()

    let closing: Promise<void> | undefined
    await t.rejects(
      async () => {
        for await (const _ of db.iterator()) closing ??= db.close()
      },
      { code: 'LEVEL_ITERATOR_NOT_OPEN' },
    )
    await closing
    t.equal(db.status, 'closed')
  }
})

void t.test('a walk sees its snapshot, however many pages it takes', async (t) => {
  const db = await open(t, CairnLevel)
  const before = await db.iterator().all()
  const seen: unknown[] = []
  for await (const entry of db.iterator()) {
    if (seen.length % 50 === 0) await db.put(`k${String(seen.length).padStart(4, '0')}+`, 'new')
    seen.push(entry)
  }
  t.strictSame(seen, before)
})

void t.test('the longest strings of a page and of none', async (t) => {
  const db = await open(t, CairnLevel)
  const keys = await db.keys().all()
  t.equal(keys.length, 600)
  const walked: string[] = []
  for await (const [key, value] of db.iterator({ highWaterMarkBytes: 1 })) {
    if (value.length === Number(key.slice(1)) % 300) walked.push(key)
  }
  t.strictSame(walked, keys)
})
