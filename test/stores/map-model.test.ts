/**
 * Random operations on a map, many under way at once, against a model that judges in call order.
 *
 * Every result is the model's, every state that a read sees is one that the model went through, at
 * or behind what was acknowledged; so is what a dying process leaves, and what a reopening finds.
 */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { DurableMap } from '../../lib/stores/map/index.js'
import type { MapOptions } from '../../lib/stores/map/index.js'
import { LIMIT_MS, below, campaign, pick } from '../support/campaign.js'
import { History, type Change, type Entry } from '../support/model.js'
import { eachPlane, freshStorage, imageOf, onCopy, seedsFor } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { random } from '../support/random.js'

t.setTimeout(LIMIT_MS)

type Texts = DurableMap<string, string>

const SMALL: MapOptions = {
  ...{ segmentBytes: 4096, segmentRecords: 60, compactThreshold: 100, snapshotEveryMs: 0 },
  ...{ infoLog: false, valueEncoding: 'utf8' },
}

function sortedEntries(map: Texts): Entry[] {
  return [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
}

class Run {
  /** The newest state by call order, and each key's version in it. */
  readonly pending = new Map<string, string>()
  readonly versions = new Map<string, number>()
  readonly history = new History()
  /** States of the history that are acknowledged. */
  acknowledged = 0
  sequence = 0
  readonly #underway = new Set<Promise<unknown>>()
  readonly #keys: string[]

  constructor(
    private readonly map: Texts,
    private readonly next: () => number,
  ) {
    this.#keys = Array.from({ length: 1 + below(next, 12) }, (_, i) => `key${i}`)
  }

  /** Calls one operation and remembers what it should give. */
  call(): void {
    const { map, next } = this
    const key = pick(next, this.#keys)
    const value = `${this.sequence}`.repeat(below(next, 8))
    const had = this.pending.get(key)
    const version = this.versions.get(key) ?? 0
    switch (below(next, 12)) {
      case 0:
      case 1:
      case 2:
        return this.#expect(map.set(key, value), this.#set(key, value))
      case 3:
        return this.#expect(map.delete(key), this.#delete(key))
      case 4:
        return this.#expect(map.pop(key), this.#delete(key) ? had : undefined)
      case 5: {
        const loaded = had !== undefined
        if (!loaded) this.#set(key, value)
        return this.#expect(map.getOrSet(key, value), { value: had ?? value, loaded })
      }
      case 6: {
        if (had === undefined) this.#set(key, value)
        return this.#expect(map.setIfAbsent(key, value), had === undefined)
      }
      case 7: {
        if (had !== undefined) this.#set(key, value)
        return this.#expect(map.setIfPresent(key, value), had !== undefined)
      }
      case 8: {
        const merged = had === undefined ? value : `${had}|${value}`.slice(-40)
        this.#set(key, merged)
        const merge = (a: string, b: unknown): string => `${a}|${String(b)}`.slice(-40)
        return this.#expect(map.upsert(key, value, merge), merged)
      }
      case 9: {
        const to = next() < 0.3 ? undefined : `${had}!`.slice(-40)
        if (to === undefined) this.#delete(key)
        else this.#set(key, to)
        return this.#expect(
          map.update(key, () => to),
          to,
        )
      }
      case 10: {
        const expected = next() < 0.6 ? version : below(next, this.sequence + 1)
        const result = map.compareAndSet(key, expected, value)
        if (expected !== version) return this.#refused(result, expected, version)
        return this.#expect(result, this.#set(key, value))
      }
      default:
        return next() < 0.8 ? this.#batch() : this.#clear()
    }
  }

  /** Lets what is under way go on, for a while. */
  async rest(): Promise<void> {
    if (this.next() < 0.5) await nextTurn()
    else if (this.#underway.size > 0) await pick(this.next, [...this.#underway])
    this.look()
  }

  /** What readers see is one of the states behind what was acknowledged. */
  look(): void {
    this.history.check(sortedEntries(this.map), this.acknowledged, this.history.length)
    assert.equal(this.map.size, [...this.map.keys()].length)
    for (const key of this.map.keys()) assert.ok(this.map.version(key) > 0)
  }

  async settled(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway)
    this.look()
    for (const [key, version] of this.versions) assert.equal(this.map.version(key), version)
  }

  #expect(promise: Promise<unknown>, expected: unknown): void {
    const state = this.history.length
    this.#follow(promise, (got) => {
      assert.deepEqual(got, expected)
      this.acknowledged = Math.max(this.acknowledged, state)
    })
  }

  #refused(promise: Promise<unknown>, expected: number, actual: number): void {
    const seen = promise.catch((error: unknown) => error)
    this.#follow(seen, (error) => {
      const { code, ...rest } = error as { code: string; expected: number; actual: number }
      const { expected: wanted, actual: found } = rest
      assert.deepEqual([code, wanted, found], ['CAIRN_CONFLICT', expected, actual])
    })
  }

  #follow(promise: Promise<unknown>, check: (got: unknown) => void): void {
    const followed = promise.then(check).finally(() => this.#underway.delete(followed))
    this.#underway.add(followed)
    // A failure is seen where it is awaited.
    followed.catch(() => {})
  }

  #set(key: string, value: string): number {
    this.#change([{ type: 'put', key, value }])
    this.versions.set(key, this.sequence)
    return this.sequence
  }

  #delete(key: string): boolean {
    if (!this.pending.has(key)) return false
    this.#change([{ type: 'del', key }])
    this.versions.delete(key)
    return true
  }

  #clear(): void {
    const changes = [...this.pending.keys()].map((key) => ({ type: 'del' as const, key }))
    if (changes.length > 0) {
      this.#submit(changes)
      this.sequence++
      this.versions.clear()
    }
    this.#expect(this.map.clear(), undefined)
  }

  #batch(): void {
    const changes: Change[] = Array.from({ length: 1 + below(this.next, 5) }, (_, i) => {
      const key = pick(this.next, this.#keys)
      if (this.next() < 0.3) return { type: 'del', key }
      return { type: 'put', key, value: `batch ${this.sequence} ${i}` }
    })
    for (const change of changes) {
      this.sequence++
      if (change.type === 'put') this.versions.set(change.key, this.sequence)
      else this.versions.delete(change.key)
    }
    this.#submit(changes)
    const operations = changes.map((change) =>
      change.type === 'put'
        ? { type: 'set' as const, key: change.key, value: change.value }
        : { type: 'delete' as const, key: change.key },
    )
    this.#expect(this.map.batch(operations), undefined)
  }

  #change(changes: Change[]): void {
    this.#submit(changes)
    this.sequence += changes.length
  }

  #submit(changes: readonly Change[]): void {
    for (const change of changes)
      if (change.type === 'put') this.pending.set(change.key, change.value)
      else this.pending.delete(change.key)
    this.history.submit(changes)
  }
}

function openOn(storage: Storage, options: MapOptions = {}): Promise<Texts> {
  return DurableMap.open<string, string>('x', { ...SMALL, ...options, storage })
}

/** What a process leaves that dies now: everything acknowledged, and nothing that never was. */
async function checkDeath(plane: PlaneName, storage: Storage, run: Run): Promise<void> {
  const least = run.acknowledged
  const image = await imageOf(storage)
  const most = run.history.length
  await onCopy(plane, image, async (copy) => {
    const map = await openOn(copy)
    run.history.check(sortedEntries(map), least, most)
    await map.close()
  })
}

eachPlane(t, 'results, reads and what is recovered are those of a model', async (t, plane) => {
  await campaign(t, seedsFor(plane, 150), async (seed) => {
    const next = random(seed)
    const storage = freshStorage(t, plane)
    const sync = pick(next, ['always', 'interval', 'never'] as const)
    const options = { sync, shards: pick(next, [1, 2, 16]), syncIntervalMs: 5 }
    let map = await openOn(storage, options)
    const run = new Run(map, next)
    for (let step = 0; step < 400; step++) {
      run.call()
      if (next() < 0.15) await run.rest()
      if (next() < 0.01) await map.snapshot({ incremental: next() < 0.5 })
      if (next() < 0.01) await map.compact()
      if (next() < 0.005) await checkDeath(plane, storage, run)
    }
    await run.settled()
    await checkDeath(plane, storage, run)
    await map.close()
    map = await openOn(storage)
    run.history.check(sortedEntries(map), run.history.length, run.history.length)
    for (const [key, version] of run.versions) assert.equal(map.version(key), version)
    assert.equal(await map.set('one more', ''), run.sequence + 1)
    assert.ok((await map.verify()).ok)
    await map.close()
  })
})
