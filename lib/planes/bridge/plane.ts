/**
 * The native plane behind the seam: the addon's functions as a DataPlane.
 *
 * Nothing is decided here and nothing is looped over; each call is one crossing.
 * Stands on: lib/planes/addon.ts
 */
import { constants } from 'node:buffer'
import { StoreError } from '../../errors.js'
import type { TableMeta } from '../../format/edit.js'
import { checkOffset } from '../../format/journal.js'
import type { Storage } from '../../io/files.js'
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
} from '../../plane.js'
import { HOW_FILL_CACHE, HOW_WAIT, IO_WANTED, WORD_FOUND } from '../addon.js'
import type { IoWanted, NativeFunctions } from '../addon.js'
import type { PlaneOptions } from '../typescript.js'
import { NativeCursor } from './cursor.js'
import { makeError } from './errors.js'
import { HandleOwner } from './handle.js'
import { NativeJournalReader, NativeJournalWriter } from './journal.js'
import { merge } from './merge.js'
import { NativeMemtable, NativeTable, NativeView, ownView } from './sources.js'

/** A plane over an addon that has been proven. Throws what keeps its directory from opening. */
export function nativePlane(
  addon: NativeFunctions,
  options: PlaneOptions,
  io: IoWanted,
): NativePlane {
  addon.setErrorMaker(makeError)
  return new NativePlane(addon, options, io)
}

export class NativePlane extends HandleOwner implements DataPlane {
  readonly name = 'native'
  readonly io: 'io_uring' | 'threads'
  /** Why there is no ring, if there is none. */
  readonly refusal: string
  readonly #storage: Storage
  readonly #words: Float64Array
  /** The addon is an object of many properties, in which looking one up takes time. */
  readonly #find: NativeFunctions['find']

  constructor(addon: NativeFunctions, options: PlaneOptions, io: IoWanted) {
    const { storage, cacheBytes, maxOpenTables } = options
    const handle = addon.planeOpen(storage.location, cacheBytes, maxOpenTables, IO_WANTED[io])
    super(addon, handle, 'planeClose')
    this.#words = addon.words
    this.#find = addon.find
    this.#storage = storage
    this.io = addon.planeIo(handle)
    this.refusal = addon.planeRefusal(handle)
  }

  crc32c(bytes: Uint8Array, seed = 0): number {
    return this.addon.crc32c(bytes, seed)
  }

  lock(): void {
    if (this.addon.planeLock(this.handle)) return
    throw new StoreError(
      'CAIRN_LOCKED',
      `${this.#storage.location} is locked: a LevelDB has it open`,
    )
  }

  async createJournal(name: string): Promise<JournalWriter> {
    const writer = new NativeJournalWriter(this.addon, this.handle, name)
    this.#storage.created(name)
    return writer
  }

  async openJournal(name: string, end = Number.MAX_SAFE_INTEGER): Promise<JournalReader> {
    checkOffset(end)
    const handle = await this.addon.readerOpen(this.handle, name, constants.MAX_LENGTH, end)
    return new NativeJournalReader(this.addon, handle, name)
  }

  createMemtable(): Memtable {
    return new NativeMemtable(this.addon)
  }

  openTable(meta: TableMeta): Table {
    return new NativeTable(this.addon, this, meta)
  }

  createView(runs: readonly Run[]): View {
    return new NativeView(this.addon, runs)
  }

  find(
    view: View,
    key: Uint8Array | string,
    at: number,
    into: Uint8Array,
    offset: number,
    how: FindHow,
  ): number {
    const own = ownView(view)
    const length = this.#find(own.handle, key, at, into, offset, flagsOf(how))
    own.found = this.#words[WORD_FOUND]!
    return length
  }

  async findCold(
    view: View,
    key: Uint8Array,
    at: number,
    how: FindHow,
  ): Promise<Uint8Array | undefined> {
    const own = ownView(view)
    const found = await this.addon.findCold(this.handle, own.handle, key, at, flagsOf(how))
    own.found = found.sequence
    return found.value
  }

  scan(view: View, bounds: ScanBounds, at: number): Cursor {
    return new NativeCursor(this.addon, this.handle, ownView(view), bounds, at)
  }

  async merge(job: MergeJob, signal: AbortSignal): Promise<TableMeta[]> {
    return merge(this.addon, this.handle, job, signal)
  }

  cacheStats(): { openTables: number; cachedBlockBytes: number } {
    if (this.isClosed) return { openTables: 0, cachedBlockBytes: 0 }
    this.addon.planeStats(this.handle)
    return { openTables: this.#words[0]!, cachedBlockBytes: this.#words[1]! }
  }

  async close(): Promise<void> {
    this.release()
  }

  protected override closedError(): Error {
    return new StoreError('CAIRN_NOT_OPEN', 'the data plane is closed')
  }
}

function flagsOf(how: FindHow): number {
  return (how.wait ? HOW_WAIT : 0) | (how.fillCache ? HOW_FILL_CACHE : 0)
}
