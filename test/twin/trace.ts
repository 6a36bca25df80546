/**
 * Traces of operations on a tree: made by a seed, run by any side, one at a time or many at once.
 *
 * What a run reads on its way goes into its answers, what it leaves is a picture of its directory
 * as a dying process would leave it and one after it was closed. The last two writes are small, so
 * that a journal can be cut at every byte of them.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { BatchWriter } from '../../lib/format/batch.js'
import { diskStorage } from '../../lib/io/index.js'
import type { TreeOptions } from '../../lib/lsm/options.js'
import type { TreeSnapshot } from '../../lib/lsm/snapshot.js'
import { Tree } from '../../lib/lsm/tree.js'
import type { Page } from '../../lib/plane.js'
import { random } from '../support/random.js'
import { keyMaker, one } from '../support/shapes.js'
import type { Next } from '../support/shapes.js'
import { treeOptions } from '../support/tree.js'
import { selectFor } from './sides.js'
import type { Side } from './sides.js'

/** undefined deletes. */
type Change = readonly [key: string, value: string | undefined]

export type Operation =
  | { readonly kind: 'write'; readonly changes: readonly Change[]; readonly sync: boolean }
  | { readonly kind: 'clear' | 'compact'; readonly from: string; readonly to: string }
  | { readonly kind: 'read'; readonly keys: readonly string[]; readonly snapshot: number }
  | { readonly kind: 'release'; readonly snapshot: number }
  | { readonly kind: 'snapshot' | 'flush' | 'sync' | 'reopen' }

export interface Trace {
  readonly seed: number
  readonly options: Partial<TreeOptions>
  readonly cacheBytes: number
  readonly maxOpenTables: number
  readonly operations: readonly Operation[]
}

/** Names and bytes of the files of a store. */
export type Picture = ReadonlyMap<string, Buffer>

export interface Outcome {
  readonly answers: readonly string[]
  readonly content: string
  readonly dying: Picture
  readonly closed: Picture
}

const NOT_COMPARED = ['LOCK', 'cairn.lock', 'LOG', 'LOG.old']
const IN_FLIGHT = 24

export function makeTrace(seed: number): Trace {
  const generator = random(seed)
  const next: Next = (below) => Math.floor(generator() * below)
  const shaped = keyMaker(next)
  const pool = Array.from({ length: 10 + next(200) }, shaped)
  const key = (): string => (next(4) > 0 ? one(next, pool) : shaped())
  const operations = Array.from({ length: 30 + next(220) }, () => makeOperation(next, key))
  for (const name of ['one', 'two'])
    operations.push({ kind: 'write', changes: [[name, 'small']], sync: next(3) === 0 })
  return {
    seed,
    options: {
      writeBufferBytes: one(next, [1024, 4096, 65_536, 4 << 20]),
      maxTableBytes: one(next, [1024, 8192, 65_536, 2 << 20]),
      table: {
        blockSizeBytes: one(next, [64, 256, 1024, 4096]),
        restartInterval: one(next, [1, 2, 4, 16]),
        compression: next(2) === 0,
        filterBits: one(next, [0, 1, 10]),
      },
    },
    cacheBytes: one(next, [0, 4096, 1 << 20]),
    maxOpenTables: one(next, [1, 5, 1000]),
    operations,
  }
}

function makeOperation(next: Next, key: () => string): Operation {
  const change = (): Change => [key(), next(4) === 0 ? undefined : makeValue(next)]
  const dice = next(100)
  if (dice < 60) return { kind: 'write', changes: [change()], sync: next(10) === 0 }
  if (dice < 75) {
    const changes = Array.from({ length: next(40) }, change)
    return { kind: 'write', changes, sync: next(10) === 0 }
  }
  if (dice < 85) {
    const keys = Array.from({ length: 1 + next(8) }, key)
    return { kind: 'read', keys, snapshot: next(6) - 1 }
  }
  if (dice < 90) return { kind: 'snapshot' }
  if (dice < 94) return { kind: 'release', snapshot: next(5) }
  if (dice < 95) return { kind: 'flush' }
  if (dice < 96) return { kind: 'sync' }
  if (dice < 97) return { kind: 'reopen' }
  const [from, to] = [key(), key()].sort() as [string, string]
  return { kind: dice < 98 ? 'clear' : 'compact', from, to }
}

/** Some values compress well and some do not; some take several fragments of a journal. */
function makeValue(next: Next): string {
  const length = one(next, [0, 5, 30, 30, 100, 400, next(50) === 0 ? 70_000 : 1000])
  if (next(2) === 0) return `${next(1000)}`.repeat(length / 3)
  return Array.from({ length }, () => String.fromCharCode(32 + next(95))).join('')
}

/** Runs a trace in a directory that does not exist yet. */
export async function runTrace(
  trace: Trace,
  side: Side,
  directory: string,
  serial: boolean,
): Promise<Outcome> {
  const run = new Run(trace, side, directory, serial)
  await run.open()
  for (const operation of trace.operations) await run.step(operation)
  await run.settle()
  const content = await contentOf(run.tree)
  const dying = pictureOf(directory)
  await run.close()
  return { answers: run.answers, content, dying, closed: pictureOf(directory) }
}

export function openTree(
  trace: Trace,
  side: Side,
  directory: string,
  serial: boolean,
): Promise<Tree> {
  const { cacheBytes, maxOpenTables, options } = trace
  return Tree.open(
    diskStorage(directory),
    treeOptions({
      ...options,
      serial,
      choose: (storage) => selectFor(side, { storage, cacheBytes, maxOpenTables }),
    }),
  )
}

class Run {
  readonly answers: string[] = []
  tree!: Tree
  #snapshots: TreeSnapshot[] = []
  #pending: Promise<void>[] = []

  constructor(
    readonly trace: Trace,
    readonly side: Side,
    readonly directory: string,
    readonly serial: boolean,
  ) {}

  async open(): Promise<void> {
    this.tree = await openTree(this.trace, this.side, this.directory, this.serial)
    this.answers.push(JSON.stringify(this.tree.recovered))
    await this.settle()
  }

  async close(): Promise<void> {
    await this.settle()
    for (const snapshot of this.#snapshots.splice(0)) snapshot.close()
    await this.tree.close()
  }

  /** Waits for every write, and on the serial schedule for the background work behind them. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0))
    if (this.serial) await settleBackground(this.tree)
  }

  async step(operation: Operation): Promise<void> {
    if (operation.kind === 'write') return this.#write(operation.changes, operation.sync)
    await this.settle()
    await this.#stepSettled(operation)
    await this.settle()
  }

  async #write(changes: readonly Change[], sync: boolean): Promise<void> {
    const { tree } = this
    const [first] = changes
    const batch = new BatchWriter()
    for (const [key, value] of changes)
      if (value === undefined) batch.delete(key)
      else batch.put(key, value)
    const done =
      changes.length !== 1
        ? tree.write(batch, sync)
        : first![1] === undefined
          ? tree.delete(first![0], sync)
          : tree.put(first![0], first![1], sync)
    if (this.serial) return done
    this.#pending.push(done)
    if (this.#pending.length >= IN_FLIGHT) await this.settle()
  }

  async #stepSettled(operation: Exclude<Operation, { kind: 'write' }>): Promise<void> {
    const { tree } = this
    switch (operation.kind) {
      case 'clear':
        return tree.clear(
          { lower: Buffer.from(operation.from), upper: Buffer.from(operation.to) },
          Infinity,
        )
      case 'compact':
        return tree.compactRange(Buffer.from(operation.from), Buffer.from(operation.to))
      case 'read':
        return this.#read(operation.keys, this.#snapshots[operation.snapshot])
      case 'snapshot':
        this.#snapshots.push(tree.snapshot())
        return
      case 'release':
        this.#snapshots.splice(operation.snapshot, 1)[0]?.close()
        return
      case 'flush':
        return tree.flush()
      case 'sync':
        return tree.sync()
      case 'reopen':
        await this.close()
        return this.open()
    }
  }

  async #read(keys: readonly string[], snapshot: TreeSnapshot | undefined): Promise<void> {
    const how = { encoding: 'utf8', at: snapshot?.sequence } as const
    const values = await this.tree.getMany(keys, how)
    const now = keys.map((key) => this.tree.getSync(key, how))
    const scanned = await contentOf(this.tree, snapshot?.sequence)
    this.answers.push(JSON.stringify([values, now]), scanned)
  }
}

/**
 * On the serial schedule: settles when no background job runs. One does so behind every group of
 * writes; what opening, a flush or a compaction began ends behind the first of these two.
 */
export async function settleBackground(tree: Tree): Promise<void> {
  await tree.sync()
  await tree.sync()
}

/** Every entry, forward and backward, as a hash and a count. */
export async function contentOf(tree: Tree, at?: number): Promise<string> {
  const hash = createHash('sha256')
  let entries = 0
  for (const reverse of [false, true]) {
    const cursor = tree.cursor({ reverse }, at)
    const page: Page = { bytes: new Uint8Array(4096), ends: new Uint32Array(200) }
    for (;;) {
      const count = await cursor.next(page, 100)
      if (count === 0) break
      // Where a page ends says nothing, so that no page leaves a trace in the hash.
      for (let i = 0, start = 0; i < 2 * count; i++) {
        const end = page.ends[i]!
        hash.update(`${end - start}:`).update(page.bytes.subarray(start, end))
        start = end
      }
      entries += count
    }
    cursor.close()
  }
  return `${entries} ${hash.digest('hex')}`
}

/**
 * The files as they are now. Nothing that waits for the JavaScript thread goes on meanwhile, so
 * that only what an operation under way removes can be missing, and nobody needs that any more.
 */
export function pictureOf(directory: string): Picture {
  const picture = new Map<string, Buffer>()
  const names = fs.readdirSync(directory, { recursive: true, withFileTypes: true })
  for (const entry of names) {
    if (!entry.isFile() || NOT_COMPARED.includes(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    try {
      picture.set(path.slice(directory.length + 1), fs.readFileSync(path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return picture
}

/** Name, length and hash of every file, one per line. */
export function told(picture: Picture): string {
  const line = ([name, bytes]: [string, Buffer]): string =>
    `${name} ${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`
  return [...picture].map(line).sort().join('\n')
}

/** Lays a picture down as a directory, which must not exist yet. */
export function layDown(picture: Picture, directory: string): void {
  for (const [name, bytes] of picture) {
    fs.mkdirSync(join(directory, name, '..'), { recursive: true })
    fs.writeFileSync(join(directory, name), bytes)
  }
}
