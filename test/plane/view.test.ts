/**
 * The three verbs over random mixes of memtables and tables, against the model: look-ups, scans
 * in both directions, and a merge of everything that must leave all snapshots as they were.
 */
import t from 'tap'
import type { Test } from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { ABSENT, COLD } from '../../lib/plane.js'
import type { DataPlane, KeyRange, Run, ScanBounds, Source, Table, View } from '../../lib/plane.js'
import { userKey } from '../../lib/format/key.js'
import {
  TINY_TABLES,
  applyVersions,
  compareVersions,
  cutVersions,
  modelFind,
  modelScan,
  randomVersions,
  readCursor,
  writeTable,
} from '../support/entries.js'
import type { Read, Version } from '../support/entries.js'
import { random } from '../support/random.js'
import { eachPlane, makePlane } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'

const SEEDS = process.env.CAIRN_CAMPAIGN === 'full' ? 300 : 30

interface World {
  storage: Storage
  plane: DataPlane
  versions: Version[]
  sorted: Version[]
  runs: Run[]
  view: View
  next: () => number
}

/** Cuts a history, oldest part first, into levels, level-0 tables and memtables. */
async function makeWorld(t: Test, name: PlaneName, seed: number): Promise<World> {
  const next = random(seed)
  const cacheBytes = [0, 200, 4096, 1 << 20][seed % 4]!
  const maxOpenTables = seed % 3 === 0 ? 1 : 100
  const { plane, storage } = await makePlane(t, name, { cacheBytes, maxOpenTables })
  const versions = randomVersions(next, 1, 20 + Math.floor(next() * 1200))
  const runs: Run[] = []
  let number = 1
  let from = 0
  const take = (share: number): Version[] => {
    const part = versions.slice(from, from + Math.ceil(versions.length * share))
    from += part.length
    return part
  }
  for (let level = 0; level < 2; level++) {
    const sorted = take(next() * 0.4).sort(compareVersions)
    const run: Table[] = []
    for (const piece of cutVersions(sorted, next))
      run.push(plane.openTable(await writeTable(storage, number++, piece)))
    runs.unshift(run)
  }
  for (let tables = Math.floor(next() * 5); tables > 0; tables--) {
    const part = take(next() * 0.1)
    if (part.length > 0) runs.unshift([plane.openTable(await writeTable(storage, number++, part))])
  }
  for (const part of [take(next() * 0.5), versions.slice(from)]) {
    const memtable = plane.createMemtable()
    applyVersions(memtable, part, next)
    runs.unshift([memtable])
  }
  const sorted = versions.toSorted(compareVersions)
  return { storage, plane, versions, sorted, runs, view: plane.createView(runs), next }
}

function someKey({ versions, next }: World): Buffer {
  const { key } = versions[Math.floor(next() * versions.length)]!
  if (next() < 0.7) return key
  return Buffer.concat([key.subarray(0, Math.floor(next() * key.length)), Buffer.of(next() * 256)])
}

function lines(reads: readonly Read[]): string[] {
  return reads.map(({ key, value }) => `${key.toString('latin1')}=${value.toString('latin1')}`)
}

async function lookup(world: World, view: View, key: Buffer, at: number): Promise<string> {
  const { plane, next } = world
  const how = { wait: next() < 0.3, fillCache: next() < 0.5 }
  const room = Buffer.alloc(700)
  const length = plane.find(view, key, at, room, 100, how)
  if (length === COLD) {
    if (how.wait) return 'cold although it may wait'
    const value = await plane.findCold(view, key, at, how)
    return `${view.found} ${value === undefined ? 'absent' : Buffer.from(value).toString('latin1')}`
  }
  const value = length === ABSENT ? 'absent' : room.toString('latin1', 100, 100 + length)
  return `${view.found} ${value}`
}

function expectedLookup(versions: Version[], key: Buffer, at: number): string {
  const version = modelFind(versions, key, at)
  const value = version?.type === 1 ? version.value.toString('latin1') : 'absent'
  return `${version?.sequence ?? 0} ${value}`
}

function someBounds(world: World): ScanBounds {
  const { next } = world
  return {
    ...(next() < 0.5 ? { lower: someKey(world) } : {}),
    ...(next() < 0.5 ? { upper: someKey(world) } : {}),
    ...(next() < 0.5 ? { lowerInclusive: next() < 0.5 } : {}),
    ...(next() < 0.5 ? { upperInclusive: next() < 0.5 } : {}),
    reverse: next() < 0.5,
    fillCache: next() < 0.5,
  }
}

eachPlane(t, 'find and findCold', async (t, name) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await makeWorld(t, name, seed)
    for (let i = 0; i < 200; i++) {
      const key = someKey(world)
      const at = Math.floor(world.next() * (world.versions.length + 5))
      const got = await lookup(world, world.view, key, at)
      const expected = expectedLookup(world.versions, key, at)
      if (got !== expected) t.equal(got, expected, `seed ${seed}: ${key.toString('hex')} at ${at}`)
    }
    await world.plane.close()
  }
  t.pass(`${SEEDS} seeds`)
})

eachPlane(t, 'scan: whole, bounded, both directions, tiny pages', async (t, name) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await makeWorld(t, name, seed)
    const { next } = world
    for (let i = 0; i < 12; i++) {
      const bounds = someBounds(world)
      const at = next() < 0.3 ? world.versions.length : Math.floor(next() * world.versions.length)
      const cursor = world.plane.scan(world.view, bounds, at)
      const limit = 1 + Math.floor(next() * (next() < 0.5 ? 3 : 100))
      const got = await readCursor(cursor, Infinity, limit, Math.floor(next() * 300))
      cursor.close()
      const expected = lines(modelScan(world.sorted, bounds, at))
      if (lines(got).join('\n') !== expected.join('\n'))
        t.same(lines(got), expected, `seed ${seed}: scan ${i}`)
    }
    await world.plane.close()
  }
  t.pass(`${SEEDS} seeds`)
})

eachPlane(t, 'seek, within the bounds and while a memtable grows', async (t, name) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await makeWorld(t, name, seed)
    const { next, runs } = world
    const at = world.versions.length
    const active = runs[0]![0] as Source & { kind: 'memtable' }
    let sequence = at + 1
    const grow = (): void => {
      if (next() < 0.8) return
      const more = randomVersions(next, sequence, 1 + Math.floor(next() * 60))
      sequence += more.length
      applyVersions(active, more, next)
    }
    for (let i = 0; i < 5; i++) {
      const bounds = someBounds(world)
      const cursor = world.plane.scan(world.view, bounds, at)
      const all = modelScan(world.sorted, bounds, at)
      for (let seeks = 0; seeks < 6; seeks++) {
        const target = someKey(world)
        cursor.seek(target)
        const count = Math.floor(next() * 20)
        const got = await readCursor(cursor, count, 7, 64, grow)
        const place = all.findIndex(({ key }) => {
          const order = Buffer.compare(key, target)
          return bounds.reverse ? order <= 0 : order >= 0
        })
        const expected = place < 0 ? [] : lines(all.slice(place, place + count))
        if (lines(got).join('\n') !== expected.join('\n'))
          t.same(lines(got), expected, `seed ${seed}: scan ${i} seek ${seeks}`)
      }
      cursor.close()
    }
    await world.plane.close()
  }
  t.pass(`${SEEDS} seeds`)
})

eachPlane(t, 'merge leaves what every snapshot sees, and no more', async (t, name) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await makeWorld(t, name, seed)
    const { plane, next, versions } = world
    const newest = versions.length
    const snapshots = Array.from({ length: Math.floor(next() * 5) }, () =>
      Math.floor(next() * newest),
    )
    snapshots.push(newest)
    snapshots.sort((a, b) => a - b)
    // The oldest runs stay below, or nothing does.
    const kept = Math.floor(next() * 3)
    const inputs = world.runs.slice(0, world.runs.length - kept)
    const below = world.runs.slice(world.runs.length - kept)
    const deeper = below.map((run) => run.map(rangeOf))
    const outputs = Array.from({ length: 1 + Math.floor(next() * 40) }, (_, i) => 1000 + i)
    const metas = await plane.merge(
      {
        inputs,
        snapshots,
        outputs,
        table: TINY_TABLES,
        maxTableBytes: 100 + Math.floor(next() * 3000),
        deeper,
        grandparents: deeper[0]?.map((range) => ({ ...range, sizeBytes: 1000 })) ?? [],
        maxGrandparentBytes: 3000,
      },
      new AbortController().signal,
    )
    const merged = metas.map((meta) => plane.openTable(meta))
    for (let i = 1; i < metas.length; i++) {
      const last = Buffer.from(userKey(metas[i - 1]!.largest))
      if (last.compare(userKey(metas[i]!.smallest)) >= 0)
        t.fail(`seed ${seed}: a key is in two tables`)
    }
    for (const table of merged) t.same((await table.verify()).damage, [], `seed ${seed}: whole`)
    const view = plane.createView([merged, ...below])
    for (const at of snapshots) {
      for (const reverse of [false, true]) {
        const cursor = plane.scan(view, { reverse }, at)
        const got = lines(await readCursor(cursor, Infinity, 50, 4096))
        const expected = lines(modelScan(world.sorted, { reverse }, at))
        if (got.join('\n') !== expected.join('\n')) t.same(got, expected, `seed ${seed}: at ${at}`)
      }
    }
    const entries = metas.reduce((sum, meta) => sum + meta.properties!.entries, 0)
    const expected = expectedEntries(inputs, world, snapshots, below)
    if (entries !== expected) t.equal(entries, expected, `seed ${seed}: entries kept`)
    await plane.close()
  }
  t.pass(`${SEEDS} seeds`)
})

function rangeOf(source: Source): KeyRange & { sizeBytes: number } {
  const { meta } = source as Table
  return {
    smallest: userKey(meta.smallest),
    largest: userKey(meta.largest),
    sizeBytes: meta.sizeBytes,
  }
}

/** How many entries the rules of a merge leave, said in another way than the code does. */
function expectedEntries(
  inputs: readonly Run[],
  { sorted }: World,
  snapshots: number[],
  below: readonly Run[],
): number {
  const smallest = Math.min(
    ...below.flat().map((source) => (source as Table).meta.properties!.smallestSequence),
  )
  const largest = Math.max(
    0,
    ...below.flat().map((source) => (source as Table).meta.properties!.largestSequence),
  )
  if (inputs.length === 0) return 0
  let count = 0
  for (const [i, version] of sorted.entries()) {
    if (version.sequence >= smallest && version.sequence <= largest) continue
    const newer = sorted[i - 1]?.key.equals(version.key) ? sorted[i - 1]! : undefined
    const limit = newer?.sequence ?? Infinity
    const seen = snapshots.some((at) => version.sequence <= at && limit > at)
    const covered = below.some((run) =>
      run.some((source) => {
        const range = rangeOf(source)
        return version.key.compare(range.smallest) >= 0 && version.key.compare(range.largest) <= 0
      }),
    )
    const dropped = version.type === 0 && version.sequence <= snapshots[0]! && !covered
    if (seen && !dropped) count++
  }
  return count
}
