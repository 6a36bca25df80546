/**
 * Tree: the ordered, durable map under the key-value store.
 *
 * It stands on one storage and one data plane and holds the lock while it is open. Reads see
 * settled writes only; writes settle in the order of their calls.
 * Stands on: committer (writes), reads, compactor (background), opening and closing.
 */
import type { EventEmitter } from 'node:events'
import { Claim } from '../commit/claim.js'
import type { PlaneInfo, VerifyReport } from '../commit/told.js'
import { Underway } from '../commit/underway.js'
import { StoreError } from '../errors.js'
import type { BatchWriter, Datum } from '../format/batch.js'
import type { Storage, StorageLock } from '../io/files.js'
import type { Memtable, ScanBounds } from '../plane.js'
import { backupFiles, backupVersion, type BackupReport } from './backup.js'
import { clearRange } from './clear.js'
import { Committer } from './committer.js'
import { Compactor } from './compactor.js'
import { openDirectory } from './opening.js'
import type { TreeOptions } from './options.js'
import type { Recovered } from './replay.js'
import { Reads, type ReadHow, type TreeCursor, type Value } from './reads.js'
import { writeSeal } from './seal.js'
import type { TreeSnapshot } from './snapshot.js'
import { Counters, TreeState } from './state.js'
import { readProperty, readStats, type TreeStats } from './stats.js'
import { Throttle } from './throttle.js'
import { verifyTree } from './verify.js'

export class Tree {
  /** What opening found in the journals. */
  readonly recovered: Recovered
  readonly plane: PlaneInfo
  readonly #state: TreeState
  readonly #lock: StorageLock
  readonly #compactor: Compactor
  readonly #committer: Committer
  readonly #reads: Reads
  /** Closing cancels these. */
  readonly #compactRanges = new Underway()
  #closing: Promise<void> | undefined

  private constructor(state: TreeState, lock: StorageLock, reason: string, recovered: Recovered) {
    this.recovered = recovered
    this.plane = { name: state.plane.name, io: state.plane.io, reason }
    this.#state = state
    this.#lock = lock
    this.#compactor = new Compactor(state)
    const throttle = new Throttle(state, this.#compactor)
    this.#committer = new Committer(state, throttle, () => this.#compactor.settled())
    this.#reads = new Reads(state)
    if (state.options.readOnly) return
    if (!state.options.serial) state.journals.prepare()
    this.#compactor.schedule()
  }

  /**
   * Opens or creates the tree in `storage`. Errors: CAIRN_MISSING, CAIRN_EXISTS, CAIRN_LOCKED,
   * CAIRN_CORRUPTION, CAIRN_FORMAT_VERSION, CAIRN_READ_ONLY, CAIRN_IO; nothing is changed then.
   */
  static async open(storage: Storage, options: TreeOptions): Promise<Tree> {
    const claim = await Claim.on(storage, options)
    try {
      const { plane, reason } = options.choose(storage)
      try {
        const state = new TreeState({ storage, plane, options })
        if (!options.readOnly) plane.lock()
        state.log(`opening: plane ${plane.name}, ${plane.io} (${reason})`)
        const tree = new Tree(state, claim.lock, reason, await openDirectory(state))
        await tree.#serially()
        return tree
      } catch (error) {
        await plane.close()
        throw error
      }
    } catch (error) {
      throw await claim.abandon(error)
    }
  }

  /** Emits 'warning' with the failure of background work. */
  get events(): EventEmitter {
    return this.#state.events
  }

  put(key: Datum, value: Datum, sync: boolean): Promise<void> {
    return this.#ifWritable() ?? this.#committer.put(key, value, sync)
  }

  delete(key: Datum, sync: boolean): Promise<void> {
    return this.#ifWritable() ?? this.#committer.delete(key, sync)
  }

  /** All records or none. The batch may be changed as soon as the call returns. */
  write(batch: BatchWriter, sync: boolean): Promise<void> {
    return this.#ifWritable() ?? this.#committer.write(batch, sync)
  }

  /** As `get`, but waits for the disk where it must. */
  getSync(key: Datum, how: ReadHow): Value | undefined {
    this.#refuseClosed()
    return this.#reads.getSync(key, how)
  }

  get(key: Datum, how: ReadHow): Promise<Value | undefined> {
    return this.#ifOpen() ?? this.#reads.get(key, how)
  }

  /** One point in time for all keys; values in the order of the keys. */
  getMany(keys: readonly Datum[], how: ReadHow): Promise<(Value | undefined)[]> {
    return this.#ifOpen() ?? this.#reads.getMany(keys, how)
  }

  has(key: Datum, how: Omit<ReadHow, 'encoding'>): Promise<boolean> {
    return this.#ifOpen() ?? this.#reads.has(key, how)
  }

  hasMany(keys: readonly Datum[], how: Omit<ReadHow, 'encoding'>): Promise<boolean[]> {
    return this.#ifOpen() ?? this.#reads.hasMany(keys, how)
  }

  cursor(bounds: ScanBounds, at?: number): TreeCursor {
    this.#refuseClosed()
    return this.#reads.cursor(bounds, at)
  }

  snapshot(): TreeSnapshot {
    this.#refuseClosed()
    return this.#state.snapshots.acquire(this.#state.published)
  }

  /** Deletes up to `limit` keys that are in the range at the call; not atomic. */
  clear(bounds: ScanBounds, limit: number, at?: number): Promise<void> {
    const refusal = this.#ifWritable()
    if (refusal) return refusal
    return this.#whileOpen(this.#state.underway, () => {
      const cursor = this.#reads.cursor({ ...bounds, values: false }, at)
      return clearRange(cursor, limit, (batch) => this.#committer.write(batch, false))
    })
  }

  /** Bytes of tables between the keys; what is still in memory is not counted. */
  approximateSize(start: Uint8Array, end: Uint8Array): Promise<number> {
    return this.#whileOpen(this.#state.underway, async () => {
      const version = this.#state.versions.retain()
      try {
        let bytes = 0
        for (const table of version.tables) {
          const [from, to] = [await table.offsetOf(start), await table.offsetOf(end)]
          bytes += Math.max(0, to - from)
        }
        return bytes
      } finally {
        this.#state.versions.release(version)
      }
    })
  }

  /** Flushes, then merges the range down level by level; space of deleted keys comes back. */
  compactRange(start?: Uint8Array, end?: Uint8Array): Promise<void> {
    return this.#whileOpen(this.#compactRanges, async () => {
      await this.#flush()
      await this.#compactor.compactRange(start, end)
      await this.#serially()
    })
  }

  /** Settles when everything written before the call is in tables. */
  flush(): Promise<void> {
    return this.#whileOpen(this.#state.underway, () => this.#flush())
  }

  /** Settles when everything acknowledged before the call survives power loss. */
  sync(): Promise<void> {
    return this.#ifOpen() ?? this.#committer.sync()
  }

  /** Refuses writes from the call on (CAIRN_READ_ONLY); settles when those before it have. */
  setReadOnly(): Promise<void> {
    if (this.#state.options.readOnly) return this.#ifOpen() ?? Promise.resolve()
    const settled = this.#ifOpen() ?? this.#committer.barrier(async () => {})
    this.#state.readOnly = true
    return settled
  }

  stats(): TreeStats {
    return readStats(this.#state, this.#committer)
  }

  resetStats(): void {
    this.#state.counters = new Counters()
    if (this.#state.journals !== undefined) this.#state.journals.syncs = 0
  }

  /** By LevelDB's names; '' for an unknown one. */
  property(name: string): string {
    return readProperty(this.#state, this.#committer, name)
  }

  verify(): Promise<VerifyReport> {
    return this.#whileOpen(this.#state.underway, () => verifyTree(this.#state))
  }

  /** Hot; consistent as of the call. CAIRN_EXISTS unless the target is empty. */
  backup(target: Storage, since?: Storage): Promise<BackupReport> {
    return this.#whileOpen(this.#state.underway, async () => {
      if (this.#state.options.readOnly) return backupFiles(this.#state, target)
      await this.#flush()
      // No later flush can have ended yet: the tables are those of the call.
      const version = this.#state.versions.retain()
      try {
        const { published } = this.#state
        return await backupVersion(this.#state, version, published, target, since)
      } finally {
        this.#state.versions.release(version)
      }
    })
  }

  /** Waits for what is under way, seals and lets go of everything. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const state = this.#state
    await state.underway.settled()
    await this.#committer.close()
    await this.#compactor.close()
    await this.#compactRanges.settled()
    if (!state.options.readOnly) await this.#seal()
    state.log('closed')
    state.versions.close()
    await state.plane.close()
    await this.#lock.release()
  }

  /** A clean end, unless something failed: then the next opening recovers. */
  async #seal(): Promise<void> {
    const { journals, manifest, storage, plane } = this.#state
    const clean = this.#state.poison === undefined && this.#state.frozen === undefined
    try {
      if (clean) {
        await journals.finish(this.#state.lastSequence + 1)
        await manifest.finish()
      }
      await journals.close()
      await manifest.close()
      if (clean) await writeSeal(storage, plane, journals.number, manifest.number)
    } catch (error) {
      this.#state.warn('close cleanly', error)
      await journals.close()
      await manifest.close().catch(() => {})
    }
  }

  async #flush(): Promise<void> {
    let frozen: Memtable | undefined
    await this.#committer.barrier(async () => {
      await this.#flushed(this.#state.frozen)
      if (this.#state.active.entries === 0) return
      await this.#compactor.rotate()
      frozen = this.#state.frozen
    })
    await this.#flushed(frozen)
    await this.#serially()
  }

  /** Under the serial schedule every background job ends before the next step. */
  async #serially(): Promise<void> {
    if (this.#state.options.serial) await this.#compactor.settled()
  }

  /** Settles when the memtable is in a table; rejects with the failure that keeps it. */
  async #flushed(frozen: Memtable | undefined): Promise<void> {
    const { flushes } = this.#compactor
    const isPending = (): boolean => frozen !== undefined && this.#state.frozen === frozen
    if (isPending()) flushes.retry()
    while (isPending()) {
      if (!flushes.isRunning && flushes.failure !== undefined) throw flushes.failure
      if (this.#state.poison !== undefined) throw this.#state.poison
      await this.#compactor.change()
    }
  }

  /** Runs what closing has to wait for. */
  #whileOpen<T>(underway: Underway, work: () => Promise<T>): Promise<T> {
    return this.#ifOpen() ?? underway.add(work())
  }

  #refuseClosed(): void {
    if (this.#closing) throw new StoreError('CAIRN_NOT_OPEN', 'the store is closed')
  }

  #ifWritable(): Promise<never> | undefined {
    if (!this.#state.readOnly) return this.#ifOpen()
    return (
      this.#ifOpen() ??
      Promise.reject(new StoreError('CAIRN_READ_ONLY', 'the store takes no writes'))
    )
  }

  #ifOpen(): Promise<never> | undefined {
    if (!this.#closing) return undefined
    return Promise.reject(new StoreError('CAIRN_NOT_OPEN', 'the store is closed'))
  }
}
