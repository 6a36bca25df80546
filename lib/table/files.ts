/**
 * The open tables of a plane: opened at first use, at most so many at a time, and their blocks.
 *
 * A table's file is closed again when others need its place: the one that was used longest ago
 * goes first, never one that an operation is reading (`users`). What was closed answers COLD.
 * Stands on: cache.ts, open.ts
 * Twin: native/table/files.h
 */
import { StoreError, corruption } from '../errors.js'
import { BLOCK_TRAILER_BYTES } from '../format/block.js'
import type { TableMeta } from '../format/edit.js'
import { tableName } from '../format/names.js'
import type { Storage, StorageFile } from '../io/files.js'
import { blockContents, parseBlock } from './block.js'
import type { Block } from './block.js'
import { BlockCache } from './cache.js'
import { openParts, openPartsSync, requireAll } from './open.js'
import type { TableParts } from './open.js'

/** The part of a table that TableFiles looks after. */
export interface TableHandle {
  readonly meta: TableMeta
  open: OpenTable | undefined
  opening: Promise<OpenTable> | undefined
  /** Callers that wait for `opening`; their table is not closed before they have it. */
  waiters: number
  closed: boolean
}

/** A table whose file is open. Block i is `blocks[i]` while it is cached. */
export class OpenTable {
  readonly blocks: (Block | undefined)[]
  /** Operations that read the file now. */
  users = 0
  lastUse = 0

  constructor(
    readonly file: StorageFile,
    readonly parts: TableParts,
    readonly handle: TableHandle,
    readonly cache: BlockCache,
  ) {
    this.blocks = new Array<Block | undefined>(parts.index.count).fill(undefined)
  }

  loadSync(ordinal: number, fillCache: boolean): Block {
    const { offsets, sizes } = this.parts.index
    const raw = new Uint8Array(sizes[ordinal]! + BLOCK_TRAILER_BYTES)
    const offset = offsets[ordinal]!
    requireAll(this.file, this.file.readSync(raw, offset), raw, offset)
    return this.#parse(raw, 0, ordinal, fillCache)
  }

  async load(ordinal: number, fillCache: boolean): Promise<Block> {
    const { offsets, sizes } = this.parts.index
    const raw = new Uint8Array(sizes[ordinal]! + BLOCK_TRAILER_BYTES)
    const offset = offsets[ordinal]!
    requireAll(this.file, await this.file.read(raw, offset), raw, offset)
    return this.#parse(raw, 0, ordinal, fillCache)
  }

  /** Loads blocks [from, to) with one read. Gives `wanted` and those beside it as far as they are
   * sound: only damage in `wanted` is thrown, the others were not asked for. */
  async loadRange(
    from: number,
    to: number,
    wanted: number,
    fillCache: boolean,
  ): Promise<{ from: number; blocks: Block[] }> {
    const { index } = this.parts
    const start = index.offsets[from]!
    const raw = new Uint8Array(index.end(to - 1) - start)
    const length = await this.file.read(raw, start)
    const parse = (ordinal: number): Block => {
      if (index.end(ordinal) - start > length) requireAll(this.file, length, raw, start)
      return this.#parse(raw, index.offsets[ordinal]! - start, ordinal, fillCache)
    }
    const blocks = [parse(wanted)]
    let first = wanted
    try {
      while (first > from) {
        blocks.unshift(parse(first - 1))
        first--
      }
      for (let ordinal = wanted + 1; ordinal < to; ordinal++) blocks.push(parse(ordinal))
    } catch {
      // It is thrown when it is wanted itself.
    }
    return { from: first, blocks }
  }

  #parse(raw: Uint8Array, start: number, ordinal: number, fillCache: boolean): Block {
    const cached = this.blocks[ordinal]
    if (cached !== undefined) return cached
    const { offsets, sizes } = this.parts.index
    const size = sizes[ordinal]!
    const alone = raw.length === size + BLOCK_TRAILER_BYTES
    let contents = blockContents(raw, start, size, this.file.name, offsets[ordinal]!)
    // What is cached must not hold on to its neighbours in the read.
    if (fillCache && !alone && contents.buffer === raw.buffer) contents = contents.slice()
    const block = parseDataBlock(contents, this.file.name, offsets[ordinal]!)
    if (fillCache) this.cache.insert(block, this.blocks, ordinal)
    return block
  }
}

/** As `parseBlock`, for a data block: it has entries, and their keys are internal keys. */
export function parseDataBlock(contents: Uint8Array, file: string, offset: number): Block {
  const block = parseBlock(contents, 'internal', file, offset)
  if (block.entriesEnd === 0) throw corruption(file, offset, 'block without entries')
  return block
}

export class TableFiles {
  readonly #storage: Storage
  readonly #cache: BlockCache
  readonly #maxOpenTables: number
  readonly #open = new Set<OpenTable>()
  readonly #closing = new Set<Promise<void>>()
  #clock = 0

  constructor(storage: Storage, cacheBytes: number, maxOpenTables: number) {
    this.#storage = storage
    this.#cache = new BlockCache(cacheBytes)
    this.#maxOpenTables = maxOpenTables
  }

  get openTables(): number {
    return this.#open.size
  }

  get cachedBlockBytes(): number {
    return this.#cache.usedBytes
  }

  /** The table if it is open, marked as used now. */
  opened(handle: TableHandle): OpenTable | undefined {
    const { open } = handle
    if (open !== undefined) open.lastUse = ++this.#clock
    return open
  }

  openSync(handle: TableHandle): OpenTable {
    const open = this.opened(handle)
    if (open !== undefined) return open
    const file = this.#fileSync(handle)
    try {
      return this.#add(file, openPartsSync(file, handle.meta), handle)
    } catch (error) {
      this.#closeFile(file)
      throw error
    }
  }

  /** Opens the table unless it is, and keeps it open until `release`. */
  async acquire(handle: TableHandle): Promise<OpenTable> {
    let open = this.opened(handle)
    while (open === undefined) {
      handle.opening ??= this.#openNow(handle).finally(() => (handle.opening = undefined))
      handle.waiters++
      try {
        await handle.opening
      } finally {
        handle.waiters--
      }
      open = this.opened(handle)
    }
    open.users++
    return open
  }

  release(open: OpenTable): void {
    open.users--
    if (open.users > 0) return
    if (open.handle.open !== open) this.#closeFile(open.file)
    else this.#trim()
  }

  /** Closes the table's file once nobody reads it, and forgets its blocks. */
  drop(open: OpenTable): void {
    this.#open.delete(open)
    this.#cache.removeAll(open.blocks)
    open.handle.open = undefined
    if (open.users === 0) this.#closeFile(open.file)
  }

  /** Opens the file of a table past all of this; the caller closes it. */
  async file(handle: TableHandle): Promise<StorageFile> {
    requireOpen(handle)
    const names = namesOf(handle)
    for (const name of names) {
      try {
        return await this.#storage.open(name)
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
    throw missing(names[0])
  }

  /** Closes every file; settles when all are closed. */
  async close(): Promise<void> {
    for (const open of this.#open) this.drop(open)
    while (this.#closing.size > 0) await Promise.all(this.#closing)
  }

  #fileSync(handle: TableHandle): StorageFile {
    requireOpen(handle)
    const names = namesOf(handle)
    for (const name of names) {
      try {
        return this.#storage.openSync(name)
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
    throw missing(names[0])
  }

  async #openNow(handle: TableHandle): Promise<OpenTable> {
    const file = await this.file(handle)
    try {
      const parts = await openParts(file, handle.meta)
      requireOpen(handle)
      return this.#add(file, parts, handle)
    } catch (error) {
      this.#closeFile(file)
      throw error
    }
  }

  #add(file: StorageFile, parts: TableParts, handle: TableHandle): OpenTable {
    // A synchronous opening may have come first while an asynchronous one was reading.
    if (handle.open !== undefined) {
      this.#closeFile(file)
      return handle.open
    }
    const added = new OpenTable(file, parts, handle, this.#cache)
    added.lastUse = ++this.#clock
    handle.open = added
    this.#open.add(added)
    this.#trim(added)
    return added
  }

  /** Closes the tables used longest ago until there are not too many, as far as that goes. */
  #trim(except?: OpenTable): void {
    while (this.#open.size > this.#maxOpenTables) {
      let oldest: OpenTable | undefined
      for (const open of this.#open) {
        if (open === except || open.users > 0 || open.handle.waiters > 0) continue
        if (oldest === undefined || open.lastUse < oldest.lastUse) oldest = open
      }
      if (oldest === undefined) return
      this.drop(oldest)
    }
  }

  /** Closing a file that was only read can not lose anything: its failure is of no interest. */
  #closeFile(file: StorageFile): void {
    const closing = file.close().catch(() => {})
    this.#closing.add(closing)
    void closing.then(() => this.#closing.delete(closing))
  }
}

function namesOf(handle: TableHandle): [string, string] {
  const { number } = handle.meta
  return [tableName(number), tableName(number, 'sst')]
}

function isMissing(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'CAIRN_MISSING'
}

function missing(name: string): StoreError {
  return new StoreError('CAIRN_CORRUPTION', `${name} is missing`, { file: name })
}

function requireOpen(handle: TableHandle): void {
  if (handle.closed) throw new StoreError('CAIRN_NOT_OPEN', 'the table has been closed')
}
