/**
 * Numbers that are no lengths: beyond 2^32 and 2^53, negative, fractions, not numbers at all; and
 * arguments of other types, or none.
 */
import type { DataPlane, MergeJob } from '../../lib/plane.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { ABSENT } from '../../lib/plane.js'
import { ALIVE, HOW, NEVER, each, jobOf, keyOf, makeBatch, makeMemtable } from './hostile-world.js'
import { makeTableFile, makeView, newPage, read, valueOf } from './hostile-world.js'
import type { Scenario } from './hostile-world.js'

const ODD = [NaN, -1, -0.5, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 53, 2 ** 64, Infinity, -Infinity]
const WILD: readonly unknown[] = [
  ...[undefined, null, true, 'text', 5n, {}, [], [1, 2], new Date(0), Symbol('s'), () => 0],
  ...[new ArrayBuffer(8), new DataView(new ArrayBuffer(8)), new Float64Array(4), new Int8Array(3)],
]

const RANGE_ERROR = /^(RangeError|TypeError)( (RangeError|TypeError))*$/

/** Every method of the seam, with everything wild in each place. */
async function wildCalls(plane: DataPlane, meta: TableMeta): Promise<string> {
  const view = plane.createView([[makeMemtable(plane)], [plane.openTable(meta)]])
  const calls: (() => unknown)[] = []
  for (const wild of WILD) {
    const any = wild as never
    const memtable = makeMemtable(plane)
    calls.push(
      ...[() => plane.crc32c(any), () => plane.crc32c(keyOf(1), any)],
      ...[() => memtable.apply(any, 0, 1), () => memtable.apply(makeBatch(), any, 1)],
      ...[() => memtable.apply(makeBatch(), 0, any), () => plane.openTable(any)],
      ...[
        () => plane.createView(any),
        () => plane.createView([any]),
        () => plane.scan(view, any, 9),
      ],
      () => plane.find(view, any, 9, new Uint8Array(200), 0, HOW),
      () => plane.find(view, keyOf(1), any, new Uint8Array(200), 0, HOW),
      () => plane.find(view, keyOf(1), 9, any, 0, HOW),
      () => plane.find(view, keyOf(1), 9, new Uint8Array(200), any, HOW),
      () => plane.find(view, keyOf(1), 9, new Uint8Array(200), 0, any),
      () => plane.findCold(view, any, 9, HOW),
      () => plane.findCold(view, keyOf(1), any, HOW),
      () => plane.findCold(view, keyOf(1), 9, any),
      () => plane.scan(view, { lower: any, upper: any }, 9).next(newPage(), 5),
      () => plane.scan(view, {}, any).next(newPage(), 5),
      () => plane.scan(view, {}, 9).next(any, 5),
      () => plane.scan(view, {}, 9).next(newPage(), any),
      () => plane.scan(view, {}, 9).next({ bytes: any, ends: any }, 5),
      () => plane.scan(view, {}, 9).seek(any),
      () => plane.merge(any, NEVER),
      () => plane.merge(jobOf([[makeMemtable(plane)]]), any),
      () => plane.createJournal(any),
      () => plane.openJournal(any),
      () => plane.openJournal('000001.log', any),
    )
  }
  await each(calls)
  return read(plane, makeView(plane), keyOf(7))
}

async function wildHandles(plane: DataPlane, meta: TableMeta): Promise<string> {
  const writer = await plane.createJournal('000001.log')
  writer.append(Buffer.from('record'))
  const reader = await plane.openJournal('000001.log')
  const table = plane.openTable(meta)
  const calls: (() => unknown)[] = []
  for (const wild of [...WILD, ...ODD]) {
    const any = wild as never
    calls.push(
      ...[() => reader.findMark(any, 0), () => reader.findMark(0, any)],
      ...[() => reader.findRecord(any, 0), () => reader.findRecord(0, any)],
      ...[() => reader.resume(any), () => reader.next(), () => table.offsetOf(any)],
      ...[() => reader.resume(0, any), () => writer.reseed(any)],
      ...[() => writer.append(any), () => writer.append(Buffer.from('more'), any)],
      ...[() => writer.appendLarge(any), () => writer.appendLarge(Buffer.from('more'), any)],
    )
  }
  await each(calls)
  await writer.close()
  await reader.close()
  return read(plane, plane.createView([[table]]), keyOf(7))
}

/** A merge job with one odd number in every place, by turns. */
function oddJobs(job: MergeJob): MergeJob[] {
  return ODD.flatMap((odd) => [
    { ...job, snapshots: [odd] },
    { ...job, outputs: [odd] },
    { ...job, outputs: [100, odd, 101] },
    { ...job, maxTableBytes: odd },
    { ...job, maxGrandparentBytes: odd },
    { ...job, table: { ...job.table, blockSizeBytes: odd } },
    { ...job, table: { ...job.table, restartInterval: odd } },
    // Filters as large as they are asked for: what is merely large would be made.
    { ...job, table: { ...job.table, filterBits: odd } },
    { ...job, grandparents: [{ smallest: keyOf(0), largest: keyOf(9), sizeBytes: odd }] },
  ])
}

export const NUMBERS: readonly Scenario[] = [
  {
    name: 'apply: records that are not there',
    expected: RANGE_ERROR,
    run: ({ plane }) => {
      const memtable = plane.createMemtable()
      const froms = ODD.map((odd) => () => memtable.apply(makeBatch(), odd, 1))
      const limits = [NaN, -1, -Infinity].map((odd) => () => memtable.apply(makeBatch(), 0, odd))
      return each([...froms, ...limits])
    },
  },
  {
    name: 'apply: more records than there are',
    expected: /^60 60 60 60$/,
    run: ({ plane }) => {
      const limits = [2 ** 32, 2 ** 33, 2 ** 53, Infinity]
      return limits.map((limit) => plane.createMemtable().apply(makeBatch(), 0, limit)).join(' ')
    },
  },
  {
    name: 'find: offsets without room copy nothing',
    expected: /^true$/,
    run: async ({ plane }) => {
      const view = makeView(plane)
      const { length } = Buffer.from(valueOf(7))
      const right: boolean[] = []
      for (const offset of [2 ** 31, 2 ** 32, 2 ** 33, 2 ** 53, Infinity, 190]) {
        const slab = new Uint8Array(200)
        const found = await Promise.resolve()
          .then(() => plane.find(view, keyOf(7), 1e6, slab, offset, HOW))
          .catch((error: unknown) => error)
        const typed = found instanceof RangeError || found instanceof TypeError
        right.push((found === length || typed) && slab.every((byte) => byte === 0))
      }
      return String(right.every(Boolean))
    },
  },
  {
    name: 'find: offsets that are none, and sequences that nobody has',
    expected: /^value 7 /,
    run: async ({ plane }) => {
      const view = makeView(plane)
      const calls = ODD.flatMap((odd) => [
        () => plane.find(view, keyOf(7), 1e6, new Uint8Array(200), odd, HOW),
        () => plane.find(view, keyOf(7), odd, new Uint8Array(200), 0, HOW),
        () => plane.findCold(view, keyOf(7), odd, HOW),
        () => plane.scan(view, {}, odd).next(newPage(), 1),
      ])
      await each(calls)
      return read(plane, view, keyOf(7))
    },
  },
  {
    name: 'find: long keys',
    expected: /^-1$/,
    run: ({ plane }) => {
      const view = makeView(plane)
      const found = plane.find(view, new Uint8Array(20e6), 1e6, new Uint8Array(9), 0, HOW)
      return String(found === ABSENT ? ABSENT : found)
    },
  },
  {
    name: 'scan: pages and limits without room',
    expected: RANGE_ERROR,
    run: ({ plane }) => {
      const cursor = plane.scan(makeView(plane), {}, 1e6)
      const none = { bytes: new Uint8Array(500), ends: new Uint32Array(1) }
      const limits = [NaN, -1, 0, -Infinity].map((limit) => () => cursor.next(newPage(), limit))
      return each([...limits, () => cursor.next(none, 5)])
    },
  },
  {
    name: 'scan: limits beyond the page',
    expected: /^10 10 10 10$/,
    run: ({ plane }) => {
      const cursor = plane.scan(makeView(plane), {}, 1e6)
      const limits = [2 ** 32, 2 ** 33, 2 ** 53, Infinity]
      return limits.map((limit) => cursor.next(newPage(2000), limit)).join(' ')
    },
  },
  {
    name: 'journal: places that are not there',
    expected: /^undefined undefined end undefined undefined end( RangeError){11}$/,
    run: async ({ plane }) => {
      const writer = await plane.createJournal('000001.log')
      writer.append(Buffer.from('record'))
      await writer.close()
      const reader = await plane.openJournal('000001.log')
      const told: unknown[] = []
      for (const far of [2 ** 33, 2 ** 52]) {
        told.push(await reader.findMark(far, 0), await reader.findRecord(far, 0))
        reader.resume(far)
        await reader.next()
        told.push(reader.verdict?.kind)
      }
      told.push(await each([NaN, -1, 0.5].map((odd) => () => reader.resume(odd))))
      const seeds = [NaN, -1, 0.5, 2 ** 32]
      told.push(await each(seeds.map((odd) => () => reader.resume(0, odd))))
      const other = await plane.createJournal('000002.log')
      told.push(await each(seeds.map((odd) => () => other.reseed(odd))))
      await other.close()
      await reader.close()
      return told.map(String).join(' ')
    },
  },
  {
    name: 'table: metas that the file does not have',
    expected: /^(CAIRN_CORRUPTION ?)+$/,
    run: async ({ plane, storage }) => {
      const meta = await makeTableFile(storage)
      const sizes = [0, 47, 48, meta.sizeBytes - 1, meta.sizeBytes + 1, 2 ** 32 + meta.sizeBytes]
      return each(
        sizes.map((sizeBytes) => () => {
          const view = plane.createView([[plane.openTable({ ...meta, sizeBytes })]])
          return plane.find(view, keyOf(1), 1e6, new Uint8Array(200), 0, HOW)
        }),
      )
    },
  },
  {
    name: 'table: metas that make no sense',
    expected: /^value 7 /,
    run: async ({ plane, storage }) => {
      const meta = await makeTableFile(storage)
      const metas: TableMeta[] = [
        ...ODD.flatMap((odd) => [
          { ...meta, number: odd },
          { ...meta, sizeBytes: odd },
        ]),
        { ...meta, smallest: new Uint8Array(0), largest: new Uint8Array(3) },
      ]
      const uses = metas.flatMap((odd) => [
        () => plane.openTable(odd).verify(),
        () => plane.openTable(odd).offsetOf(keyOf(1)),
        () => read(plane, plane.createView([[plane.openTable(odd)]]), keyOf(1)),
      ])
      await each(uses)
      return read(plane, plane.createView([[plane.openTable(meta)]]), keyOf(7))
    },
  },
  {
    name: 'merge: jobs of odd numbers',
    expected: /^value 7 /,
    run: async ({ plane, storage }) => {
      const source = makeMemtable(plane)
      for (const job of oddJobs(jobOf([[source]]))) {
        await each([() => plane.merge(job, NEVER)])
        for (const { name } of await storage.list('table')) await storage.remove(name)
      }
      return read(plane, plane.createView([[source]]), keyOf(7))
    },
  },
  {
    name: 'journals: names that lead elsewhere',
    expected: /^((CAIRN_\w+|TypeError|RangeError) ?)+$/,
    run: ({ plane }) => {
      const names = [
        '',
        '.',
        '..',
        '../000001.log',
        '/000001.log',
        'a\0b',
        'a/../../b',
        'x'.repeat(5000),
      ]
      return each(
        names.flatMap((name) => [() => plane.createJournal(name), () => plane.openJournal(name)]),
      )
    },
  },
  {
    name: 'arguments of other types',
    expected: /^value 7 /,
    planes: ['native'],
    run: async ({ plane, storage }) => wildCalls(plane, await makeTableFile(storage)),
  },
  {
    name: 'arguments of other types, of handles',
    expected: /^value 7 /,
    // Types are the compiler's to check where the caller is TypeScript; C++ must look for itself.
    planes: ['native'],
    run: async ({ plane, storage }) => wildHandles(plane, await makeTableFile(storage)),
  },
  {
    name: 'crc32c: seeds that are none',
    expected: ALIVE,
    run: ({ plane }) => each(ODD.map((odd) => () => plane.crc32c(keyOf(1), odd))),
  },
]
