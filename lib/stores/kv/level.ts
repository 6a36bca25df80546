/**
 * CairnLevel: the key-value store as an abstract-level database over a LevelDB directory.
 *
 * What abstract-level asks for is below; here is what LevelDB's bindings and this store add.
 * Stands on: LevelDirect
 */
import type { Storage } from '../../io/files.js'
import type { BackupReport } from '../../lsm/backup.js'
import type { RepairReport } from '../../lsm/repair.js'
import type { TreeStats } from '../../lsm/stats.js'
import type { Tree } from '../../lsm/tree.js'
import type { VerifyReport } from '../../commit/told.js'
import { Place } from '../place.js'
import { LevelDirect } from './direct.js'
import { LevelError, rethrow } from './errors.js'
import type { StartEndOptions } from './face.js'
import { destroyStore, repairStore } from './open.js'
import { readSettings } from './options.js'
import type { OpenOptions } from './options.js'
import { ownBytes } from './range.js'

/**
 * A key-value store in a directory that LevelDB can read and write too.
 *
 * Errors: TypeError and RangeError for wrong arguments; else an Error with a LEVEL_ `code` and
 * the StoreError as `cause`. A failed open is LEVEL_DATABASE_NOT_OPEN with that as its cause.
 * Events, besides abstract-level's: `recovered` (Recovered) after an open that has something to
 * tell, `warning` (StoreError) when background work fails.
 */
export class CairnLevel<KDefault = string, VDefault = string> extends LevelDirect<
  KDefault,
  VDefault
> {
  /** Bytes of files that the entries of [start, end) take, about; memory is not counted. */
  approximateSize(start: KDefault, end: KDefault): Promise<number>
  approximateSize<K = KDefault>(start: K, end: K, options: StartEndOptions<K>): Promise<number>
  async approximateSize<K>(start: K, end: K, options?: StartEndOptions<K>): Promise<number> {
    if (arguments.length < 2) throw new TypeError("The arguments 'start' and 'end' are required")
    return this.#whenOpen((tree) =>
      tree.approximateSize(this.#encodeKey(start, options), this.#encodeKey(end, options)),
    )
  }

  /** Merges the tables of [start, end]; null or undefined: no bound on that side. */
  compactRange(start: KDefault | null | undefined, end: KDefault | null | undefined): Promise<void>
  compactRange<K = KDefault>(
    start: K | null | undefined,
    end: K | null | undefined,
    options: StartEndOptions<K>,
  ): Promise<void>
  async compactRange<K>(
    start: K | null | undefined,
    end: K | null | undefined,
    options?: StartEndOptions<K>,
  ): Promise<void> {
    if (arguments.length < 2) throw new TypeError("The arguments 'start' and 'end' are required")
    const bound = (key: K | null | undefined): Uint8Array | undefined =>
      key === null || key === undefined ? undefined : this.#encodeKey(key, options)
    return this.#whenOpen((tree) => tree.compactRange(bound(start), bound(end)))
  }

  /** LevelDB's properties by name ('leveldb.stats'); '' for one that is not known. */
  getProperty(property: string): string {
    if (typeof property !== 'string')
      throw new TypeError("The first argument 'property' must be a string")
    return this._openTree().property(property)
  }

  stats(): TreeStats {
    return this._openTree().stats()
  }

  /** Sets the counters of `stats()` to zero. */
  resetStats(): void {
    this._openTree().resetStats()
  }

  /** Reads and checks every byte. Rejects only when it can not read. */
  verify(): Promise<VerifyReport> {
    return this.#whenOpen((tree) => tree.verify())
  }

  /** Settles when everything acknowledged before the call survives power loss. */
  sync(): Promise<void> {
    return this.#whenOpen((tree) => tree.sync())
  }

  /** Writes what is in memory to tables. */
  flush(): Promise<void> {
    return this.#whenOpen((tree) => tree.flush())
  }

  /** Refuses writes from now on: LEVEL_READONLY. */
  setReadOnly(): Promise<void> {
    return this.#whenOpen((tree) => {
      this._refuseWrites()
      return tree.setReadOnly()
    })
  }

  /**
   * Writes a complete store, as of the call, to an empty or new directory. Tables that an
   * earlier backup `since` has are linked from there, not copied.
   */
  async backup(
    directory: string | Storage,
    options?: { since?: string | Storage | undefined },
  ): Promise<BackupReport> {
    const target = new Place("The first argument 'directory'", directory)
    const earlier = options?.since
    const since = earlier === undefined ? undefined : new Place("The option 'since'", earlier)
    try {
      return await this.#whenOpen((tree) => tree.backup(target.storage, since?.storage))
    } finally {
      await Promise.all([target.close(), since?.close()]).catch(rethrow)
    }
  }

  /** Removes the store's files, and the directory when nothing else is in it. */
  static async destroy(location: string | Storage): Promise<void> {
    const place = new Place("The first argument 'location'", location)
    await destroyStore(place.storage)
      .catch(rethrow)
      .finally(() => place.close().catch(rethrow))
  }

  /** Brings back what can be read of a damaged store; the damaged files move to `lost/`. */
  static async repair(location: string | Storage, options?: OpenOptions): Promise<RepairReport> {
    const settings = readSettings(options ?? {})
    if (settings.readOnly) throw new RangeError("The option 'readOnly' must be false to repair")
    const place = new Place("The first argument 'location'", location)
    return repairStore(place.storage, settings)
      .catch(rethrow)
      .finally(() => place.close().catch(rethrow))
  }

  #encodeKey<K>(key: K, options: StartEndOptions<K> | undefined): Uint8Array {
    if (key === null || key === undefined)
      throw new LevelError('LEVEL_INVALID_KEY', 'Key cannot be null or undefined')
    const encoding = this.keyEncoding(options?.keyEncoding as 'utf8')
    return ownBytes(encoding.encode(key as string))
  }

  async #whenOpen<T>(run: (tree: Tree) => Promise<T>): Promise<T> {
    if (this.status === 'opening') return this.deferAsync(() => this.#whenOpen(run))
    return run(this._openTree()).catch(rethrow)
  }
}
