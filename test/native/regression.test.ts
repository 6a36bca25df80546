/**
 * What once was wrong at the edge between JavaScript and the native plane.
 *
 * Listeners and error makers that throw, owners that are collected, memory that threads share, and
 * the words of the system's errors; on both planes where the seam promises it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import t from 'tap'
import { CairnLevel } from '../../lib/index.js'
import type { StoreError } from '../../lib/index.js'
import { ABSENT, COLD } from '../../lib/plane.js'
import type { Cursor, DataPlane, MergeJob, Table } from '../../lib/plane.js'
import type { NativeAddon, NativeMergeJob } from '../../lib/planes/addon.js'
import { makeError } from '../../lib/planes/bridge/errors.js'
import { findNative, flawOf } from '../../lib/planes/native.js'
import { selectPlane } from '../../lib/planes/select.js'
import { eachPlane, freshStorage, makePlane, nativeMissing } from '../support/planes.js'
import { TINY_TABLES } from '../support/entries.js'
import { ENTRIES, HOW, NEVER, keyOf, makeMemtable, newPage } from '../twin/hostile-world.js'

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void

const search = findNative(process.env['CAIRN_ADDON'] || undefined)
const native = nativeMissing === undefined ? {} : { skip: nativeMissing }

function addonOf(): NativeAddon {
  if (search.addon === undefined) throw new Error(search.reason)
  return search.addon
}

function jobOf(plane: DataPlane, more: Partial<MergeJob> = {}): MergeJob {
  return {
    inputs: [[makeMemtable(plane)]],
    snapshots: [1e6],
    outputs: [5, 6, 7],
    table: TINY_TABLES,
    maxTableBytes: 1 << 20,
    deeper: [],
    grandparents: [],
    maxGrandparentBytes: 1 << 20,
    ...more,
  }
}

/** Runs the collector until nothing more is to be expected of it. */
async function collected(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    collect()
    await nextTurn()
  }
}

eachPlane(t, 'a listener that throws ends its merge, and nothing else', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  const wrong = new Error('of the listener')
  let told = 0
  const progress = (): void => {
    told++
    throw wrong
  }
  await t.rejects(plane.merge(jobOf(plane, { progress }), NEVER), wrong)
  t.equal(told, 1, 'it is told no more')
  t.same(await storage.list('table'), [], 'what was written is removed')
  const journal = await plane.createJournal('000009.log')
  journal.append(Buffer.from('record'))
  await journal.sync()
  await journal.close()
  t.equal((await plane.merge(jobOf(plane), NEVER)).length, 1, 'the next merge is one as any')
})

eachPlane(t, 'a table and a cursor outlive a plane that is forgotten', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  const [meta] = await plane.merge(jobOf(plane), NEVER)
  const forgotten = (): { table: Table; cursor: Cursor } => {
    const other = selectPlane(name, { storage, cacheBytes: 0, maxOpenTables: 9 }).plane
    const view = other.createView([[other.openTable(meta!)]])
    return { table: other.openTable(meta!), cursor: other.scan(view, {}, 1e6) }
  }
  const { table, cursor } = forgotten()
  await collected()
  t.ok((await table.offsetOf(keyOf(ENTRIES - 1))) > 0, 'the table reads its index')
  const page = newPage()
  let count = cursor.next(page, 1)
  for (; count === COLD; count = cursor.next(page, 1)) await cursor.load()
  t.same(page.bytes.subarray(0, page.ends[0]), keyOf(0), 'the cursor reads its blocks')
  cursor.close()
  table.close()
})

eachPlane(t, 'keys in memory that threads share', async (t, name) => {
  const key = new Uint8Array(new SharedArrayBuffer(4)).fill(7)
  const { location } = freshStorage(t, 'native')
  const db = new CairnLevel<Uint8Array, string>(location, { plane: name, keyEncoding: 'view' })
  await db.put(key, 'value')
  for (const when of ['in memory', 'in a table']) {
    t.equal(await db.get(key), 'value', `get: ${when}`)
    t.same(await db.getMany([key, Uint8Array.of(1)]), ['value', undefined], `getMany: ${when}`)
    t.same(await db.keys({ gte: key, lte: key }).all(), [Uint8Array.from(key)], `keys: ${when}`)
    t.ok((await db.approximateSize(key, key)) >= 0, `approximateSize: ${when}`)
    await db.compactRange(key, key)
  }
  await db.del(key)
  t.equal(await db.get(key), undefined)
  await db.close()
})

t.test('nothing is written to memory that threads share', native, async (t) => {
  const { plane } = await makePlane(t, 'native')
  const view = plane.createView([[makeMemtable(plane)]])
  const into = new Uint8Array(new SharedArrayBuffer(100))
  t.throws(() => plane.find(view, keyOf(1), 1e6, into, 0, HOW), TypeError)
  t.same(into, new Uint8Array(100))
  view.close()
})

eachPlane(t, "the system's errors in the system's words", async (t, name) => {
  const storage = freshStorage(t, 'native')
  const { plane } = await makePlane(t, name, { storage })
  const long = 'x'.repeat(300)
  const error = await plane.createJournal(long).then(undefined, (error: StoreError) => error)
  t.match(error, {
    code: 'CAIRN_IO',
    message: `could not create ${long}: ENAMETOOLONG: name too long, `,
    cause: { code: 'ENAMETOOLONG', message: /^ENAMETOOLONG: name too long, / },
  })
})

t.test('an addon that was made in another realm', native, async (t) => {
  const words = vm.runInNewContext('new Float64Array(4)') as Float64Array
  t.equal(flawOf({ ...addonOf(), words }), undefined)
  t.equal(flawOf({ ...addonOf(), words: new Uint8Array(4) }), 'it has no words')
})

t.test('a plane that is closed while the job of a merge is read', native, async (t) => {
  const storage = freshStorage(t, 'native')
  await storage.createDirectory()
  const addon = addonOf()
  const plane = addon.planeOpen(storage.location, 0, 1, 0)
  const own = makePlane(t, 'native', { storage })
  const { table, ...job } = jobOf((await own).plane, { inputs: [] })
  const closing = { ...job, ...table, skipDamage: false } as Record<string, unknown>
  Object.defineProperty(closing, 'inputs', {
    get: () => {
      addon.planeClose(plane)
      return []
    },
  })
  const [merge, tables] = addon.mergeStart(plane, closing as unknown as NativeMergeJob, () => {})
  t.same(await tables, [])
  addon.mergeFree(merge)
})

t.test('a maker of errors that throws, or is none', native, async (t) => {
  const { storage } = await makePlane(t, 'native')
  const addon = addonOf()
  const plane = addon.planeOpen(storage.location, 0, 1, 0)
  t.teardown(() => addon.setErrorMaker(makeError))
  addon.setErrorMaker(() => {
    throw new SyntaxError('of the maker')
  })
  t.throws(() => addon.journalCreate(plane, ''), SyntaxError)
  await t.rejects(addon.readerOpen(plane, '000404.log', 1, 1), SyntaxError, 'a promise settles too')
  addon.setErrorMaker(undefined as never)
  t.throws(() => addon.journalCreate(plane, ''), /^not a file name/)
  addon.setErrorMaker(makeError)
  t.throws(() => addon.journalCreate(plane, ''), TypeError)
  const memtable = addon.memtableCreate()
  const view = addon.viewCreate([[memtable]])
  t.equal(addon.find(view, keyOf(1), 1, new Uint8Array(1), 0, 0), ABSENT, 'nothing is left over')
  for (const free of [() => addon.viewFree(view), () => addon.memtableFree(memtable)]) free()
  addon.planeClose(plane)
})
