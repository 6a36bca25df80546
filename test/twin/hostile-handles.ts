/**
 * Handles that are closed, closed twice, of another plane, or no handles at all.
 */
import type { DataPlane, Memtable, Run, Table, View } from '../../lib/plane.js'
import { ALIVE, HOW, NEVER, TYPED, each, jobOf, keyOf, makeBatch } from './hostile-world.js'
import { makeMemtable, makeTableFile, makeView, newPage, read, valueOf } from './hostile-world.js'
import type { Scenario, World } from './hostile-world.js'

const FAKE_MEMTABLE = { kind: 'memtable', bytes: 0, entries: 0 } as Memtable
const FAKE_TABLE = { kind: 'table', meta: { number: 1 } } as Table
const FAKE_VIEW = { runs: [], found: 0, close() {} } as View

/** Every word of the outcome is this one. */
const all = (word: string): RegExp => new RegExp(`^${word}( ${word})*$`)

/** Every use of a foreign memtable, table and view. */
function usesOf(plane: DataPlane, memtable: Memtable, table: Table, view: View) {
  return [
    () => plane.createView([[memtable]]),
    () => plane.createView([[table]]),
    () => plane.createView([[], [table], [memtable]]),
    () => plane.find(view, keyOf(1), 1, new Uint8Array(9), 0, HOW),
    () => plane.findCold(view, keyOf(1), 1, HOW),
    () => plane.scan(view, {}, 1),
    () => plane.merge(jobOf([[memtable]]), NEVER),
    () => plane.merge(jobOf([[table]]), NEVER),
  ]
}

/** Calls a method of one handle on another one. */
function borrowed(from: object, name: string, on: unknown, ...values: unknown[]): () => unknown {
  const method = (from as Record<string, (...values: unknown[]) => unknown>)[name]!
  return () => method.apply(on, values)
}

async function closedJournal({ plane }: World): Promise<string> {
  const writer = await plane.createJournal('000001.log')
  writer.append(Buffer.from('record'))
  await writer.close()
  await writer.close()
  const reader = await plane.openJournal('000001.log')
  await reader.close()
  await reader.close()
  return each([
    () => writer.append(Buffer.from('more')),
    () => writer.appendLarge(Buffer.from('more')),
    () => writer.sync(),
    () => reader.next(),
    () => reader.findMark(0, 0),
    () => reader.findRecord(0, 0),
  ])
}

function closedMemtable({ plane }: World): Promise<string> {
  const memtable = makeMemtable(plane)
  const view = plane.createView([[memtable]])
  memtable.close()
  memtable.close()
  return each([() => memtable.apply(makeBatch(), 0, 1), () => memtable.apply(makeBatch(), 0, 0)])
    .then((told) => told)
    .finally(() => view.close())
}

async function closedTable({ plane, storage }: World): Promise<string> {
  const table = plane.openTable(await makeTableFile(storage))
  const view = plane.createView([[table]])
  read(plane, view, keyOf(1))
  table.close()
  table.close()
  return each([
    () => table.properties(),
    () => table.offsetOf(keyOf(1)),
    () => plane.find(view, keyOf(1), 1e6, new Uint8Array(200), 0, HOW),
    () => plane.findCold(view, keyOf(1), 1e6, HOW),
  ])
}

async function closedView({ plane }: World): Promise<string> {
  const view = makeView(plane)
  view.close()
  view.close()
  return each([
    () => plane.find(view, keyOf(1), 1, new Uint8Array(9), 0, HOW),
    () => plane.findCold(view, keyOf(1), 1, HOW),
    () => plane.scan(view, {}, 1),
  ])
}

async function closedPlane(world: World): Promise<string> {
  const plane = world.another()
  const meta = await makeTableFile(world.storage)
  const memtable = makeMemtable(plane)
  await plane.close()
  await plane.close()
  return each([
    () => plane.createJournal('000001.log'),
    () => plane.openJournal('000001.log'),
    () => plane.openTable(meta),
    () => plane.merge(jobOf([[memtable]]), NEVER),
  ])
}

/** Everything that may be under way, and then the plane is closed. */
async function closedInFlight(world: World): Promise<string> {
  const plane = world.another()
  const table = plane.openTable(await makeTableFile(world.storage))
  const view = plane.createView([[makeMemtable(plane)], [table]])
  const writer = await plane.createJournal('000001.log')
  writer.append(Buffer.from('record'))
  const reader = await plane.openJournal('000001.log')
  const cursor = plane.scan(view, {}, 1e6)
  const underWay = [
    writer.appendLarge(new Uint8Array(2_000_000)),
    writer.sync(),
    reader.next(),
    reader.findMark(0, 0),
    cursor.load(),
    table.verify(),
    plane.findCold(view, keyOf(1), 1e6, HOW),
    plane.merge(jobOf([[makeMemtable(plane)], [table]]), NEVER),
    plane.close(),
  ]
  view.close()
  table.close()
  const settled = await Promise.allSettled(underWay)
  cursor.close()
  await writer.close()
  await reader.close()
  return settled.map(({ status }) => status).join(' ')
}

async function abandoned(world: World): Promise<string> {
  const plane = world.another()
  const meta = await makeTableFile(world.storage)
  for (let i = 0; i < 300; i++) {
    const table = plane.openTable(meta)
    const view = plane.createView([[makeMemtable(plane)], [table]])
    plane.scan(view, {}, 1e6).next(newPage(), 3)
    void plane.findCold(view, keyOf(i % 50), 1e6, HOW)
    if (i % 100 === 0) void (await plane.createJournal(`${String(100 + i).padStart(6, '0')}.log`))
    if (i % 50 === 0) globalThis.gc?.()
  }
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 10))
  globalThis.gc?.()
  const view = makeView(plane)
  const value = read(plane, view, keyOf(7))
  await plane.close()
  return value
}

function reentrant(name: 'onDamage' | 'progress', what: (world: World, run: Run) => unknown) {
  return async (world: World): Promise<string> => {
    const { plane, storage } = world
    const run = [plane.openTable(await makeTableFile(storage))]
    const job = jobOf([run, [makeMemtable(plane)]], { [name]: () => void what(world, run) })
    return (await plane.merge(job, NEVER)).map(({ number }) => number).join()
  }
}

export const HANDLES: readonly Scenario[] = [
  { name: 'closed journals', expected: all('CAIRN_NOT_OPEN'), run: closedJournal },
  { name: 'closed memtables', expected: all('TypeError'), run: closedMemtable },
  { name: 'closed tables', expected: all('CAIRN_NOT_OPEN'), run: closedTable },
  { name: 'closed views', expected: all('TypeError'), run: closedView },
  { name: 'closed planes', expected: all('CAIRN_NOT_OPEN'), run: closedPlane },
  { name: 'a plane closed with everything under way', expected: ALIVE, run: closedInFlight },
  {
    name: 'a closed memtable in a view',
    expected: /^(TypeError|fine) (TypeError|fine) (TypeError|fine) (TypeError|fine)$/,
    run: ({ plane }) => {
      const memtable = makeMemtable(plane)
      const view = plane.createView([[memtable]])
      memtable.close()
      return each([
        () => plane.createView([[memtable]]),
        () => plane.find(view, keyOf(1), 1e6, new Uint8Array(200), 0, HOW),
        () => plane.scan(view, {}, 1e6).next(newPage(), 1),
        () => plane.merge(jobOf([[memtable]]), NEVER),
      ])
    },
  },
  {
    name: 'a closed cursor is at its end',
    expected: /^0 0 fine$|^0 0 TypeError$/,
    run: async ({ plane }) => {
      const cursor = plane.scan(makeView(plane), {}, 1e6)
      cursor.next(newPage(), 1)
      cursor.close()
      cursor.close()
      const counts = [cursor.next(newPage(), 1), cursor.next(newPage(), 1)]
      return `${counts.join(' ')} ${await each([() => cursor.load()])}`
    },
  },
  {
    name: 'a cursor whose view and sources are closed',
    expected: ALIVE,
    run: async ({ plane, storage }) => {
      const table = plane.openTable(await makeTableFile(storage))
      const memtable = makeMemtable(plane)
      const view = plane.createView([[memtable], [table]])
      const cursor = plane.scan(view, {}, 1e6)
      cursor.next(newPage(), 2)
      view.close()
      table.close()
      memtable.close()
      globalThis.gc?.()
      return each([
        () => cursor.next(newPage(), 5),
        () => cursor.load(),
        () => cursor.seek(keyOf(30)),
        () => cursor.next(newPage(), 5),
        () => cursor.close(),
      ])
    },
  },
  {
    name: 'what is no handle',
    expected: all('TypeError'),
    run: async ({ plane }) => {
      const fakes = usesOf(plane, FAKE_MEMTABLE, FAKE_TABLE, FAKE_VIEW)
      const nothing = undefined as unknown
      const things = [nothing, null, 5, 'view', {}, [], () => 0, Symbol('view'), new Map()]
      for (const thing of things)
        fakes.push(...usesOf(plane, thing as Memtable, thing as Table, thing as View))
      return each(fakes)
    },
  },
  {
    name: 'handles dressed up: prototypes and proxies of true ones',
    expected: all('TypeError'),
    run: async ({ plane, storage }) => {
      const memtable = makeMemtable(plane)
      const [dressed, proxy] = [Object.create(memtable) as Memtable, new Proxy(memtable, {})]
      const table = plane.openTable(await makeTableFile(storage))
      return each([
        () => dressed.apply(makeBatch(), 0, 1),
        () => proxy.apply(makeBatch(), 0, 1),
        borrowed(memtable, 'apply', table, makeBatch(), 0, 1),
        borrowed(memtable, 'apply', undefined, makeBatch(), 0, 1),
        borrowed(memtable, 'apply', {}, makeBatch(), 0, 1),
      ])
    },
  },
  {
    name: "the other plane's handles",
    expected: all('TypeError'),
    run: async (world) => {
      const foreign = world.foreign()
      if (foreign === undefined) return 'TypeError'
      const memtable = makeMemtable(foreign)
      const table = foreign.openTable(await makeTableFile(world.storage))
      const view = foreign.createView([[memtable]])
      const told = await each([
        ...usesOf(world.plane, memtable, table, view),
        borrowed(makeMemtable(world.plane), 'apply', memtable, makeBatch(), 0, 1),
        borrowed(memtable, 'apply', makeMemtable(world.plane), makeBatch(), 0, 1),
      ])
      await foreign.close()
      return told
    },
  },
  {
    name: 'handles of another plane of the same kind',
    expected: ALIVE,
    run: async (world) => {
      const another = world.another()
      const memtable = makeMemtable(another)
      const table = another.openTable(await makeTableFile(world.storage))
      const view = another.createView([[memtable], [table]])
      const told = await each(usesOf(world.plane, memtable, table, view))
      await another.close()
      return `${told} ${await each(usesOf(world.plane, memtable, table, view))}`
    },
  },
  {
    name: 'one table twice in a view, and a run of two memtables',
    expected: TYPED,
    run: async ({ plane, storage }) => {
      const table = plane.openTable(await makeTableFile(storage))
      const twice = plane.createView([[table], [table]])
      if (read(plane, twice, keyOf(3)) !== valueOf(3)) return 'another value'
      return plane.createView([[makeMemtable(plane), makeMemtable(plane)]])
    },
  },
  { name: 'handles that nobody closes', expected: /^value 7 /, run: abandoned },
  {
    name: 'a merge whose progress throws',
    expected: ALIVE,
    run: reentrant('progress', () => {
      throw new Error('thrown by the caller')
    }),
  },
  {
    name: 'a merge whose progress closes its sources',
    expected: ALIVE,
    run: reentrant('progress', (_, run) => run.forEach((source) => source.close())),
  },
  {
    name: 'a merge whose progress closes the plane',
    expected: ALIVE,
    run: reentrant('progress', ({ plane }) => void plane.close()),
  },
]
