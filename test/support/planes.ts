/**
 * The planes that tests run on, and a place for each to stand on.
 *
 * PLANES=native,typescript names them; by default both run where the addon can be had, and the
 * TypeScript plane alone elsewhere, which test/plane/planes.test.ts tells. The native plane stands
 * on a directory, the TypeScript plane on memory unless a test wants a directory for it too.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { DIRECTORY_SNAPSHOTS, DIRECTORY_WAL } from '../../lib/format/names.js'
import { diskStorage, memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import type { DataPlane } from '../../lib/plane.js'
import { findNative } from '../../lib/planes/native.js'
import { selectPlane } from '../../lib/planes/select.js'
import { quickScratch } from './scratch.js'

/** A directory that never rests is copied so often. */
const COPIES_MOST = 100

export type PlaneName = DataPlane['name']
/** How the native plane does its I/O; the environment variable CAIRN_IO asks for one. */
export type NativeIo = Extract<DataPlane['io'], 'io_uring' | 'threads'>
type Ends = Pick<Test, 'teardown'>

/** Why the native plane can not be had; undefined when it can. */
export const nativeMissing: string | undefined = whyMissing()

/** Whether a missing native plane is a failure, as it is on a machine that proves a commit. */
export const nativeRequired = isSet(process.env['CI']) || isSet(process.env['CAIRN_REQUIRE_NATIVE'])

/** The planes that every test runs on. */
export const PLANES: readonly PlaneName[] = namedPlanes(process.env['PLANES'])

function whyMissing(): string | undefined {
  const search = findNative(process.env['CAIRN_ADDON'] || undefined)
  return search.addon === undefined ? search.reason : undefined
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value)
}

function namedPlanes(names: string | undefined): PlaneName[] {
  if (names === undefined || names === '')
    return nativeMissing === undefined ? ['typescript', 'native'] : ['typescript']
  return names.split(',').map((name) => {
    if (name === 'native' || name === 'typescript') return name
    throw new RangeError(`PLANES names '${name}'; it may name native and typescript`)
  })
}

/**
 * A subtest for each plane. While it runs, CAIRN_PLANE forces its plane on every store that is
 * opened, here and in child processes.
 */
export function eachPlane(
  t: Pick<Test, 'test'>,
  name: string,
  body: (t: Test, plane: PlaneName) => unknown,
  options: { timeout?: number } = {},
  planes: readonly PlaneName[] = PLANES,
): void {
  for (const plane of planes)
    void t.test(`${name}: ${plane}`, options, (t) =>
      withEnvironment('CAIRN_PLANE', plane, async () => {
        await body(t, plane)
      }),
    )
}

/** Of a campaign's seeds, those for a plane: the native one stands on a disk and takes half. */
export function seedsFor(plane: PlaneName, count: number): number {
  return plane === 'native' ? Math.ceil(count / 2) : count
}

/** Runs `work` with an environment variable set, or unset for undefined. */
export async function withEnvironment<T>(
  name: string,
  value: string | undefined,
  work: () => T | Promise<T>,
): Promise<T> {
  const before = process.env[name]
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env[name]
    else process.env[name] = to
  }
  set(value)
  try {
    return await work()
  } finally {
    set(before)
  }
}

/** A storage with nothing in it, not even its directory, where the plane can stand. */
export function freshStorage(t: Ends, plane: PlaneName): Storage {
  return plane === 'native' ? freshDirectory(t) : memoryStorage()
}

/** Options of a store that needs no disk, on the plane of the test that is running. */
export function quickStore(): { storage?: 'memory' } {
  return process.env['CAIRN_PLANE'] === 'native' ? {} : { storage: 'memory' }
}

export function freshDirectory(t: Ends): Storage {
  return diskStorage(join(quickScratch(t), 'store'))
}

export interface Bench {
  readonly plane: DataPlane
  readonly storage: Storage
}

export interface BenchOptions {
  readonly cacheBytes?: number
  readonly maxOpenTables?: number
  /** A new one by default. */
  readonly storage?: Storage
  readonly io?: NativeIo
}

/** A plane on a storage whose directory exists; closed when the test ends. */
export async function makePlane(
  t: Ends,
  name: PlaneName,
  options: BenchOptions = {},
): Promise<Bench> {
  const { storage = freshStorage(t, name), cacheBytes = 1 << 20, maxOpenTables = 100 } = options
  await storage.createDirectory()
  const select = (): DataPlane => selectPlane(name, { storage, cacheBytes, maxOpenTables }).plane
  const plane = options.io ? await withEnvironment('CAIRN_IO', options.io, select) : select()
  t.teardown(() => plane.close())
  return { plane, storage }
}

/** An exact copy of some files on a storage where the plane can stand. */
export async function laidDown(t: Ends, plane: PlaneName, files: MemoryStorage): Promise<Storage> {
  if (plane === 'typescript') return files.crashClone(1)
  const storage = freshDirectory(t)
  await copyInto(files, storage)
  return storage
}

/** As `laidDown`, for as long as `work` takes. */
export async function onCopy<T>(
  plane: PlaneName,
  files: MemoryStorage,
  work: (storage: Storage) => Promise<T>,
): Promise<T> {
  const ends: (() => unknown)[] = []
  try {
    return await work(await laidDown({ teardown: (end) => void ends.push(end) }, plane, files))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/**
 * Copies every regular file of a storage to another one, and those of a map's subdirectories;
 * nothing of one without a directory.
 */
export async function copyInto(from: Storage, to: Storage): Promise<void> {
  if (!(await from.exists())) return
  await to.createDirectory()
  const entries = await from.list()
  for (const directory of [DIRECTORY_WAL, DIRECTORY_SNAPSHOTS]) {
    if (!entries.some(({ name }) => name === directory)) continue
    await to.makeDirectory(directory)
    entries.push(...(await from.list(undefined, directory)))
  }
  for (const { name, kind } of entries) {
    if (kind === 'lock' || kind === 'log' || kind === 'unknown') continue
    const [source, target] = [await from.open(name), await to.create(name)]
    try {
      const bytes = new Uint8Array(source.size())
      await source.read(bytes, 0)
      target.writeSync(bytes, 0)
    } finally {
      await source.close()
      await target.close()
    }
  }
}

/**
 * What a storage holds now, as it would be found if the process died. A directory in which a file
 * came, went or changed meanwhile is copied again.
 */
export async function imageOf(storage: Storage): Promise<MemoryStorage> {
  if (storage.kind === 'memory') return (storage as MemoryStorage).crashClone(1)
  for (let tries = 0; ; tries++) {
    const image = memoryStorage()
    const before = stateOf(storage)
    try {
      await copyInto(storage, image)
    } catch (error) {
      if (tries === COPIES_MOST) throw error
      continue
    }
    if (stateOf(storage) === before || tries === COPIES_MOST) return image.crashClone(1)
  }
}

/** Names, sizes and last changes of the files of a directory. */
function stateOf({ location }: Storage): string {
  const lastOf = (name: string): string => {
    const stat = fs.statSync(join(location, name), { throwIfNoEntry: false })
    return `${stat?.size} ${stat?.mtimeMs}`
  }
  return fs
    .readdirSync(location, { encoding: 'utf8', recursive: true })
    .sort()
    .map((name) => `${name} ${lastOf(name)}`)
    .join('\n')
}

/** Replaces a file of a directory by another one of the same name. */
export function putFile(storage: Storage, name: string, bytes: Uint8Array): void {
  const path = join(storage.location, name)
  fs.rmSync(path, { force: true })
  fs.writeFileSync(path, bytes)
}
