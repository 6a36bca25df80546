/** What a cursor promises beyond its answers: pages, GROW, COLD, fairness, and its end. */
import t from 'tap'
import { StoreError } from '../../lib/errors.js'
import { COLD, GROW } from '../../lib/plane.js'
import type { DataPlane, Page, View } from '../../lib/plane.js'
import { TINY_TABLES, applyVersions, flipBit, readCursor, writeTable } from '../support/entries.js'
import type { Version } from '../support/entries.js'
import { random } from '../support/random.js'
import { eachPlane, makePlane } from '../support/planes.js'

function put(key: string, sequence: number, value: string): Version {
  return { key: Buffer.from(key), sequence, type: 1, value: Buffer.from(value) }
}

function gone(key: string, sequence: number): Version {
  return { key: Buffer.from(key), sequence, type: 0, value: Buffer.alloc(0) }
}

function viewOf(plane: DataPlane, versions: Version[]): View {
  const memtable = plane.createMemtable()
  applyVersions(memtable, versions, random(1))
  return plane.createView([[memtable]])
}

function newPage(bytes: number, entries: number): Page {
  return { bytes: new Uint8Array(bytes), ends: new Uint32Array(entries * 2) }
}

eachPlane(
  t,
  'GROW says how many bytes the next entry needs, and nothing is lost',
  async (t, name) => {
    const { plane } = await makePlane(t, name)
    const view = viewOf(plane, [put('a', 1, '1'), put('bb', 2, 'x'.repeat(98)), put('c', 3, '')])
    for (const reverse of [false, true]) {
      const cursor = plane.scan(view, { reverse }, 3)
      const page = newPage(50, 10)
      t.equal(cursor.next(page, 10), 1)
      t.equal(cursor.next(page, 10), GROW)
      t.equal(cursor.needed, 100)
      t.equal(cursor.next(page, 10), GROW, 'again while the page is too small')
      t.equal(cursor.next(newPage(100, 10), 10), 1)
      t.equal(cursor.next(page, 10), 1)
      t.equal(cursor.next(page, 10), 0)
      t.equal(cursor.next(page, 10), 0, 'the end stays the end')
      cursor.close()
      t.equal(cursor.next(page, 10), 0)
    }
  },
)

eachPlane(t, 'a page without room is a RangeError; limits bind', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const view = viewOf(plane, [put('a', 1, '1'), put('b', 2, '2'), put('c', 3, '3')])
  const cursor = plane.scan(view, {}, 3)
  t.throws(() => cursor.next(newPage(50, 0), 10), RangeError)
  t.throws(() => cursor.next(newPage(50, 10), 0), RangeError)
  t.equal(cursor.next(newPage(50, 2), 10), 2)
  t.equal(cursor.next(newPage(50, 10), 10), 1)
})

eachPlane(t, 'of one version in two sources the newer source tells the value', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const runs = ['newer', 'older'].map((value) => {
    const memtable = plane.createMemtable()
    applyVersions(memtable, [put('a', 1, value), put('b', 2, value)], random(1))
    return [memtable]
  })
  const view = plane.createView(runs)
  for (const reverse of [false, true]) {
    const reads = await readCursor(plane.scan(view, { reverse }, 9), 9, 9, 99)
    t.same(
      reads.map(({ value }) => value.toString()),
      ['newer', 'newer'],
    )
  }
  const slab = Buffer.alloc(5)
  t.equal(plane.find(view, Buffer.from('a'), 9, slab, 0, { wait: true, fillCache: true }), 5)
  t.equal(slab.toString(), 'newer')
})

eachPlane(t, 'columns that are not wanted are empty', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const view = viewOf(plane, [put('aa', 1, '111'), put('bb', 2, '222')])
  for (const reverse of [false, true]) {
    const page = newPage(50, 10)
    t.equal(plane.scan(view, { values: false, reverse }, 3).next(page, 10), 2)
    t.same([...page.ends.subarray(0, 4)], [2, 2, 4, 4])
    t.equal(plane.scan(view, { keys: false, reverse }, 3).next(page, 10), 2)
    t.same([...page.ends.subarray(0, 4)], [0, 3, 3, 6])
    t.equal(plane.scan(view, { keys: false, values: false, reverse }, 3).next(newPage(0, 9), 9), 2)
  }
})

eachPlane(t, 'a long stretch of deletions lets others run', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const versions = Array.from({ length: 50000 }, (_, i) => gone(`key${i}`, i + 1))
  versions.push(put('a', 50001, 'first'), put('z', 50002, 'last'))
  const view = viewOf(plane, versions)
  for (const reverse of [false, true]) {
    const cursor = plane.scan(view, { reverse }, 60000)
    let cold = 0
    let turns = 0
    const page = newPage(100, 10)
    const seen: string[] = []
    for (;;) {
      const count = cursor.next(page, 10)
      if (count === 0) break
      if (count === COLD) {
        cold++
        setImmediate(() => turns++)
        await cursor.load()
      } else seen.push(Buffer.from(page.bytes.subarray(0, page.ends[0])).toString())
    }
    t.same(seen, reverse ? ['z', 'a'] : ['a', 'z'])
    t.ok(cold >= 2, 'answered COLD in between')
    t.equal(turns, cold, 'and let the event loop turn')
  }
})

eachPlane(
  t,
  'many versions of one key, reverse, cut by every page and every budget',
  async (t, name) => {
    const { plane } = await makePlane(t, name)
    const versions = Array.from({ length: 40000 }, (_, i) =>
      i % 3 === 1 ? gone('k', i + 1) : put('k', i + 1, `value ${i}`),
    )
    versions.push(put('j', 40001, 'before'), put('l', 40002, 'behind'))
    const view = viewOf(plane, versions)
    for (const [at, expected] of [
      [50000, ['l', 'k', 'j']],
      [40001, ['k', 'j']],
      [40000, ['k']],
      [39998, [] as string[]],
    ] as const) {
      for (const limit of [1, 10]) {
        const cursor = plane.scan(view, { reverse: true }, at)
        const reads = await readCursor(cursor, Infinity, limit, 16)
        t.same(
          reads.map(({ key }) => key.toString()),
          expected,
          `at ${at}, ${limit} a page`,
        )
      }
    }
  },
)

eachPlane(t, 'every block cold: a cache of nothing, tables one by one', async (t, name) => {
  const { plane, storage } = await makePlane(t, name, { cacheBytes: 0, maxOpenTables: 1 })
  const versions = Array.from({ length: 300 }, (_, i) =>
    put(`key${String(i).padStart(4, '0')}`, i + 1, `v${i}`),
  )
  const run = []
  for (let i = 0; i < 3; i++)
    run.push(
      plane.openTable(await writeTable(storage, i + 1, versions.slice(i * 100, i * 100 + 100))),
    )
  const view = plane.createView([run])
  for (const reverse of [false, true]) {
    const cursor = plane.scan(view, { reverse, fillCache: false }, 1000)
    // What the kernel has in memory is not cold to the native plane.
    if (name === 'typescript') {
      t.equal(cursor.next(newPage(100, 10), 10), COLD)
      t.equal(cursor.next(newPage(100, 10), 10), COLD, 'until it is loaded')
    }
    const reads = await readCursor(cursor, Infinity, 7, 100)
    const keys = versions.map(({ key }) => key.toString())
    t.same(
      reads.map(({ key }) => key.toString()),
      reverse ? keys.reverse() : keys,
    )
    cursor.seek(Buffer.from('key0150'))
    const [first] = await readCursor(cursor, 1, 7, 100)
    t.equal(first?.key.toString(), 'key0150')
    cursor.close()
  }
  t.equal(plane.cacheStats().cachedBlockBytes, 0)
})

eachPlane(
  t,
  'bounds and targets may be Buffers that their owner changes afterwards',
  async (t, name) => {
    const { plane } = await makePlane(t, name)
    const view = viewOf(plane, [put('a', 1, ''), put('b', 2, ''), put('c', 3, ''), put('d', 4, '')])
    const lower = Buffer.from('b')
    const upper = Buffer.from('c')
    const cursor = plane.scan(view, { lower, upper }, 9)
    lower.fill('a')
    upper.fill('d')
    t.equal((await readCursor(cursor, 9, 1, 9)).map(({ key }) => key.toString()).join(''), 'bc')
    const target = Buffer.from('c')
    cursor.seek(target)
    target.fill('a')
    t.equal((await readCursor(cursor, 9, 1, 9)).map(({ key }) => key.toString()).join(''), 'c')
  },
)

eachPlane(t, 'damage is an error, every time, never a missing entry', async (t, name) => {
  const { plane, storage } = await makePlane(t, name, { cacheBytes: 1 << 20, maxOpenTables: 10 })
  const versions = Array.from({ length: 200 }, (_, i) => put(`key${i}`, i + 1, `value ${i}`))
  const meta = await writeTable(storage, 1, versions)
  await flipBit(storage, '000001.ldb', 1000)
  const view = plane.createView([[plane.openTable(meta)]])
  const cursor = plane.scan(view, {}, 1000)
  await t.rejects(readCursor(cursor, Infinity, 10, 1000), { code: 'CAIRN_CORRUPTION' })
  await t.rejects(readCursor(cursor, Infinity, 10, 1000), { code: 'CAIRN_CORRUPTION' })
})

eachPlane(t, 'read-ahead that meets damage harms only scans that come to it', async (t, name) => {
  const { plane, storage } = await makePlane(t, name, { cacheBytes: 0, maxOpenTables: 10 })
  const versions = Array.from({ length: 400 }, (_, i) =>
    put(`key${String(i).padStart(4, '0')}x`, i + 1, 'v'.repeat(100)),
  )
  const meta = await writeTable(storage, 1, versions, { ...TINY_TABLES, blockSizeBytes: 400 })
  await flipBit(storage, '000001.ldb', 20000)
  const view = plane.createView([[plane.openTable(meta)]])
  const from = async (start: number, reverse: boolean): Promise<'damage' | number> => {
    const cursor = plane.scan(view, { reverse }, 1000)
    cursor.seek(Buffer.from(`key${String(start).padStart(4, '0')}`))
    const page = newPage(1000, 1)
    for (let read = 0, colds = 0; read < 8;) {
      try {
        const count = cursor.next(page, 1)
        if (count === COLD && ++colds > 40) throw new Error(`gets no further from ${start}`)
        if (count === COLD) await cursor.load()
        else if (count === 0) break
        else read++
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        t.equal(error.code, 'CAIRN_CORRUPTION')
        return 'damage'
      }
    }
    return start
  }
  for (const reverse of [false, true]) {
    const damaged: number[] = []
    for (let start = 0; start < 400; start++)
      if ((await from(start, reverse)) === 'damage') damaged.push(start)
    // Those that come to its four entries in eight reads and the step behind the last.
    t.ok(damaged.length > 0 && damaged.length <= 13, `${damaged.join()} reverse ${reverse}`)
  }
})
