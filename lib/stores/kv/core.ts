/**
 * LevelCore: what abstract-level asks of an implementation, over a tree.
 *
 * Keys and values arrive encoded and prefixed. A snapshot, explicit or implicit, is fixed by the
 * call itself. Opening checks all options before it touches anything.
 * Stands on: Tree
 */
import { AbstractLevel } from 'abstract-level'
import type { AbstractDatabaseOptions } from 'abstract-level'
import type { PlaneInfo } from '../../commit/told.js'
import { BatchWriter } from '../../format/batch.js'
import type { Datum } from '../../format/batch.js'
import type { Storage } from '../../io/files.js'
import type { ReadHow, Value } from '../../lsm/reads.js'
import type { Recovered } from '../../lsm/replay.js'
import type { Tree } from '../../lsm/tree.js'
import { readLocation } from '../options.js'
import { storageFor } from '../place.js'
import { addTo, LevelBatch } from './batch.js'
import type { Operation } from './batch.js'
import { LevelError, notOpen, rethrow, translate } from './errors.js'
import type { LevelFace } from './face.js'
import { openEntries, openKeys, openValues } from './iterator.js'
import type { LevelIterator, LevelKeyIterator, LevelValueIterator } from './iterator.js'
import { plainHow } from './native.js'
import { openTree } from './open.js'
import { readSettings } from './options.js'
import type { DatabaseOptions, OpenOptions, Settings } from './options.js'
import { scanBounds } from './range.js'
import type { EncodedRange } from './range.js'
import type { Format } from './rows.js'
import { LevelSnapshot } from './snapshot.js'
import type { WalkOptions } from './walk.js'

/** What abstract-level hands to the methods that read. */
interface PrivateReadOptions {
  readonly valueEncoding: Format
  readonly fillCache?: boolean
  readonly snapshot?: unknown
}

interface PrivateWriteOptions {
  readonly sync?: boolean | undefined
}

interface PrivateClearOptions extends EncodedRange {
  readonly limit: number
  readonly snapshot?: unknown
}

const MANIFEST = {
  encodings: { buffer: true, utf8: true, view: true },
  has: true,
  getSync: true,
  createIfMissing: true,
  errorIfExists: true,
  implicitSnapshots: true,
  explicitSnapshots: true,
  permanence: true,
  seek: true,
  signals: { iterators: true },
  events: { recovered: true, warning: true },
  additionalMethods: {
    approximateSize: true,
    backup: true,
    compactRange: true,
    flush: true,
    getProperty: true,
    resetStats: true,
    setReadOnly: true,
    stats: true,
    sync: true,
    verify: true,
  },
}

/** A batch's buffer that grew beyond this is not kept for the next. */
export const BATCH_KEEP_BYTES = 1024 * 1024

/** Carries a refusal of options through abstract-level's opening, which must then fail. */
const REFUSAL = Symbol('refusal')

const Base: new <K, V>(
  manifest: typeof MANIFEST,
  options?: AbstractDatabaseOptions<K, V>,
) => LevelFace<K, V> = AbstractLevel

export class LevelCore<KDefault, VDefault> extends Base<KDefault, VDefault> {
  readonly #location: string
  readonly #batch = new BatchWriter()
  #memory: Storage | undefined
  #tree: Tree | undefined
  /** The tree until it closes, and until it takes no more writes. */
  #reads: Tree | undefined
  #writes: Tree | undefined
  /** The storage that this opening made and must close. */
  #ownStorage: Storage | undefined
  readonly #multithreading: boolean
  readonly #tell = (): void => {
    this.emit('recovered', this.recovered)
  }

  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    readLocation("The first argument 'location'", location)
    const { multithreading } = readSettings(options ?? {})
    super(MANIFEST, options)
    this.#multithreading = multithreading
    this.#location = location
  }

  get location(): string {
    return this.#location
  }

  /** The data plane of the latest opening: name, kind of I/O, why it was chosen. */
  get plane(): PlaneInfo {
    return this.#latestTree().plane
  }

  /** What the latest opening found. */
  get recovered(): Recovered {
    return this.#latestTree().recovered
  }

  override open(options?: OpenOptions): Promise<void> {
    const refusal = this.#refusalOf(options)
    if (refusal === undefined) return super.open(options!)
    // Through abstract-level all the same, so that what waits for this opening fails too.
    const refuse = (): never => {
      throw refusal
    }
    return super.open({ ...options, [REFUSAL]: refusal } as OpenOptions).then(refuse, refuse)
  }

  async _open(options: OpenOptions & { [REFUSAL]?: Error }): Promise<void> {
    if (options[REFUSAL] !== undefined) throw options[REFUSAL]
    const settings = readSettings(options)
    const storage = this.#storageFor(settings)
    const own = settings.storage === 'disk' ? storage : undefined
    try {
      const tree = await openTree(storage, settings)
      tree.events.on('warning', (error: unknown) => this.emit('warning', error))
      this.#tree = tree
      this.#reads = tree
      this.#writes = settings.readOnly ? undefined : tree
      this.#ownStorage = own
      const { torn, damage } = tree.recovered
      if (torn !== undefined || damage !== undefined) this.once('open', this.#tell)
    } catch (error) {
      await own?.close()
      throw translate(error)
    }
  }

  async _close(): Promise<void> {
    this.off('open', this.#tell)
    this.#reads = undefined
    this.#writes = undefined
    await this.#latestTree().close().catch(rethrow)
    await this.#ownStorage?.close().catch(rethrow)
  }

  _put(key: Datum, value: Datum, options: PrivateWriteOptions): Promise<void> {
    return attempt(() => this._openTree().put(key, value, !!options.sync))
  }

  _del(key: Datum, options: PrivateWriteOptions): Promise<void> {
    return attempt(() => this._openTree().delete(key, !!options.sync))
  }

  /** All operations or none; one that asks for a sync syncs all. */
  _batch(operations: readonly Operation[], options: PrivateWriteOptions): Promise<void> {
    return attempt(() => {
      try {
        let sync = !!options.sync
        for (const operation of operations) if (addTo(this.#batch, operation)) sync = true
        return this._openTree().write(this.#batch, sync)
      } finally {
        // The tree has the records when `write` returns, so the writer serves the next batch.
        this.#batch.clear(BATCH_KEEP_BYTES)
      }
    })
  }

  _chainedBatch(): LevelBatch<this, KDefault, VDefault> {
    return new LevelBatch(this, this._openTree())
  }

  _get(key: Datum, options: PrivateReadOptions): Promise<Value | undefined> {
    const tree = this._openTree()
    return tree.get(key, readHow(tree, options, options.valueEncoding)).catch(rethrow)
  }

  _getSync(key: Datum, options: PrivateReadOptions): Value | undefined {
    const tree = this._openTree()
    const how = readHow(tree, options, options.valueEncoding)
    try {
      return tree.getSync(key, how)
    } catch (error) {
      throw translate(error)
    }
  }

  _getMany(keys: Datum[], options: PrivateReadOptions): Promise<(Value | undefined)[]> {
    const tree = this._openTree()
    return tree.getMany(keys, readHow(tree, options, options.valueEncoding)).catch(rethrow)
  }

  _has(key: Datum, options: PrivateReadOptions): Promise<boolean> {
    const tree = this._openTree()
    return tree.has(key, readHow(tree, options, 'view')).catch(rethrow)
  }

  _hasMany(keys: Datum[], options: PrivateReadOptions): Promise<boolean[]> {
    const tree = this._openTree()
    return tree.hasMany(keys, readHow(tree, options, 'view')).catch(rethrow)
  }

  _iterator(options: WalkOptions): LevelIterator<this, KDefault, VDefault> {
    return openEntries(this, this._openTree(), options, this._direct() !== undefined)
  }

  _keys(options: WalkOptions): LevelKeyIterator<this, KDefault> {
    return openKeys(this, this._openTree(), options, this._direct() !== undefined)
  }

  _values(options: WalkOptions): LevelValueIterator<this, KDefault, VDefault> {
    return openValues(this, this._openTree(), options, this._direct() !== undefined)
  }

  _clear(options: PrivateClearOptions): Promise<void> {
    const tree = this._openTree()
    const at = LevelSnapshot.sequenceOf(tree, options.snapshot)
    const limit = options.limit < 0 ? Infinity : options.limit
    return tree.clear(scanBounds(options), limit, at).catch(rethrow)
  }

  _snapshot(options: { owner: unknown }): LevelSnapshot {
    return new LevelSnapshot(this._openTree(), options)
  }

  /** The tree for reads that need nothing of abstract-level; undefined: go the long way. */
  protected _direct(): Tree | undefined {
    return this.status === 'open' ? this.#reads : undefined
  }

  /** The same for writes. */
  protected _directWrite(): Tree | undefined {
    return this.status === 'open' ? this.#writes : undefined
  }

  /** Writes get the tree's refusal from now on. */
  protected _refuseWrites(): void {
    this.#writes = undefined
  }

  /** The tree. Throws LEVEL_DATABASE_NOT_OPEN. */
  protected _openTree(): Tree {
    if (this.status !== 'open' || this.#tree === undefined) throw notOpen()
    return this.#tree
  }

  #latestTree(): Tree {
    if (this.#tree === undefined) throw notOpen()
    return this.#tree
  }

  /** Why these options of `open()` can not be taken, if so. */
  #refusalOf(options: OpenOptions | undefined): Error | undefined {
    try {
      const { multithreading } = readSettings({
        multithreading: this.#multithreading,
        ...options,
      })
      if (!multithreading) return undefined
    } catch (error) {
      return error as Error
    }
    return new LevelError(
      'LEVEL_NOT_SUPPORTED',
      "The option 'multithreading' is not supported: a store belongs to one thread",
    )
  }

  #storageFor(settings: Settings): Storage {
    if (settings.storage !== 'memory') return storageFor(this.#location, settings)
    // Kept, so that the store can be closed and opened again while this object lives.
    return (this.#memory ??= storageFor(this.#location, settings))
  }
}

function readHow(tree: Tree, options: PrivateReadOptions, encoding: Format): ReadHow {
  const { snapshot, fillCache } = options
  const at = LevelSnapshot.sequenceOf(tree, snapshot)
  if (at === undefined) return plainHow(encoding, fillCache !== false)
  return { encoding, fillCache: fillCache !== false, at }
}

/** Runs a write; what it throws or rejects with is translated. */
async function attempt(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    throw translate(error)
  }
}
