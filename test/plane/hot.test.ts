/**
 * Look-ups that come again to the blocks of tables, which planes make ready for that: keys of many
 * shapes and what lies beside them, at all sequences, under caches that hold all, some or nothing.
 */
import t from 'tap'
import { ABSENT, type DataPlane, type Run, type TableOptions, type View } from '../../lib/plane.js'
import { below } from '../support/campaign.js'
import { modelFind, writeTable } from '../support/entries.js'
import type { Version } from '../support/entries.js'
import { eachPlane, makePlane, seedsFor } from '../support/planes.js'
import { random } from '../support/random.js'
import { keyMaker, one, type Next } from '../support/shapes.js'

const SEEDS = process.env.CAIRN_CAMPAIGN === 'full' ? 200 : 20
const PASSES = 4
const HOW = { wait: true, fillCache: true }
const ROOM = Buffer.alloc(100)

function someVersions(next: Next, first: number, count: number): Version[] {
  const make = keyMaker(next)
  const keys = Array.from({ length: Math.ceil(count / (1 + next(3))) }, make)
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(one(next, keys), 'latin1'),
    sequence: first + i,
    type: next(5) === 0 ? 0 : 1,
    value: Buffer.from(`v${first + i},`.repeat(next(4))),
  }))
}

function someOptions(next: Next): TableOptions {
  return {
    blockSizeBytes: one(next, [64, 1000, 4096, 100_000]),
    restartInterval: one(next, [1, 2, 16]),
    compression: next(2) === 0,
    filterBits: one(next, [0, 1, 10]),
  }
}

/** The key, or one that is beside it in the order. */
function near(next: Next, key: Buffer): Buffer {
  const cut = key.subarray(0, next(key.length + 1))
  const last = key.length === 0 ? 0 : key.at(-1)!
  const others = [
    Buffer.concat([key, Buffer.of(next(2))]),
    cut,
    Buffer.concat([cut, Buffer.of(next(256))]),
    Buffer.concat([key.subarray(0, -1), Buffer.of(last + (next(2) === 0 ? 1 : 255))]),
  ]
  return next(3) === 0 ? one(next, others) : key
}

function found(plane: DataPlane, view: View, key: Buffer, at: number): string {
  const length = plane.find(view, key, at, ROOM, 0, HOW)
  const value = length === ABSENT ? 'absent' : ROOM.toString('latin1', 0, length)
  return `${view.found} ${value}`
}

function expected(versions: readonly Version[], key: Buffer, at: number): string {
  const version = modelFind(versions, key, at)
  const value = version?.type === 1 ? version.value.toString('latin1') : 'absent'
  return `${version?.sequence ?? 0} ${value}`
}

eachPlane(t, 'blocks that are asked again and again', async (t, name) => {
  for (let seed = 1; seed <= seedsFor(name, SEEDS); seed++) {
    const uniform = random(seed)
    const next: Next = (limit) => below(uniform, limit)
    const cacheBytes = one(next, [0, 3000, 20_000, 1 << 20])
    const { plane, storage } = await makePlane(t, name, { cacheBytes })
    const versions = someVersions(next, 1, 600)
    const runs: Run[] = []
    for (const [number, from, to] of [
      [2, 500, 600],
      [1, 0, 500],
    ] as const) {
      const meta = await writeTable(storage, number, versions.slice(from, to), someOptions(next))
      runs.push([plane.openTable(meta)])
    }
    const view = plane.createView(runs)
    for (let pass = 0; pass < PASSES; pass++)
      for (let i = 0; i < versions.length; i++) {
        const key = near(next, one(next, versions).key)
        const at = next(3) === 0 ? next(602) : 601
        const [got, right] = [found(plane, view, key, at), expected(versions, key, at)]
        if (got !== right) t.equal(got, right, `seed ${seed}: ${key.toString('hex')} at ${at}`)
      }
    const { cachedBlockBytes } = plane.cacheStats()
    if (cachedBlockBytes > cacheBytes) t.fail(`seed ${seed}: the cache holds ${cachedBlockBytes}`)
    await plane.close()
  }
  t.pass('every answer is the right one')
})

eachPlane(t, 'a block that fills its cache stays there', async (t, name) => {
  const { plane, storage } = await makePlane(t, name, { cacheBytes: 5500 })
  const versions = Array.from({ length: 2000 }, (_, i) => ({
    key: Buffer.from(`k${String(i).padStart(6, '0')}`),
    sequence: i + 1,
    type: 1,
    value: Buffer.from('v'),
  }))
  const table = { blockSizeBytes: 4096, restartInterval: 16, compression: false, filterBits: 10 }
  const view = plane.createView([[plane.openTable(await writeTable(storage, 1, versions, table))]])
  for (let i = 0; i < 6; i++) {
    t.equal(found(plane, view, versions[777]!.key, 3000), '778 v')
    t.ok(
      plane.cacheStats().cachedBlockBytes > 4096,
      'what lies beside a block never costs the block',
    )
  }
  await plane.close()
})
