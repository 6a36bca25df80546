/**
 * The child of threads.test.ts: one scene of threads, of forgotten objects, or of waiting.
 *
 * A scene that goes wrong throws; what it says on lines is looked at by the parent too.
 * Usage: node --expose-gc scene.js NAME DIRECTORY
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { CairnLevel } from '../../lib/stores/kv/index.js'
import type { DatabaseOptions } from '../../lib/stores/kv/index.js'
import { diskStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import { selectPlane } from '../../lib/planes/select.js'
import type { DataPlane } from '../../lib/plane.js'
import { isFull } from '../support/campaign.js'
import { census, noHandles, settled } from './census.js'
import { SMALL, keyOf, valueOf } from './mortal.js'

type Options = DatabaseOptions<string, string>

const THREADS = 8
const ENTRIES = 400
const LARGE = Buffer.alloc(64 << 20, 'large')
/** Nothing is kept in memory, so every read of a table is one of its file. */
const COLD: Options = { ...SMALL, cacheSize: 0 }

interface ThreadTask {
  readonly part: string
  readonly directory: string
}

/** What a worker thread does; `ready` tells the main thread that it may be terminated. */
const PARTS: Record<string, (directory: string, ready: () => void) => Promise<void>> = {
  /** Writes, reads and merges, and closes. */
  async whole(directory) {
    for (let round = 0; round < 2; round++) await whole(directory)
    await noHandles()
  },
  /** Has all kinds of work under way, without end. */
  async busy(directory, ready) {
    const db = await filled(directory, COLD)
    ready()
    for (let n = 0; ; n++) {
      void db.compactRange(null, null).catch(ignore)
      const writes = [1, 2, 3].map((i) => db.put(keyOf(n), valueOf(n + i), { sync: true }))
      const reads = [db.get(keyOf(n)), db.values().all(), db.getMany([keyOf(1), keyOf(99)])]
      await Promise.all([...writes, ...reads])
    }
  },
  async merge(directory, ready) {
    const db = await filled(directory)
    ready()
    for (;;) {
      await db.compactRange(null, null)
      await db.put(keyOf(0), valueOf(0))
    }
  },
  async cold(directory, ready) {
    const db = await filled(directory, COLD)
    ready()
    for (;;) await Promise.all([db.get(keyOf(3)), db.keys().all(), db.getMany([keyOf(8)])])
  },
  async large(directory, ready) {
    const db = await filled(directory)
    const value = LARGE.toString('latin1')
    const written = db.put('large', value, { sync: true })
    ready()
    await written
    for (;;) await db.put('large', value, { sync: true })
  },
  /** Every call of a journal's reader, with the plane itself. */
  async reader(directory, ready) {
    const storage = diskStorage(directory)
    await storage.createDirectory()
    const plane = planeOn(storage)
    const journal = await plane.createJournal('000009.log')
    for (let i = 0; i < 64; i++) journal.append(LARGE.subarray(0, 1 << 16))
    await journal.close()
    ready()
    for (;;) {
      const readers = await Promise.all([1, 2, 3].map(() => plane.openJournal('000009.log')))
      const [first, second, third] = readers
      const all = [first!.next(), second!.findMark(1, 0), third!.findRecord(100, 1 << 15)]
      await Promise.all(all)
      await Promise.all(readers.map((each) => each.close()))
    }
  },
}

async function whole(directory: string): Promise<void> {
  const db = await filled(directory)
  await db.compactRange(null, null)
  assert.equal(await db.get(keyOf(7)), valueOf(7))
  assert.equal((await db.keys().all()).length, ENTRIES)
  await db.close()
}

type Scene = (directory: string) => Promise<void>

/** 8 threads and this one, each with a store of its own; all of them close. */
const eight: Scene = async (directory) => {
  const mine = join(directory, 'main')
  await whole(mine)
  const before = census()
  const codes = await Promise.all([
    ...directories(directory).map((each) => ended('whole', each)),
    whole(mine),
  ])
  assert.deepEqual(codes, [...Array<number>(THREADS).fill(0), undefined])
  await settled(before)
}

/** The same threads, all of them ended in the middle. */
const eightTerminated: Scene = async (directory) => {
  const mine = join(directory, 'main')
  await whole(mine)
  const before = census()
  const places = directories(directory)
  await Promise.all(places.map((each, i) => terminated('busy', each, 3 * i)))
  await settled(before)
  for (const each of [mine, ...places]) await whole(each)
}

/** Ends threads in the middle of one kind of work, sooner and later. */
const endedIn =
  (part: string, delays: readonly number[]): Scene =>
  async (directory) => {
    for (const delayMs of delays) {
      const place = join(directory, String(delayMs))
      await terminated(part, place, delayMs)
      if (part === 'reader') continue
      const db = new CairnLevel(place, SMALL)
      assert.equal(await db.get(keyOf(7)), valueOf(7))
      const large = (await db.get('large')) ?? ''
      assert.ok(large === '' || large === LARGE.toString('latin1'), 'a large value is whole')
      assert.deepEqual((await db.verify()).damage, [])
      await db.close()
    }
  }

/** Nothing is left of stores that were closed: descriptors, threads, handles. */
const leaks: Scene = async (directory) => {
  const once = async (): Promise<void> => {
    const db = new CairnLevel(join(directory, 'store'), SMALL)
    await db.put('key', 'value', { sync: true })
    await db.get('key')
    const iterator = db.iterator()
    await iterator.next()
    await db.close()
  }
  for (let i = 0; i < 3; i++) await once()
  const before = census()
  for (let i = 0; i < (isFull ? 200 : 40); i++) await once()
  await noHandles()
  await settled(before)
}

/** Objects that were dropped without being closed, with operations under way. */
const collected: Scene = async (directory) => {
  await dropping(directory)
  await noHandles()
}

async function dropping(directory: string): Promise<void> {
  const db = await filled(directory, COLD)
  await db.compactRange(null, null)
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 10; i++) {
      void db.iterator({ gte: keyOf(i) }).next()
      const view = db.snapshot()
      void db.get(keyOf(i), { snapshot: view })
      void db.values({ snapshot: view }).nextv(100)
    }
    globalThis.gc!()
    await nextTurn()
  }
  assert.equal((await db.keys().all()).length, ENTRIES)
  await db.close()
}

/** Whole planes that were dropped: what they held is let go of, and what they do is done. */
const collectedPlanes: Scene = async (directory) => {
  // Node does not close the files of those who forget them.
  if (process.env['CAIRN_PLANE'] === 'typescript') return
  const storage = diskStorage(directory)
  await storage.createDirectory()
  let number = 1
  const drop = async (): Promise<void> => {
    const plane = planeOn(storage)
    const journal = await plane.createJournal(`${String(number++).padStart(6, '0')}.log`)
    journal.append(LARGE.subarray(0, 1000))
    void journal.sync().catch(ignore)
    void journal.appendLarge(LARGE.subarray(0, 5 << 20)).catch(ignore)
    plane.createView([[plane.createMemtable()]])
    plane.scan(plane.createView([]), {}, 1)
    const reader = await plane.openJournal(journal.name)
    void reader.next()
  }
  await drop()
  for (let i = 0; i < 5; i++) await drop()
  const before = census()
  for (let i = 0; i < 50; i++) {
    await drop()
    globalThis.gc!()
  }
  await noHandles()
  await settled(before)
}

/** Stores that were dropped without being closed, with everything under way. */
const collectedStores: Scene = async (directory) => {
  const drop = async (i: number): Promise<void> => {
    const db = await filled(join(directory, String(i)), COLD)
    void db.put('last', 'one', { sync: true })
    void db.compactRange(null, null)
    void db.get(keyOf(5))
    void db.iterator().next()
  }
  for (let i = 0; i < 10; i++) {
    await drop(i)
    globalThis.gc!()
    await delay(5)
  }
  await noHandles()
}

/** Closes while reads of every kind are under way: each settles. */
const closing: Scene = async (directory) => {
  for (let round = 0; round < (isFull ? 30 : 9); round++) {
    const db = await filled(join(directory, String(round % 3)), COLD)
    const started = [
      ...Array.from({ length: 20 }, (_, i) => db.get(keyOf(i * 17))),
      db.getMany([keyOf(1), keyOf(300)]),
      db.keys().all(),
      db.iterator({ reverse: true }).nextv(50),
      db.compactRange(null, null),
      db.verify(),
      db.put('more', 'yes', { sync: true }),
    ]
    const all = Promise.allSettled<unknown>(started)
    if (round % 2 === 1) await nextTurn()
    await db.close()
    for (const each of await all)
      if (each.status === 'rejected')
        assert.match(String((each.reason as { code?: string }).code), /^LEVEL_/)
  }
  await noHandles()
}

/** A plane that closes under its own cursors and loads. */
const closingPlane: Scene = async (directory) => {
  await whole(directory)
  const storage = diskStorage(directory)
  const tables = (await storage.list('table')).map(({ number }) => number)
  for (let round = 0; round < 40; round++) {
    const plane = planeOn(storage, 0)
    const smallest = Buffer.from(`${keyOf(0)}\0\0\0\0\0\0\0\0`)
    const largest = Buffer.from(`${keyOf(ENTRIES)}\0\0\0\0\0\0\0\0`)
    const runs = []
    for (const number of tables) {
      const file = await storage.open(
        (await storage.list('table')).find((e) => e.number === number)!.name,
      )
      runs.push([plane.openTable({ number, sizeBytes: file.size(), smallest, largest })])
      await file.close()
    }
    const view = plane.createView(runs)
    const how = { wait: false, fillCache: true }
    const cursors = [plane.scan(view, {}, 1e9), plane.scan(view, { reverse: true }, 1e9)]
    const work: Promise<unknown>[] = cursors.map((cursor) => cursor.load())
    for (let i = 0; i < 10; i++)
      work.push(plane.findCold(view, Buffer.from(keyOf(i * 31)), 1e9, how))
    work.push(
      ...runs.map(([table]) => table!.properties()),
      ...runs.map(([table]) => table!.verify()),
    )
    const all = Promise.allSettled(work)
    if (round % 3 === 1) await nextTurn()
    for (const cursor of cursors) cursor.close()
    view.close()
    if (round % 3 === 2) for (const [table] of runs) table!.close()
    await plane.close()
    await all
    for (const [table] of runs) table!.close()
  }
  await noHandles()
}

/** The process lives for as long as these take, and not longer. */
const awaiting =
  (begin: (db: CairnLevel) => Promise<unknown>): Scene =>
  async (directory) => {
    const db = await filled(directory, COLD)
    await begin(db)
  }

const SCENES: Record<string, Scene> = {
  eight,
  eightTerminated,
  terminateBusy: endedIn('busy', few([0, 2, 8, 32, 1, 4, 16])),
  terminateMerge: endedIn('merge', few([1, 4, 16, 0, 2, 8, 32])),
  terminateCold: endedIn('cold', few([0, 2, 8, 1, 4, 16, 32])),
  terminateLarge: endedIn('large', few([1, 20, 0, 5, 60])),
  terminateReader: endedIn('reader', [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 32]),
  leaks,
  collected,
  collectedPlanes,
  collectedStores,
  closing,
  closingPlane,
  awaitPut: awaiting((db) => db.put('a', 'b', { sync: true })),
  awaitLarge: awaiting((db) => db.put('a', LARGE.toString('latin1'), { sync: true })),
  awaitGet: awaiting((db) => db.get(keyOf(3))),
  awaitIterator: awaiting((db) => db.values().all()),
  awaitMerge: awaiting((db) => db.compactRange(null, null)),
  awaitVerify: awaiting((db) => db.verify()),
  awaitClose: awaiting((db) => db.close()),
  idle: awaiting(() => Promise.resolve()),
}

/** The first half of a list, unless the campaign is to be full. */
function few<T>(all: readonly T[]): readonly T[] {
  return isFull ? all : all.slice(0, all.length >> 1)
}

function ignore(): void {}

function planeOn(storage: Storage, cacheBytes = 1 << 16): DataPlane {
  return selectPlane('auto', { storage, cacheBytes, maxOpenTables: 10 }).plane
}

async function filled(directory: string, options: Options = SMALL): Promise<CairnLevel> {
  fs.mkdirSync(directory, { recursive: true })
  const db = new CairnLevel<string, string>(directory, options)
  await db.open()
  const all = Array.from({ length: ENTRIES }, (_, n) => ({
    type: 'put' as const,
    key: keyOf(n),
    value: valueOf(n),
  }))
  for (let at = 0; at < ENTRIES; at += 40) await db.batch(all.slice(at, at + 40))
  await db.flush()
  return db
}

function directories(directory: string): string[] {
  return Array.from({ length: THREADS }, (_, i) => join(directory, `thread-${i}`))
}

function threadOf(part: string, directory: string): Worker {
  const task: ThreadTask = { part, directory }
  return new Worker(fileURLToPath(import.meta.url), { workerData: task })
}

/** Gives the exit code of a thread that ends by itself. */
async function ended(part: string, directory: string): Promise<number> {
  const [code] = (await once(threadOf(part, directory), 'exit')) as [number]
  return code
}

async function terminated(part: string, directory: string, delayMs: number): Promise<void> {
  const worker = threadOf(part, directory)
  worker.on('error', (error) => {
    console.error(part, error)
    process.exitCode = 3
  })
  await once(worker, 'message')
  if (delayMs > 0) await delay(delayMs)
  assert.equal(await worker.terminate(), 1)
}

if (isMainThread) {
  const [name = '', directory = ''] = process.argv.slice(2)
  await SCENES[name]!(directory)
  console.log('done')
} else {
  const { part, directory } = workerData as ThreadTask
  await PARTS[part]!(directory, () => parentPort!.postMessage('ready'))
}
