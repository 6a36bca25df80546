/**
 * Tens of thousands of operations on keys of many shapes, under option sets that walk every path
 * of memtables, tables and compaction, against a map. Proves P2 at sizes that the model test does
 * not reach.
 */
import t from 'tap'
import type { Test } from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { openLevel } from '../support/level.js'
import type { Level, LevelOptions } from '../support/level.js'
import { random } from '../support/random.js'
import { keyMaker, one } from '../support/shapes.js'
import type { Next } from '../support/shapes.js'
import { eachPlane, freshStorage, seedsFor } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'

const SEEDS = process.env['CAIRN_CAMPAIGN'] === 'full' ? 40 : 4
const FIRST = Number(process.env['CAIRN_SEED'] ?? 1)

function optionsOf(next: Next): LevelOptions {
  return {
    writeBufferSize: one(next, [16_384, 65_536, 1 << 20, 4 << 20]),
    blockSize: one(next, [64, 512, 4096]),
    maxFileSize: one(next, [16_384, 65_536, 2 << 20]),
    blockRestartInterval: one(next, [1, 4, 16]),
    cacheSize: one(next, [0, 4096, 1 << 20, 64 << 20]),
    maxOpenFiles: one(next, [1, 5, 1000]),
    filterBits: one(next, [0, 2, 10]),
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Runs random writes, flushes, compactions and reopenings; gives the store and the map. */
async function work(
  storage: Storage,
  next: Next,
  key: () => string,
): Promise<[Level, Map<string, string>]> {
  const options = optionsOf(next)
  const model = new Map<string, string>()
  let db = await openLevel(storage, options)
  const most = 10_000 + next(40_000)
  for (let i = 0; i < most;) {
    const chance = next(100)
    if (chance < 97) {
      const batch = db.batch()
      for (let left = 1 + next(300); left > 0; left--, i++) {
        const [k, v] = [key(), `value ${i}${'.'.repeat(next(60))}`]
        const remove = next(4) === 0
        if (remove) model.delete(k)
        else model.set(k, v)
        if (remove) batch.del(k)
        else batch.put(k, v)
      }
      await batch.write()
    } else if (chance === 97) {
      await db.flush()
    } else if (next(3) === 0) {
      await db.compactRange(null, null)
    } else {
      await db.close()
      db = await openLevel(storage, options)
    }
  }
  return [db, model]
}

/** The first difference between the store and the map, in words. */
async function differenceOf(
  db: Level,
  model: Map<string, string>,
  next: Next,
  key: () => string,
): Promise<string | undefined> {
  const keys = [...model.keys()].sort(byBytes)
  const wanted = (range: readonly string[]): string =>
    JSON.stringify(range.map((k) => [k, model.get(k)]))
  if (JSON.stringify(await db.iterator().all()) !== wanted(keys)) return 'forward'
  const backward = await db.iterator({ reverse: true }).all()
  if (JSON.stringify(backward.reverse()) !== wanted(keys)) return 'backward'
  for (let i = 0; i < 20; i++) {
    const [gte, lt] = [key(), key()].sort(byBytes) as [string, string]
    const range = keys.filter((k) => byBytes(k, gte) >= 0 && byBytes(k, lt) < 0)
    const reverse = next(2) === 0
    const found = await db.iterator({ gte, lt, reverse }).all()
    if (JSON.stringify(reverse ? found.reverse() : found) !== wanted(range))
      return `range ${JSON.stringify([gte, lt, reverse])}`
  }
  for (let i = 0; i < 2000; i++) {
    const k = key()
    const [value, now] = [await db.get(k), db.getSync(k)]
    if (value !== model.get(k) || now !== value) return `get ${JSON.stringify(k)}`
  }
  const { ok, damage } = await db.verify()
  return ok ? undefined : `verify: ${JSON.stringify(damage)}`
}

const LIMITS = { timeout: 3_600_000 }

async function compare(t: Test, plane: PlaneName): Promise<void> {
  const seeds = seedsFor(plane, SEEDS)
  for (let seed = FIRST; seed < FIRST + seeds; seed++) {
    const generator = random(seed)
    const next: Next = (below) => Math.floor(generator() * below)
    const key = keyMaker(next)
    const [db, model] = await work(freshStorage(t, plane), next, key)
    const difference = await differenceOf(db, model, next, key)
    if (difference !== undefined) t.fail(`seed ${seed} (CAIRN_SEED=${seed} replays): ${difference}`)
    await db.close()
  }
  t.pass(`${seeds} seeds`)
}

eachPlane(t, 'large random stores equal a map', compare, LIMITS)
