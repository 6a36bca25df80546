/**
 * The OS seam: what a store needs of the place that holds its files, as interfaces.
 *
 * A Storage is one directory. Names are plain file names in it, never paths; `lost/name` style
 * nesting is the one exception and goes through `makeDirectory`; no symbolic link is followed
 * there. Everything that can wait on a
 * device returns a promise; the calls named `...Sync` exist for the hot path (one small write
 * into the page cache, one block read) and for `getSync`.
 *
 * Errors: every failure is a StoreError (CAIRN_IO, CAIRN_NO_SPACE, CAIRN_MISSING, CAIRN_EXISTS,
 * CAIRN_LOCKED) with the file's name and the system's error as `cause`.
 */
import type { FileKind } from '../format/names.js'

/** One open file. Positions and sizes are bytes. Not shared between stores. */
export interface StorageFile {
  readonly name: string
  /** Fills `into` from `position`; gives the bytes read, fewer than asked only at the end. */
  readSync(into: Uint8Array, position: number): number
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all of `bytes` at `position` or throws; a partial write is an error, not a count. */
  writeSync(bytes: Uint8Array, position: number): void
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Settles when every byte written before the call, and the size, survive power loss. */
  sync(): Promise<void>
  /** Works on a file that was opened to read, too; a write to it is CAIRN_IO. */
  truncate(sizeBytes: number): Promise<void>
  /** Size now, in bytes. */
  size(): number
  /** Idempotent. Waits for nothing: the caller has awaited its reads, writes and syncs. */
  close(): Promise<void>
}

export interface FileEntry {
  readonly name: string
  readonly kind: FileKind
  /** The number in the name; 0 where the kind has none. */
  readonly number: number
}

/** A lock that is held. */
export interface StorageLock {
  /** Frees the lock. Idempotent. */
  release(): Promise<void>
}

export interface LockOptions {
  /** Share with other readers; excluded by a writer. Creates no file. */
  readonly readOnly: boolean
  /** How long to wait for a holder to go away, in milliseconds; 0 fails at once. */
  readonly timeoutMs: number
}

/** A place for the files of one store. */
export interface Storage {
  /** Where it is, for messages and `db.location`. */
  readonly location: string
  /** `memory` is kept to the TypeScript plane, and so is every kind but `disk`. */
  readonly kind: 'disk' | 'memory' | 'custom'
  /**
   * Makes the directory and its missing parents (0700), each synced into its own parent.
   * Does nothing when it exists. CAIRN_EXISTS when a file stands there.
   */
  createDirectory(): Promise<void>
  /** Whether the directory exists. CAIRN_EXISTS when something else stands there. */
  exists(): Promise<boolean>
  /** CAIRN_LOCKED when another open store, here or in another process, excludes this one. */
  lock(options: LockOptions): Promise<StorageLock>
  /** Everything in the directory, in no particular order; subdirectories have kind 'unknown'.
   * With a subdirectory what is in that, which is nothing when there is none, under names that
   * `open` takes (`wal/00000001.journal`). */
  list(kind?: FileKind, subdirectory?: string): Promise<FileEntry[]>
  /** Opens an existing regular file to read. CAIRN_MISSING when there is none. */
  open(name: string): Promise<StorageFile>
  openSync(name: string): StorageFile
  /** Creates a file (0600), empty, to read and write. CAIRN_EXISTS when the name is taken. */
  create(name: string): Promise<StorageFile>
  /** Removes a file; absent is fine. Durable after `syncDirectory`. */
  remove(name: string): Promise<void>
  /** Replaces `to` atomically. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>
  /** Removes the directory itself when nothing is left in it; otherwise does nothing. */
  removeDirectory(): Promise<void>
  /** Makes a subdirectory (0700) unless it exists. */
  makeDirectory(name: string): Promise<void>
  /** Settles when creations, renames and removals before the call survive power loss. */
  syncDirectory(): Promise<void>
  /** A data plane has created this file past the storage: the next `syncDirectory` covers it. */
  created(name: string): void
  /** Replaces CURRENT by temporary file, sync, rename, directory sync. */
  setCurrent(manifestName: string): Promise<void>
  /** The bytes of CURRENT as text, unjudged; undefined when there is none. */
  getCurrent(): Promise<string | undefined>
  /** Hard-links or copies one of this storage's files into `target`, synced when copied. */
  copyTo(target: Storage, name: string, targetName?: string): Promise<'linked' | 'copied'>
  /** Appends a line to the store's LOG; never throws and never waits. */
  log(line: string): void
  /** Lets go of every resource. Idempotent. */
  close(): Promise<void>
}
