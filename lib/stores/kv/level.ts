/**
 * CairnLevel: the key-value store as an abstract-level database over a LevelDB directory.
 *
 * Public methods with a shorter way take it when the store is open, the data need no encoding
 * and nobody listens or hooks in; every other call goes through abstract-level, and both ways
 * end in the same calls of the tree.
 * Stands on: LevelCore
 */
import type { Datum } from '../../format/batch.js'
import type { Storage } from '../../io/files.js'
import type { BackupReport } from '../../lsm/backup.js'
import type { RepairReport } from '../../lsm/repair.js'
import type { TreeStats } from '../../lsm/stats.js'
import type { Tree } from '../../lsm/tree.js'
import type { VerifyReport } from '../../lsm/verify.js'
import type { Operation } from './batch.js'
import { LevelCore } from './core.js'
import { LevelError, rethrow } from './errors.js'
import type {
  BatchOperation,
  BatchOptions,
  ChainedBatch,
  DelOptions,
  GetOptions,
  PutOptions,
  StartEndOptions,
} from './face.js'
import { destroyStore, Place, repairStore } from './open.js'
import { readSettings } from './options.js'
import type { DatabaseOptions, OpenOptions } from './options.js'
import { ownBytes } from './range.js'
import type { Format } from './rows.js'

const PLAIN = Object.freeze({})

/**
 * A key-value store in a directory that LevelDB can read and write too.
 *
 * Errors: TypeError and RangeError for wrong arguments; else an Error with a LEVEL_ `code` and
 * the StoreError as `cause`. A failed open is LEVEL_DATABASE_NOT_OPEN with that as its cause.
 * Events, besides abstract-level's: `recovered` (Recovered) after an open that has something to
 * tell, `warning` (StoreError) when background work fails.
 */
export class CairnLevel<KDefault = string, VDefault = string> extends LevelCore<
  KDefault,
  VDefault
> {
  /** The format whose keys (or values) need no encoding by default; undefined: all need it. */
  readonly #keyFormat: Format | undefined
  readonly #valueFormat: Format | undefined
  readonly #plainRead: { readonly valueEncoding: Format } | undefined

  /**
   * @param location directory, relative or absolute
   * @param options defaults of encodings, and options for `open()`
   */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    super(location, options)
    this.#keyFormat = nativeFormat(options?.keyEncoding)
    this.#valueFormat = nativeFormat(options?.valueEncoding)
    this.#plainRead = this.#valueFormat && { valueEncoding: this.#valueFormat }
  }

  // What is given without options has the store's own types: K and V are for other encodings.
  override put(key: KDefault, value: VDefault): Promise<void>
  override put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: PutOptions<K, V>,
  ): Promise<void>
  override put<K, V>(key: K, value: V, options?: PutOptions<K, V>): Promise<void> {
    if (isNative(key, this.#keyFormat) && isNative(value, this.#valueFormat))
      if (this.#writesDirectly(options)) return this._put(key, value, options ?? PLAIN)
    return super.put(key, value, options!)
  }

  override del(key: KDefault): Promise<void>
  override del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>
  override del<K>(key: K, options?: DelOptions<K>): Promise<void> {
    if (isNative(key, this.#keyFormat) && this.#writesDirectly(options))
      return this._del(key, options ?? PLAIN)
    return super.del(key, options!)
  }

  override batch(operations: BatchOperation<this, KDefault, VDefault>[]): Promise<void>
  override batch<K = KDefault, V = VDefault>(
    operations: BatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>
  override batch(): ChainedBatch<this, KDefault, VDefault>
  override batch<K, V>(
    operations?: BatchOperation<this, K, V>[],
    options?: BatchOptions<K, V>,
  ): Promise<void> | ChainedBatch<this, KDefault, VDefault> {
    if (arguments.length === 0) return super.batch()
    if (this.#writesDirectly(options) && this.#areNative(operations))
      return this._batch(operations, options ?? PLAIN)
    return super.batch(operations!, options!)
  }

  override get(key: KDefault): Promise<VDefault | undefined>
  override get<K = KDefault, V = VDefault>(
    key: K,
    options: GetOptions<K, V>,
  ): Promise<V | undefined>
  override get<K, V>(key: K, options?: GetOptions<K, V>): Promise<V | undefined> {
    if (options === undefined && this.status === 'open' && isNative(key, this.#keyFormat))
      if (this.#plainRead !== undefined)
        return this._get(key, this.#plainRead) as Promise<V | undefined>
    return super.get(key, options!)
  }

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
    return this.#whenOpen((tree) => tree.setReadOnly())
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
      await Promise.all([target.close(), since?.close()])
    }
  }

  /** Removes the store's files, and the directory when nothing else is in it. */
  static async destroy(location: string | Storage): Promise<void> {
    const place = new Place("The first argument 'location'", location)
    await destroyStore(place.storage)
      .catch(rethrow)
      .finally(() => place.close())
  }

  /** Brings back what can be read of a damaged store; the damaged files move to `lost/`. */
  static async repair(location: string | Storage, options?: OpenOptions): Promise<RepairReport> {
    const settings = readSettings(options ?? {})
    if (settings.readOnly) throw new RangeError("The option 'readOnly' must be false to repair")
    const place = new Place("The first argument 'location'", location)
    return repairStore(place.storage, settings)
      .catch(rethrow)
      .finally(() => place.close())
  }

  /** Whether a write with these options needs nothing from abstract-level. */
  #writesDirectly(options: object | undefined): boolean {
    if (this.status !== 'open' || !isPlain(options) || this.listenerCount('write') > 0) return false
    const { prewrite } = this.hooks
    return 'noop' in prewrite && prewrite.noop === true
  }

  #areNative(operations: unknown): operations is readonly Operation[] {
    if (!Array.isArray(operations) || operations.length === 0) return false
    for (const operation of operations as readonly (Partial<Operation> | null | undefined)[]) {
      if (operation === null || operation === undefined || !isPlain(operation)) return false
      const { type, key, value } = operation
      if (!isNative(key, this.#keyFormat)) return false
      if (type !== 'del' && (type !== 'put' || !isNative(value, this.#valueFormat))) return false
    }
    return true
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

/** The format that an encoding by this name leaves data in as they are. */
function nativeFormat(encoding: unknown): Format | undefined {
  if (encoding === undefined || encoding === null) return 'utf8'
  return encoding === 'utf8' || encoding === 'buffer' || encoding === 'view' ? encoding : undefined
}

function isNative(datum: unknown, format: Format | undefined): datum is Datum {
  if (format === 'utf8') return typeof datum === 'string'
  return format !== undefined && datum instanceof Uint8Array
}

/** Whether the options (or operation) leave encodings and sublevel as they are. */
function isPlain(options: object | undefined | null): boolean {
  if (options === undefined || options === null) return true
  const { keyEncoding, valueEncoding, sublevel } = options as Record<string, unknown>
  return keyEncoding == null && valueEncoding == null && sublevel == null
}
