/**
 * The TypeScript plane, assembled: journal, memtable, table and view over one storage.
 *
 * It is the oracle that the native plane is held to, and ships for platforms without a binary.
 * Stands on: lib/checksum, lib/journal, lib/memtable, lib/table, lib/view
 */
import { crc32c } from '../checksum/crc32c.js'
import { StoreError } from '../errors.js'
import type { TableMeta } from '../format/edit.js'
import { TextBytes } from '../format/text.js'
import type { Storage } from '../io/files.js'
import { openJournal } from '../journal/reader.js'
import { createJournal } from '../journal/writer.js'
import { TypescriptMemtable } from '../memtable/memtable.js'
import type {
  Cursor,
  DataPlane,
  FindHow,
  JournalReader,
  JournalWriter,
  Memtable,
  MergeJob,
  Run,
  ScanBounds,
  Table,
  View,
} from '../plane.js'
import { TableFiles } from '../table/files.js'
import { TypescriptTable } from '../table/reader.js'
import { find, findCold } from '../view/find.js'
import { Flushes, merge } from '../view/merge.js'
import { scan } from '../view/scan.js'
import { TypescriptView, ownView } from '../view/view.js'

export interface PlaneOptions {
  /** Where journals and tables lie. */
  readonly storage: Storage
  /** Bound of the cache of verified blocks, in bytes; 0 caches none. */
  readonly cacheBytes: number
  /** How many tables may have their file open at once. */
  readonly maxOpenTables: number
}

/** A plane with its own block cache; `close` it when the store is closed. */
export function typescriptPlane(options: PlaneOptions): DataPlane {
  return new TypescriptPlane(options)
}

class TypescriptPlane implements DataPlane {
  readonly name = 'typescript'
  readonly io: 'node:fs' | 'memory'
  readonly #storage: Storage
  readonly #files: TableFiles
  readonly #text = new TextBytes()
  readonly #flushes = new Flushes()
  #closed = false

  constructor(options: PlaneOptions) {
    const { storage, cacheBytes, maxOpenTables } = options
    this.io = storage.kind === 'disk' ? 'node:fs' : 'memory'
    this.#storage = storage
    this.#files = new TableFiles(storage, cacheBytes, maxOpenTables)
  }

  crc32c(bytes: Uint8Array, seed = 0): number {
    return crc32c(bytes, seed)
  }

  /** Node knows no locks on files: the storage's lock has looked whether a LevelDB has its own. */
  lock(): void {}

  async createJournal(name: string): Promise<JournalWriter> {
    this.#checkOpen()
    return createJournal(this.#storage, name)
  }

  async openJournal(name: string, end?: number): Promise<JournalReader> {
    this.#checkOpen()
    return openJournal(this.#storage, name, end)
  }

  createMemtable(): Memtable {
    return new TypescriptMemtable()
  }

  openTable(meta: TableMeta): Table {
    this.#checkOpen()
    return new TypescriptTable(this.#files, meta)
  }

  createView(runs: readonly Run[]): View {
    return new TypescriptView(runs)
  }

  find(
    view: View,
    key: Uint8Array | string,
    at: number,
    into: Uint8Array,
    offset: number,
    how: FindHow,
  ): number {
    return find(ownView(view), this.#text.of(key), at, into, offset, how)
  }

  async findCold(
    view: View,
    key: Uint8Array,
    at: number,
    how: FindHow,
  ): Promise<Uint8Array | undefined> {
    return findCold(ownView(view), key, at, how)
  }

  scan(view: View, bounds: ScanBounds, at: number): Cursor {
    return scan(ownView(view), bounds, at)
  }

  async merge(job: MergeJob, signal: AbortSignal): Promise<TableMeta[]> {
    this.#checkOpen()
    return merge(this.#storage, job, signal, this.#flushes)
  }

  cacheStats(): { openTables: number; cachedBlockBytes: number } {
    const { openTables, cachedBlockBytes } = this.#files
    return { openTables, cachedBlockBytes }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#files.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('CAIRN_NOT_OPEN', 'the data plane is closed')
  }
}
