/**
 * Metamorphic test: random operations under many option sets against a sorted map.
 *
 * 200 seeds of 2,000 operations each in full, a tenth by default. Buffers, blocks and tables are
 * tiny, so every path is walked: rotation, flush, compaction, cold blocks, reopening.
 * Proves P2 (what is read is what was written) without crashes.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { below, campaign, pick } from '../support/campaign.js'
import { contentOf, openLevel } from '../support/level.js'
import type { Level, LevelOptions } from '../support/level.js'
import { Model, difference, within } from '../support/model.js'
import type { Bounds, Change, Entry } from '../support/model.js'
import { random } from '../support/random.js'
import { eachPlane, freshStorage, seedsFor } from '../support/planes.js'

const SEEDS = 200
const STEPS = 2000
const KEYS = 300

type Snapshot = ReturnType<Level['snapshot']>
/** What the run needs of an iterator of strings. */
interface Iterator {
  nextv(size: number): Promise<Entry[]>
  all(): Promise<Entry[]>
  close(): Promise<void>
}

class Run {
  readonly options: LevelOptions
  model = new Model()
  db!: Level
  snapshots: { snapshot: Snapshot; model: Model }[] = []
  iterators: { iterator: Iterator; rest: Entry[] }[] = []
  pending: Promise<unknown>[] = []

  constructor(
    readonly storage: Storage,
    readonly random: () => number,
  ) {
    this.options = {
      writeBufferSize: pick(random, [2048, 4096, 16384, 65536]),
      blockSize: pick(random, [64, 256, 1024]),
      maxFileSize: pick(random, [2048, 8192, 65536]),
      blockRestartInterval: pick(random, [1, 3, 16]),
      cacheSize: pick(random, [0, 4096, 1 << 20]),
      maxOpenFiles: pick(random, [75, 1000]),
      compression: random() < 0.5,
      filterBits: pick(random, [0, 10]),
    }
  }

  async open(): Promise<void> {
    this.db = await openLevel(this.storage, this.options)
  }

  key(): string {
    const text = String(below(this.random, KEYS)).padStart(4, '0')
    return this.random() < 0.1 ? `${text}${'k'.repeat(below(this.random, 200))}` : text
  }

  value(): string {
    const length = pick(this.random, [0, 5, 40, 40, 300, 3000])
    return `${below(this.random, 1e9)}`.padEnd(length, 'value-')
  }

  bounds(): Bounds {
    const bounds: Bounds = { reverse: this.random() < 0.5 }
    if (this.random() < 0.6) bounds[this.random() < 0.5 ? 'gt' : 'gte'] = this.key()
    if (this.random() < 0.6) bounds[this.random() < 0.5 ? 'lt' : 'lte'] = this.key()
    if (this.random() < 0.4) bounds.limit = below(this.random, 40)
    return bounds
  }

  changes(count: number): Change[] {
    return Array.from({ length: count }, () =>
      this.random() < 0.7
        ? { type: 'put', key: this.key(), value: this.value() }
        : { type: 'del', key: this.key() },
    )
  }

  /** A write that nobody awaits now: reads come after `settle`. */
  write(promise: Promise<unknown>, changes: readonly Change[]): void {
    promise.catch(() => undefined)
    this.pending.push(promise)
    this.model.apply(changes)
  }

  async settle(): Promise<void> {
    await Promise.all(this.pending)
    this.pending = []
  }

  async close(): Promise<void> {
    await this.settle()
    for (const { iterator } of this.iterators) await iterator.close()
    for (const { snapshot } of this.snapshots) await snapshot.close()
    this.iterators = []
    this.snapshots = []
    await this.db.close()
  }

  /** One step: writes need no await, everything else sees settled writes. */
  async step(): Promise<void> {
    const dice = this.random()
    const kind = WRITES.find(([share]) => dice < share)?.[1]
    if (kind !== undefined) {
      kind(this)
      if (this.random() < 0.5) await this.settle()
      return
    }
    await this.settle()
    await pick(this.random, READS)(this)
  }
}

const WRITES: readonly (readonly [share: number, write: (run: Run) => void])[] = [
  [
    0.3,
    (run) => {
      const [key, value] = [run.key(), run.value()]
      run.write(run.db.put(key, value, { sync: run.random() < 0.1 }), [{ type: 'put', key, value }])
    },
  ],
  [
    0.42,
    (run) => {
      const key = run.key()
      run.write(run.db.del(key), [{ type: 'del', key }])
    },
  ],
  [
    0.52,
    (run) => {
      const changes = run.changes(below(run.random, 12))
      run.write(run.db.batch([...changes]), changes)
    },
  ],
  [
    0.58,
    (run) => {
      const changes = run.changes(1 + below(run.random, 12))
      const batch = run.db.batch()
      for (const change of changes)
        if (change.type === 'put') batch.put(change.key, change.value)
        else batch.del(change.key)
      run.write(batch.write(), changes)
    },
  ],
]

function same(found: readonly Entry[], expected: readonly Entry[], what: string): void {
  const equal = JSON.stringify(found) === JSON.stringify(expected)
  if (!equal) assert.fail(`${what}: ${difference(found, expected)}`)
}

async function getAll(run: Run, model: Model, snapshot?: Snapshot): Promise<void> {
  const how = snapshot === undefined ? {} : { snapshot }
  const keys = Array.from({ length: 5 }, () => run.key())
  const expected = keys.map((key) => model.map.get(key))
  const each = await Promise.all(keys.map((key) => run.db.get(key, how)))
  assert.deepEqual(each, expected, 'get')
  assert.deepEqual(await run.db.getMany(keys, how), expected, 'getMany')
  assert.deepEqual(
    keys.map((key) => run.db.getSync(key, how)),
    expected,
    'getSync',
  )
  const has = expected.map((value) => value !== undefined)
  assert.deepEqual(await run.db.hasMany(keys, how), has, 'hasMany')
  assert.equal(await run.db.has(keys[0]!, how), has[0], 'has')
}

async function iterate(run: Run, model: Model, snapshot?: Snapshot): Promise<void> {
  const bounds = run.bounds()
  const how = snapshot === undefined ? bounds : { ...bounds, snapshot }
  const expected = model.entries(bounds)
  const what = `iterator ${JSON.stringify(bounds)}`
  const dice = run.random()
  if (dice < 0.3) same(await run.db.iterator(how).all(), expected, what)
  else if (dice < 0.5) {
    const keys = await run.db.keys(how).all()
    assert.deepEqual(
      keys,
      expected.map(([key]) => key),
      `keys ${what}`,
    )
  } else if (dice < 0.7) {
    const found: Entry[] = []
    for await (const entry of run.db.iterator({ ...how, highWaterMarkBytes: 100 }))
      found.push(entry)
    same(found, expected, `for await ${what}`)
  } else await seekAbout(run, model, bounds, how)
}

/** Seeks into bounds again and again; without a limit, as a seek does not reset the count. */
async function seekAbout(
  run: Run,
  model: Model,
  bounds: Bounds,
  how: Bounds & { snapshot?: Snapshot },
): Promise<void> {
  const { limit: _, ...unlimited } = how
  const all = model.entries({ ...bounds, limit: -1 })
  const iterator = run.db.iterator(unlimited)
  for (let i = 0; i < 4; i++) {
    const target = run.key()
    iterator.seek(target)
    const size = 1 + below(run.random, 8)
    const found = await iterator.nextv(size)
    // A target outside of the bounds ends the iterator.
    const behind = within(target, bounds)
      ? all.filter(([key]) => (bounds.reverse ? key <= target : key >= target))
      : []
    const what = `seek ${target} in ${JSON.stringify(bounds)}`
    same(found, behind.slice(0, found.length), what)
    if (found.length === 0) assert.equal(behind.length, 0, `${what} found nothing`)
  }
  await iterator.close()
}

const READS: readonly ((run: Run) => Promise<void>)[] = [
  (run) => getAll(run, run.model),
  (run) => getAll(run, run.model),
  (run) => iterate(run, run.model),
  (run) => iterate(run, run.model),
  async (run) => {
    if (run.snapshots.length > 3) await run.snapshots.shift()!.snapshot.close()
    run.snapshots.push({ snapshot: run.db.snapshot(), model: run.model.copy() })
  },
  async (run) => {
    const held = run.snapshots[below(run.random, run.snapshots.length)]
    if (held === undefined) return
    await getAll(run, held.model, held.snapshot)
    await iterate(run, held.model, held.snapshot)
  },
  async (run) => {
    if (run.iterators.length > 2) await finish(run.iterators.shift()!)
    const bounds = run.bounds()
    run.iterators.push({ iterator: run.db.iterator(bounds), rest: run.model.entries(bounds) })
  },
  async (run) => {
    const held = run.iterators[below(run.random, run.iterators.length)]
    if (held === undefined) return
    const found = await held.iterator.nextv(1 + below(run.random, 10))
    same(found, held.rest.splice(0, found.length), 'iterator held over writes')
    if (found.length === 0) assert.equal(held.rest.length, 0, 'iterator held ended too soon')
  },
  async (run) => {
    if (run.random() < 0.7) return
    const bounds = run.bounds()
    await run.db.clear(bounds)
    run.model.clear(bounds)
  },
  async (run) => {
    const dice = run.random()
    const [start, end] = [run.key(), run.key()].sort() as [string, string]
    if (dice < 0.15) await run.db.compactRange(start, end)
    else if (dice < 0.3) await run.db.flush()
    else if (dice < 0.35) await run.db.sync()
    else if (dice < 0.45) assert.ok((await run.db.approximateSize(start, end)) >= 0)
    else if (dice < 0.5) await reopen(run)
  },
]

async function finish(held: { iterator: Iterator; rest: Entry[] }): Promise<void> {
  same(await held.iterator.all(), held.rest, 'rest of an iterator held over writes')
}

async function reopen(run: Run): Promise<void> {
  await run.close()
  await run.open()
  assert.equal(run.db.recovered.torn, undefined, 'a clean close leaves nothing torn')
  same(await contentOf(run.db), run.model.entries(), 'content after reopening')
}

eachPlane(t, 'random operations give what a sorted map gives', async (t, plane) => {
  await campaign(t, seedsFor(plane, SEEDS), async (seed) => {
    const run = new Run(freshStorage(t, plane), random(seed))
    await run.open()
    for (let step = 0; step < STEPS; step++) {
      try {
        await run.step()
      } catch (error) {
        throw new Error(`step ${step}, options ${JSON.stringify(run.options)}`, { cause: error })
      }
    }
    await run.settle()
    for (const held of run.iterators.splice(0)) await finish(held)
    same(await contentOf(run.db), run.model.entries(), 'content at the end')
    await run.db.flush()
    same(await contentOf(run.db), run.model.entries(), 'content after a flush')
    const report = await run.db.verify()
    assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
    await reopen(run)
    await run.close()
  })
})
