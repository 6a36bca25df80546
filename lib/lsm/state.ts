/**
 * The state that the parts of an open tree share: files, versions, sequences, failure, counters.
 *
 * Invariant: `published` only grows, and nothing with a higher sequence is ever read.
 */
import { EventEmitter } from 'node:events'
import { InfoLog } from '../commit/log.js'
import { poisonOf, type Damage } from '../commit/told.js'
import { Underway } from '../commit/underway.js'
import type { StoreError } from '../errors.js'
import type { Storage } from '../io/files.js'
import type { DataPlane, Memtable } from '../plane.js'
import type { JournalSet } from './journals.js'
import type { Manifest } from './manifest.js'
import type { TreeOptions } from './options.js'
import { SnapshotList } from './snapshot.js'
import type { Levels, VersionSet } from './version.js'

export class Counters {
  writeDelayCount = 0
  writeDelayMs = 0
  compactions = 0
  bytesRead = 0
  bytesWritten = 0
  groups = 0
}

export interface TreeParts {
  readonly storage: Storage
  readonly plane: DataPlane
  readonly options: TreeOptions
}

export interface ReadOnlyFiles {
  /** Numbers of the journals, and of the MANIFEST. */
  readonly journals: readonly number[]
  readonly manifest: number
  /** Where the journals end for this tree, when they end before their last byte. */
  readonly torn: Damage | undefined
}

export class TreeState {
  readonly storage: Storage
  readonly plane: DataPlane
  readonly options: TreeOptions
  /** Reads and jobs that closing lets end. */
  readonly underway = new Underway()
  readonly events = new EventEmitter()
  readonly snapshots = new SnapshotList()
  counters = new Counters()

  manifest!: Manifest
  /** Undefined when the tree was opened read-only. */
  journals!: JournalSet
  versions!: VersionSet
  /** What a read-only tree stands on, beside tables. */
  readOnlyFiles: ReadOnlyFiles | undefined
  /** The memtable that takes writes. */
  active!: Memtable
  /** The rotated-out memtable until its table is installed. */
  frozen: Memtable | undefined
  /** The newest sequence given to a group, and the newest that readers may see. */
  lastSequence = 0
  published = 0
  /** The first failed write or sync: later writes reject with CAIRN_POISONED. */
  poison: StoreError | undefined
  lastError: Error | undefined
  readOnly = false
  /** Writers wait for room now. */
  paused = false
  aliveCursors = 0
  /** Cancels merges when the tree closes. */
  readonly abort = new AbortController()

  readonly infoLog: InfoLog

  constructor(parts: TreeParts) {
    this.storage = parts.storage
    this.plane = parts.plane
    this.options = parts.options
    this.infoLog = new InfoLog(parts.storage, parts.options)
    this.readOnly = parts.options.readOnly
  }

  get levels(): Levels {
    return this.versions.current.levels
  }

  /** Memtables newest first. */
  get memtables(): Memtable[] {
    return this.frozen ? [this.active, this.frozen] : [this.active]
  }

  /** Writes a line to the LOG. */
  log(line: string): void {
    this.infoLog.line(line)
  }

  /** Poisons the tree for writing. The first failure stands. */
  fail(action: string, error: unknown): void {
    if (this.poison !== undefined) return
    const cause = error instanceof Error ? error : new Error(String(error))
    this.poison = poisonOf(action, cause)
    this.warn(action, cause)
  }

  /** Removes a file that nothing names any more; a failure is told, the next opening removes it. */
  async remove(name: string): Promise<void> {
    try {
      await this.storage.remove(name)
    } catch (error) {
      this.warn(`remove ${name}`, error)
    }
  }

  /** What callers of reads and writes get for a failure. */
  shown(error: unknown): unknown {
    const { translate } = this.options
    return translate === undefined ? error : translate(error)
  }

  /** Reports a failure that no caller waits for. */
  warn(action: string, error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error))
    this.lastError = cause
    this.log(`error: could not ${action}: ${cause.message}`)
    // Later: a listener that throws must not break off engine work.
    queueMicrotask(() => this.events.emit('warning', cause))
  }
}
