/**
 * What the addon exports: flat functions over handles, one for each step of a data plane.
 *
 * A handle is a number that names a native object until it is closed; a closed or foreign one is
 * a TypeError. Numbers that a call gives beside its result stand in `words`. The bridge makes a
 * DataPlane of these; nothing else calls them.
 * Twin: native/napi/functions.h
 */

export type Handle = number

/** Goes up with every change of what stands here or of what it means. */
export const ADDON_REVISION = 4

/** Indexes of `words`. */
export const WORD_FOUND = 0
export const WORD_NEEDED = 1

/** How a plane does its syncs: what `io` of planeOpen may be. */
export const IO_WANTED = { auto: 0, io_uring: 1, threads: 2 } as const
export type IoWanted = keyof typeof IO_WANTED

/** Bits of the `how` of look-ups. */
export const HOW_WAIT = 1
export const HOW_FILL_CACHE = 2

/** Bits of the `how` of cursors. */
export const SCAN_REVERSE = 1
export const SCAN_KEYS = 2
export const SCAN_VALUES = 4
export const SCAN_FILL_CACHE = 8
export const SCAN_LOWER_OPEN = 16
export const SCAN_UPPER_OPEN = 32

/** Makes the error that a failed call throws; the kinds are those of native/base/status.h. */
export type ErrorMaker = (
  kind: number,
  code: number,
  text: string,
  file: string,
  offset: number,
  errorNumber: number,
  cause: Error | undefined,
) => Error

export interface NativeRecords {
  /** Empty at the end or the first bad byte. */
  readonly bytes: Uint8Array
  /** Per record: where it begins and ends in the file, and its length. */
  readonly places: Float64Array
  /** Where the records end; -1: nobody knows yet. */
  readonly endAt: number
  /** What is bad there; empty when nothing is. */
  readonly reason: string
}

export interface NativeProperties {
  readonly entries: number
  readonly deletions: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly smallestSequence: number
  readonly largestSequence: number
}

export interface NativeMeta {
  readonly number: number
  readonly sizeBytes: number
  readonly smallest: Uint8Array
  readonly largest: Uint8Array
  readonly properties?: NativeProperties
}

export interface NativeRange {
  readonly smallest: Uint8Array
  readonly largest: Uint8Array
  readonly sizeBytes: number
}

export interface NativeMergeJob {
  /** Per run the handles of its sources; memtables are sealed by the call. */
  readonly inputs: readonly (readonly Handle[])[]
  readonly snapshots: readonly number[]
  readonly outputs: readonly number[]
  readonly blockSizeBytes: number
  readonly restartInterval: number
  readonly compression: boolean
  readonly filterBits: number
  readonly maxTableBytes: number
  readonly deeper: readonly (readonly NativeRange[])[]
  readonly grandparents: readonly NativeRange[]
  readonly maxGrandparentBytes: number
  /** Damage is told and skipped, not an error. */
  readonly skipDamage: boolean
}

export interface NativeDamage {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

export interface NativeFunctions {
  readonly words: Float64Array
  setErrorMaker(maker: ErrorMaker): void
  crc32c(bytes: Uint8Array, seed: number): number
  openHandles(): number

  planeOpen(path: string, cacheBytes: number, maxOpenTables: number, io: number): Handle
  planeIo(plane: Handle): 'io_uring' | 'threads'
  /** Why there is no ring; '' when there is one. */
  planeRefusal(plane: Handle): string
  /** LevelDB's lock; false when another has it. */
  planeLock(plane: Handle): boolean
  /** Open tables and cached bytes, in words 0 and 1. */
  planeStats(plane: Handle): void
  planeClose(plane: Handle): void

  journalCreate(plane: Handle, name: string): Handle
  /** Gives the position behind what was written. */
  journalAppend(journal: Handle, record: Uint8Array, mark: Uint8Array | undefined): number
  journalAppendLarge(
    journal: Handle,
    record: Uint8Array,
    mark: Uint8Array | undefined,
  ): Promise<void>
  journalReseed(journal: Handle, seed: number): void
  journalPosition(journal: Handle): number
  journalPad(journal: Handle, end: number): Promise<void>
  journalSync(journal: Handle): Promise<void>
  journalClose(journal: Handle): Promise<void>
  /** Lets go of a journal; what is under way goes on. */
  journalFree(journal: Handle): void

  /** Nothing behind byte `end` is read. */
  readerOpen(plane: Handle, name: string, maxRecordBytes: number, end: number): Promise<Handle>
  readerSize(reader: Handle): number
  readerNext(reader: Handle): Promise<NativeRecords>
  /** [offset, sequence] or nothing. */
  readerFindMark(reader: Handle, from: number, above: number): Promise<Float64Array | undefined>
  readerFindRecord(reader: Handle, from: number, minBytes: number): Promise<number | undefined>
  /** Without a seed that of before stays. */
  readerResume(reader: Handle, offset: number, seed: number | undefined): void
  readerFree(reader: Handle): void

  memtableCreate(): Handle
  memtableApply(memtable: Handle, batch: Uint8Array, from: number, limit: number): number
  memtableEntries(memtable: Handle): number
  memtableBytes(memtable: Handle): number
  memtableFree(memtable: Handle): void

  tableOpen(
    plane: Handle,
    number: number,
    sizeBytes: number,
    smallest: Uint8Array,
    largest: Uint8Array,
  ): Handle
  tableProperties(table: Handle): Promise<NativeProperties | undefined>
  tableOffsetOf(table: Handle, key: Uint8Array): Promise<number>
  tableVerify(table: Handle): Promise<{
    entries: number
    damage: { offset: number; bytes: number; reason: string }[]
  }>
  tableClose(table: Handle): void

  viewCreate(runs: readonly (readonly Handle[])[]): Handle
  viewFree(view: Handle): void
  /** As DataPlane.find; the sequence found in word WORD_FOUND. */
  readonly find: (
    view: Handle,
    key: Uint8Array | string,
    at: number,
    into: Uint8Array,
    offset: number,
    how: number,
  ) => number
  findCold(
    plane: Handle,
    view: Handle,
    key: Uint8Array,
    at: number,
    how: number,
  ): Promise<{ value: Uint8Array | undefined; sequence: number }>

  cursorOpen(
    plane: Handle,
    view: Handle,
    how: number,
    lower: Uint8Array | undefined,
    upper: Uint8Array | undefined,
    at: number,
  ): Handle
  /** As Cursor.next; what is needed in word WORD_NEEDED. */
  cursorNext(cursor: Handle, bytes: Uint8Array, ends: Uint32Array, limit: number): number
  /** Undefined when nothing has to be read: the caller lets the event loop run instead. */
  cursorLoad(cursor: Handle): Promise<void> | undefined
  cursorSeek(cursor: Handle, target: Uint8Array): void
  cursorFree(cursor: Handle): void

  /** Begins at once; `told` is called with progress and damage until the promise settles. */
  mergeStart(
    plane: Handle,
    job: NativeMergeJob,
    told: (bytesRead: number, bytesWritten: number, damage: NativeDamage | undefined) => void,
  ): [merge: Handle, tables: Promise<NativeMeta[]>]
  mergeCancel(merge: Handle): void
  mergeFree(merge: Handle): void
}

/** The addon as `require` gives it. */
export interface NativeAddon extends NativeFunctions {
  /** ADDON_REVISION of the sources that it was built from. */
  readonly revision: number
  /** The names and values of FORMAT_CONSTANTS. */
  readonly constants: Readonly<Record<string, number>>
  /** STORE_ERROR_CODES, in order. */
  readonly errorCodes: readonly string[]
}

type FunctionName = Exclude<keyof NativeFunctions, 'words'>

/** Every function that an addon must export. */
export const NATIVE_FUNCTIONS: Readonly<Record<FunctionName, true>> = {
  setErrorMaker: true,
  crc32c: true,
  openHandles: true,
  planeOpen: true,
  planeIo: true,
  planeRefusal: true,
  planeLock: true,
  planeStats: true,
  planeClose: true,
  journalCreate: true,
  journalAppend: true,
  journalAppendLarge: true,
  journalReseed: true,
  journalPosition: true,
  journalPad: true,
  journalSync: true,
  journalClose: true,
  journalFree: true,
  readerOpen: true,
  readerSize: true,
  readerNext: true,
  readerFindMark: true,
  readerFindRecord: true,
  readerResume: true,
  readerFree: true,
  memtableCreate: true,
  memtableApply: true,
  memtableEntries: true,
  memtableBytes: true,
  memtableFree: true,
  tableOpen: true,
  tableProperties: true,
  tableOffsetOf: true,
  tableVerify: true,
  tableClose: true,
  viewCreate: true,
  viewFree: true,
  find: true,
  findCold: true,
  cursorOpen: true,
  cursorNext: true,
  cursorLoad: true,
  cursorSeek: true,
  cursorFree: true,
  mergeStart: true,
  mergeCancel: true,
  mergeFree: true,
}
