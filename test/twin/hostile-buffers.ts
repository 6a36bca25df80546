/**
 * Buffers that are detached, resized, shared, or changed right after the call that was given them.
 */
import { crc32c } from '../../lib/checksum/crc32c.js'
import { GROW } from '../../lib/plane.js'
import { ENTRIES, HOW, TYPED, each, keyOf, makeBatch, makeMemtable } from './hostile-world.js'
import { makeTableFile, makeView, newPage, read, recordsOf, valueOf } from './hostile-world.js'
import type { Scenario, World } from './hostile-world.js'

const JOURNAL = '000001.log'
const MIB = 1024 * 1024

export function detach(bytes: Uint8Array): Uint8Array {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
  return bytes
}

type Resizable = ArrayBuffer & { resize(length: number): void }

/** A copy on a buffer that can still grow and shrink. */
function resizable(bytes: Uint8Array): { view: Uint8Array; buffer: Resizable } {
  const make = ArrayBuffer as unknown as new (
    n: number,
    how: { maxByteLength: number },
  ) => Resizable
  const buffer = new make(bytes.length, { maxByteLength: 4 * bytes.length + 64 })
  const view = new Uint8Array(buffer)
  view.set(bytes)
  return { view, buffer }
}

/** A view whose buffer has shrunk below it. */
function outOfBounds(bytes: Uint8Array): Uint8Array {
  const { buffer } = resizable(bytes)
  const view = new Uint8Array(buffer, 0, bytes.length)
  buffer.resize(0)
  return view
}

function shared(bytes: Uint8Array): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length))
  view.set(bytes)
  return view
}

const RECORD = Uint8Array.of(1, 2, 3, 4)
/** A copy of its own: `Buffer` shares memory with others. */
const own = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

/** What a journal holds after an append of each. */
async function appended(world: World, append: (writer: Writer) => unknown): Promise<string> {
  const writer = await world.plane.createJournal(JOURNAL)
  await append(writer)
  await writer.sync()
  await writer.close()
  return recordsOf(world.plane, JOURNAL)
}

type Writer = Awaited<ReturnType<World['plane']['createJournal']>>

/** Three MiB of sevens, appended as a large record, and something done to them meanwhile. */
async function largeThen(world: World, meanwhile: (bytes: Uint8Array) => void): Promise<string> {
  return appended(world, async (writer) => {
    const large = new Uint8Array(3 * MIB).fill(7)
    const written = writer.appendLarge(large)
    meanwhile(large)
    await written
  })
}

const NOTHING_OR_TYPED = /^(end: $|TypeError )/

export const BUFFERS: readonly Scenario[] = [
  {
    name: 'append: detached, or a view out of its buffer',
    expected: NOTHING_OR_TYPED,
    run: (world) => appended(world, (writer) => writer.append(detach(own(RECORD)))),
  },
  {
    name: 'append: a view out of its buffer',
    expected: NOTHING_OR_TYPED,
    run: (world) => appended(world, (writer) => writer.append(outOfBounds(RECORD))),
  },
  {
    name: 'append: resizable, grown and shared buffers',
    expected:
      /^end: 01020304 0102030400 01020304 $|^TypeError |^end: 01020304 0102030400 01020304$/,
    run: (world) =>
      appended(world, (writer) => {
        const { view, buffer } = resizable(RECORD)
        writer.append(view)
        buffer.resize(5)
        writer.append(view)
        writer.append(shared(RECORD))
      }),
  },
  {
    name: 'append: changed right after the call',
    expected: /^end: 01020304 01020304$/,
    run: (world) =>
      appended(world, (writer) => {
        const [first, second] = [own(RECORD), own(RECORD)]
        writer.append(first)
        first.fill(9)
        writer.append(second)
        detach(second)
      }),
  },
  {
    name: 'appendLarge: one piece, changed right after the call',
    expected: /^end: 100000 bytes of 7$/,
    run: (world) =>
      appended(world, async (writer) => {
        const large = new Uint8Array(100_000).fill(7)
        const written = writer.appendLarge(large)
        large.fill(9)
        await written
      }),
  },
  {
    name: 'appendLarge: changed right after the call',
    expected: /^end: 3145728 bytes of 7$/,
    run: (world) => largeThen(world, (bytes) => bytes.fill(9)),
  },
  {
    name: 'appendLarge: detached right after the call',
    expected: /^end: 3145728 bytes of 7$/,
    run: (world) => largeThen(world, (bytes) => void detach(bytes)),
  },
  {
    name: 'appendLarge: detached, resizable and shared',
    expected: /^(end: {1,2}01020304 01020304$|TypeError )/,
    run: (world) =>
      appended(world, async (writer) => {
        await writer.appendLarge(detach(own(RECORD))).catch((error: unknown) => {
          if (!(error instanceof TypeError)) throw error
        })
        await writer.appendLarge(resizable(RECORD).view)
        await writer.appendLarge(shared(RECORD))
      }),
  },
  {
    name: 'apply: detached, or a view out of its buffer',
    expected: /^((FormatError|TypeError|CAIRN_\w+) ?){2}$/,
    run: ({ plane }) => {
      const memtable = plane.createMemtable()
      return each([
        () => memtable.apply(detach(makeBatch()), 0, 10),
        () => memtable.apply(outOfBounds(makeBatch()), 0, 10),
      ])
    },
  },
  {
    name: 'apply: resizable and shared, and changed right after the call',
    expected: /^fine (fine|TypeError) value 7 /,
    run: async ({ plane }) => {
      const [one, two] = [plane.createMemtable(), plane.createMemtable()]
      const [resized, other] = [resizable(makeBatch()), shared(makeBatch())]
      const told = await each([
        () => one.apply(resized.view, 0, Infinity),
        () => two.apply(other, 0, Infinity),
      ])
      resized.view.fill(0xff)
      resized.buffer.resize(0)
      other.fill(0xff)
      const values = [one, two]
        .filter(({ entries }) => entries > 0)
        .map((memtable) => read(plane, plane.createView([[memtable]]), keyOf(7)))
      if (values.some((value) => value !== valueOf(7))) return `found ${values.join()}`
      return `${told} ${values[0]}`
    },
  },
  {
    name: 'apply: a batch that changes or goes away between its parts',
    expected: TYPED,
    run: ({ plane }) => {
      const memtable = plane.createMemtable()
      const batch = makeBatch()
      memtable.apply(batch, 0, 3)
      detach(batch)
      return memtable.apply(batch, 3, 3)
    },
  },
  {
    name: 'apply: a batch that shrinks between its parts',
    expected: TYPED,
    run: ({ plane }) => {
      const memtable = plane.createMemtable()
      const { view, buffer } = resizable(makeBatch())
      memtable.apply(view, 0, 3)
      buffer.resize(40)
      return memtable.apply(view, 3, Infinity)
    },
  },
  {
    name: 'find: a key that is detached is the empty one, and a slab without room is not written',
    expected: /^-1 \d+ \d+$|^TypeError /,
    run: ({ plane }) => {
      const view = makeView(plane)
      const slab = new Uint8Array(200)
      return [
        plane.find(view, detach(own(keyOf(1))), 1e6, slab, 0, HOW),
        plane.find(view, keyOf(1), 1e6, detach(new Uint8Array(200)), 0, HOW),
        plane.find(view, keyOf(1), 1e6, outOfBounds(new Uint8Array(200)), 0, HOW),
      ].join(' ')
    },
  },
  {
    name: 'find: resizable and shared keys and slabs',
    expected: /^value 7 |^TypeError /,
    run: ({ plane }) => {
      const view = makeView(plane)
      const slabs = [resizable(new Uint8Array(200)).view, shared(new Uint8Array(200))]
      const keys = [resizable(keyOf(7)).view, shared(keyOf(7))]
      for (const [i, slab] of slabs.entries()) {
        const length = plane.find(view, keys[i]!, 1e6, slab, 0, HOW)
        const value = Buffer.from(slab.slice(0, length)).toString()
        if (value !== valueOf(7)) return `found ${value}`
      }
      return valueOf(7)
    },
  },
  {
    name: 'findCold and offsetOf: a key that changes right after the call',
    expected: /^value 7 value 7 .* true$/,
    run: async ({ plane, storage }) => {
      const meta = await makeTableFile(storage)
      const view = plane.createView([[plane.openTable(meta)]])
      const [key, gone] = [own(keyOf(7)), own(keyOf(7))]
      const found = [plane.findCold(view, key, 1e6, HOW), plane.findCold(view, gone, 1e6, HOW)]
      key.fill(0)
      detach(gone)
      const values = (await Promise.all(found)).map((value) => Buffer.from(value ?? []).toString())
      const table = plane.openTable(meta)
      const far = own(keyOf(50))
      const offset = table.offsetOf(far)
      far.fill(0)
      const told = values.map((value) => value.slice(0, 7)).join(' ')
      return `${told} ${valueOf(7)} ${(await offset) > 0}`
    },
  },
  {
    name: 'scan: bounds and targets that are detached or change right after the call',
    expected: /^key1030$|^TypeError /,
    run: ({ plane }) => {
      const view = makeView(plane)
      const [lower, target] = [own(keyOf(10)), own(keyOf(30))]
      const cursor = plane.scan(view, { lower }, 1e6)
      detach(lower)
      cursor.seek(target)
      target.fill(0)
      const page = newPage()
      cursor.next(page, 1)
      cursor.seek(detach(own(keyOf(1))))
      return Buffer.from(page.bytes.subarray(0, page.ends[0])).toString()
    },
  },
  {
    name: 'scan: a page whose bytes are gone has no room, and whose ends are gone is refused',
    expected: /^(true (RangeError|TypeError)|TypeError .*)$/,
    run: async ({ plane }) => {
      const cursor = plane.scan(makeView(plane), {}, 1e6)
      const page = newPage()
      detach(page.bytes)
      const first = cursor.next(page, 5)
      const { ends } = newPage()
      detach(new Uint8Array(ends.buffer))
      const second = await each([() => cursor.next({ bytes: new Uint8Array(500), ends }, 5)])
      return `${first === GROW && cursor.needed > 0} ${second}`
    },
  },
  {
    name: 'scan: pages that are shared, resizable and shrink between calls',
    expected: /^key1000 true|^TypeError /,
    run: ({ plane }) => {
      const cursor = plane.scan(makeView(plane), {}, 1e6)
      const { view: bytes, buffer } = resizable(new Uint8Array(400))
      const ends = new Uint32Array(new SharedArrayBuffer(80))
      cursor.next({ bytes, ends }, 1)
      const key = Buffer.from(bytes.slice(0, ends[0])).toString()
      buffer.resize(3)
      return `${key} ${cursor.next({ bytes, ends }, 1) === GROW}`
    },
  },
  {
    name: 'crc32c: detached, resizable, shared, and out of its buffer',
    expected: /^true$|^TypeError /,
    run: ({ plane }) => {
      const right = crc32c(RECORD)
      const sums = [detach(own(RECORD)), outOfBounds(RECORD)].map((bytes) => plane.crc32c(bytes))
      sums.push(plane.crc32c(resizable(RECORD).view) - right, plane.crc32c(shared(RECORD)) - right)
      return String(sums.every((sum) => sum === 0))
    },
  },
  {
    name: 'what was read stays, whatever becomes of its source',
    expected: /^true$/,
    run: async ({ plane, storage }) => {
      const meta = await makeTableFile(storage)
      const table = plane.openTable(meta)
      const memtable = makeMemtable(plane)
      const view = plane.createView([[memtable], [table]])
      const value = await plane.findCold(view, keyOf(ENTRIES - 1), 1e6, HOW)
      const before = Buffer.from(value!).toString()
      view.close()
      memtable.close()
      table.close()
      await storage.remove('000005.ldb')
      globalThis.gc?.()
      return String(Buffer.from(value!).toString() === before && before === valueOf(ENTRIES - 1))
    },
  },
]
