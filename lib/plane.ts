/**
 * THE SEAM: what a data plane is, as types only. A plane loops over bytes; control decides.
 *
 * Two planes exist, `native` and `typescript`, and they write the same bytes for the same calls.
 * Bytes go in as views that are read or copied during the call; they come out by filling the
 * caller's buffer or as a fresh copy. Every handle has `close()`; a handle of the other plane is
 * a TypeError. Keys that callers pass are user keys unless a name says `internal`.
 */
import type { TableMeta } from './format/edit.js'
import type { TableProperties } from './format/table.js'

export interface DataPlane {
  readonly name: 'native' | 'typescript'
  readonly io: 'io_uring' | 'threads' | 'node:fs' | 'memory'
  crc32c(bytes: Uint8Array, seed?: number): number
  /** Takes LevelDB's own lock where the plane can, until `close`; CAIRN_LOCKED when a LevelDB has
   * it. The storage's lock is held before. */
  lock(): void
  /** Creates the file, empty; the directory sync is control's. Names are those of the storage:
   * a journal may lie in one subdirectory that exists. */
  createJournal(name: string): Promise<JournalWriter>
  /** To read it as it is now, up to byte `end` at most: what stands behind may be taken away
   * meanwhile, as zeros ahead are. */
  openJournal(name: string, end?: number): Promise<JournalReader>
  createMemtable(): Memtable
  /** The file is opened at first use and may be closed and opened again between uses. */
  openTable(meta: TableMeta): Table
  /** Runs newest first; the sources of a run are sorted and disjoint. */
  createView(runs: readonly Run[]): View
  /** Copies the newest value of `key`, which as a string stands for its UTF-8, with a sequence <=
   * `at` to `into[offset..]`. Gives its length (nothing is copied when that exceeds the room: grow,
   * call again), ABSENT, or COLD when a block is not in memory. `wait` reads it instead of
   * answering COLD. Sets `view.found`. */
  find(
    view: View,
    key: Uint8Array | string,
    at: number,
    into: Uint8Array,
    offset: number,
    how: FindHow,
  ): number
  /** As `find`, off the JavaScript thread where it must read. A fresh copy, or undefined. */
  findCold(view: View, key: Uint8Array, at: number, how: FindHow): Promise<Uint8Array | undefined>
  scan(view: View, bounds: ScanBounds, at: number): Cursor
  /** Flush and compaction. Tables are whole and synced when it settles; the directory is not. */
  merge(job: MergeJob, signal: AbortSignal): Promise<TableMeta[]>
  cacheStats(): { openTables: number; cachedBlockBytes: number }
  close(): Promise<void>
}

export const ABSENT = -1
export const COLD = -2
export const GROW = -3

export interface FindHow {
  readonly wait: boolean
  readonly fillCache: boolean
}

/** Frames records. The first failure poisons it: CAIRN_POISONED from then on. */
export interface JournalWriter {
  readonly name: string
  /** Bytes written so far. */
  readonly position: number
  /** Frames `mark` (when given) and `record` and writes both with one write. */
  append(record: Uint8Array, mark?: Uint8Array): void
  /** The same for large records, without holding the event loop. */
  appendLarge(record: Uint8Array, mark?: Uint8Array): Promise<void>
  /** Checksums of what is appended from now on continue from `seed`, that of bytes which stand in
   * no fragment; at first from 0, that of none. Not while an append is under way. */
  reseed(seed: number): void
  /** Makes the file end at byte `end`, or at `position` when that is beyond: by writing zeros
   * behind what is there, so that a sync of what is appended over them need not grow the file, or
   * by cutting. An append waits for its end. Only the file's size: what fails is given up. */
  pad(end: number): Promise<void>
  sync(): Promise<void>
  /** Cuts zeros off first. */
  close(): Promise<void>
}

export type DamageReason =
  | 'zero header'
  | 'invalid fragment kind'
  | 'length overflows block'
  | 'checksum mismatch'
  | 'orphan fragment'
  | 'missing fragment'

export interface JournalRecord {
  /** The reader's own copy. */
  readonly bytes: Uint8Array
  /** Where its first fragment begins and its last one ends, in bytes of the file. */
  readonly offset: number
  readonly end: number
}

export interface JournalReader {
  readonly name: string
  readonly sizeBytes: number
  /** The next record, or undefined at the end or the first bad byte: `verdict` says which. */
  next(): Promise<JournalRecord | undefined>
  /** `zerosFrom`: the records end there, and zeros, one at least, follow to the end of the file.
   * `bad` covers a tail that runs past the end of the file ('missing fragment') too. */
  readonly verdict:
    | { kind: 'end'; zerosFrom?: number }
    | { kind: 'bad'; offset: number; reason: DamageReason }
    | undefined
  /** The first complete mark (a batch of count 0, not at byte 0) that begins at or after byte
   * `from` and carries a sequence > `above`, looked for at every byte. */
  findMark(from: number, above: number): Promise<{ offset: number; sequence: number } | undefined>
  /** The first complete record of at least `minBytes` that begins at or after `from`, looked for
   * at every byte; `next()` goes on there after `resume`. */
  findRecord(from: number, minBytes: number): Promise<number | undefined>
  /** Reads and finds go on at `offset`; a `seed` is that of all checksums expected from now on. */
  resume(offset: number, seed?: number): void
  close(): Promise<void>
}

/** Sorted entries in memory; a source. Applies in order; readable at once. */
export interface Memtable {
  readonly kind: 'memtable'
  /** Sum of the bytes of the batches applied: policy reads it, so it is the same on both planes. */
  readonly bytes: number
  readonly entries: number
  /** Memory really held, in bytes; for statistics only. */
  readonly memoryBytes: number
  /** Applies records [from, from + limit) of a checked batch and gives the next `from`. */
  apply(batch: Uint8Array, from: number, limit: number): number
  close(): void
}

/** An immutable sorted file; a source. */
export interface Table {
  readonly kind: 'table'
  readonly meta: TableMeta
  /** From the file; undefined when LevelDB wrote it. */
  properties(): Promise<TableProperties | undefined>
  /** Reads and checks every byte. Gives entries seen and damage found, never a throw for damage. */
  verify(): Promise<{
    entries: number
    damage: { offset: number; bytes: number; reason: string }[]
  }>
  /** Bytes of the file before the first entry >= key; for approximateSize. May read the index. */
  offsetOf(key: Uint8Array): Promise<number>
  close(): void
}

export type Source = Memtable | Table
export type Run = readonly Source[]

/** Built once per version; holds its sources until closed. */
export interface View {
  readonly runs: readonly Run[]
  /** Sequence of the entry (value or deletion) that the last find answered from; 0 for none. */
  readonly found: number
  close(): void
}

export interface ScanBounds {
  readonly lower?: Uint8Array
  /** Whether `lower` itself is inside; likewise `upper`. */
  readonly lowerInclusive?: boolean
  readonly upper?: Uint8Array
  readonly upperInclusive?: boolean
  readonly reverse?: boolean
  /** What to put into pages; both by default. */
  readonly keys?: boolean
  readonly values?: boolean
  readonly fillCache?: boolean
}

/** Entries in columns: entry i is key `bytes[ends[2i-1] .. ends[2i])`, value up to `ends[2i+1]`. */
export interface Page {
  bytes: Uint8Array
  ends: Uint32Array
}

export interface Cursor {
  /** Fills the page with up to `limit` entries, as many as fit. Gives their count, 0 at the end,
   * COLD (await `load`, call again) or GROW (`needed` bytes for the next entry). */
  next(page: Page, limit: number): number
  readonly needed: number
  load(): Promise<void>
  /** Moves to the first entry at or after (reverse: at or before) `target`, within the bounds. */
  seek(target: Uint8Array): void
  close(): void
}

export interface TableOptions {
  readonly blockSizeBytes: number
  readonly restartInterval: number
  readonly compression: boolean
  /** Bloom filter bits per key; 0 writes none. */
  readonly filterBits: number
}

export interface KeyRange {
  /** User keys, both inclusive. */
  readonly smallest: Uint8Array
  readonly largest: Uint8Array
}

export interface MergeJob {
  /** Newest first, as in a View. */
  readonly inputs: readonly Run[]
  /** Sequences that readers may hold, ascending; the last is the newest settled one. Of the
   * versions of a key between two of them only the newest is kept. */
  readonly snapshots: readonly number[]
  /** File numbers reserved for the outputs, ascending; the last one takes all that is left. */
  readonly outputs: readonly number[]
  readonly table: TableOptions
  /** A table is finished at the first new user key past this size. */
  readonly maxTableBytes: number
  /** Per deeper level, sorted ranges: a deletion under none of them is dropped. */
  readonly deeper: readonly (readonly KeyRange[])[]
  /** Tables two levels down; an output that overlaps more than the limit is finished. */
  readonly grandparents: readonly (KeyRange & { readonly sizeBytes: number })[]
  readonly maxGrandparentBytes: number
  /** Given: a block that is damaged is skipped and told, instead of ending the merge. */
  readonly onDamage?: (damage: MergeDamage) => void
  /** Called now and then with bytes read and written so far. */
  readonly progress?: (bytesRead: number, bytesWritten: number) => void
}

export interface MergeDamage {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}
