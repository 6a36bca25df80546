/**
 * LevelDirect: public methods with a shorter way to the tree than abstract-level's.
 *
 * It is taken when the store is open, the data need no encoding, and no hook, listener, snapshot
 * or sublevel asks for more; every other call goes through abstract-level with the same outcome.
 * A write gives the promise that all writes of its group share; a read that needs no disk gives
 * one that has settled. Failures come translated out of the tree, once per group.
 * Stands on: LevelCore
 */
import { BatchWriter } from '../../format/batch.js'
import type { ReadHow } from '../../lsm/reads.js'
import type { Tree } from '../../lsm/tree.js'
import { BATCH_KEEP_BYTES, LevelCore } from './core.js'
import { translate } from './errors.js'
import type {
  BatchOperation,
  BatchOptions,
  ChainedBatch,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasOptions,
  PutOptions,
} from './face.js'
import { addNative, areNative, isNative, nativeFormat, plainHow } from './native.js'
import type { DatabaseOptions } from './options.js'
import type { Format } from './rows.js'

/** What of a read's options matters here. */
interface ReadingOptions {
  readonly keyEncoding?: unknown
  readonly valueEncoding?: unknown
  readonly snapshot?: unknown
  readonly fillCache?: boolean | undefined
}

export class LevelDirect<KDefault, VDefault> extends LevelCore<KDefault, VDefault> {
  /** The format whose keys (or values) need no encoding by default; undefined: all need it. */
  readonly #keyFormat: Format | undefined
  readonly #valueFormat: Format | undefined
  /** How a `get` without options reads. */
  readonly #how: ReadHow | undefined
  readonly #batch = new BatchWriter()

  /**
   * @param location directory, relative or absolute
   * @param options defaults of encodings, and options for `open()`
   */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    super(location, options)
    this.#keyFormat = nativeFormat(options?.keyEncoding || undefined, 'utf8')
    this.#valueFormat = nativeFormat(options?.valueEncoding || undefined, 'utf8')
    this.#how = this.#valueFormat && plainHow(this.#valueFormat, true)
  }

  // What is given without options has the store's own types: K and V are for other encodings.
  override put(key: KDefault, value: VDefault): Promise<void>
  override put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: PutOptions<K, V>,
  ): Promise<void>
  override put<K, V>(key: K, value: V, options?: PutOptions<K, V>): Promise<void> {
    const tree = this.#writable()
    if (tree === undefined) return super.put(key, value, options!)
    let keyFormat = this.#keyFormat
    let valueFormat = this.#valueFormat
    let sync = false
    if (options !== undefined && options !== null) {
      keyFormat = nativeFormat(options.keyEncoding, keyFormat)
      valueFormat = nativeFormat(options.valueEncoding, valueFormat)
      sync = !!options.sync
    }
    if (!isNative(key, keyFormat) || !isNative(value, valueFormat))
      return super.put(key, value, options!)
    try {
      return tree.put(key, value, sync)
    } catch (error) {
      return rejection(error)
    }
  }

  override del(key: KDefault): Promise<void>
  override del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>
  override del<K>(key: K, options?: DelOptions<K>): Promise<void> {
    const tree = this.#writable()
    const keyFormat = nativeFormat(options?.keyEncoding, this.#keyFormat)
    if (tree === undefined || !isNative(key, keyFormat)) return super.del(key, options!)
    try {
      return tree.delete(key, !!options?.sync)
    } catch (error) {
      return rejection(error)
    }
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
    const tree = this.#writable()
    return (tree && this.#write(tree, operations, options)) ?? super.batch(operations!, options!)
  }

  override get(key: KDefault): Promise<VDefault | undefined>
  override get<K = KDefault, V = VDefault>(
    key: K,
    options: GetOptions<K, V>,
  ): Promise<V | undefined>
  override get<K, V>(key: K, options?: GetOptions<K, V>): Promise<V | undefined> {
    const tree = this._direct()
    const how = options === undefined ? this.#how : this.#howOf(options)
    if (tree === undefined || how === undefined || !isNative(key, this.#keyFormatOf(options)))
      return super.get(key, options!)
    return tree.get(key, how) as Promise<V | undefined>
  }

  override getSync(key: KDefault): VDefault | undefined
  override getSync<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): V | undefined
  override getSync<K, V>(key: K, options?: GetOptions<K, V>): V | undefined {
    const tree = this._direct()
    const how = options === undefined ? this.#how : this.#howOf(options)
    if (tree === undefined || how === undefined || !isNative(key, this.#keyFormatOf(options)))
      return super.getSync(key, options!)
    try {
      return tree.getSync(key, how) as V | undefined
    } catch (error) {
      throw translate(error)
    }
  }

  override getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>
  override getMany<K = KDefault, V = VDefault>(
    keys: K[],
    options: GetManyOptions<K, V>,
  ): Promise<(V | undefined)[]>
  override getMany<K, V>(keys: K[], options?: GetManyOptions<K, V>): Promise<(V | undefined)[]> {
    const tree = this._direct()
    const how = this.#howOf(options)
    if (tree === undefined || how === undefined || !areNative(keys, this.#keyFormatOf(options)))
      return super.getMany(keys, options!)
    return tree.getMany(keys, how) as Promise<(V | undefined)[]>
  }

  override has(key: KDefault): Promise<boolean>
  override has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>
  override has<K>(key: K, options?: HasOptions<K>): Promise<boolean> {
    const tree = this._direct()
    const isPlain = options?.snapshot === undefined || options.snapshot === null
    if (tree === undefined || !isPlain || !isNative(key, this.#keyFormatOf(options)))
      return super.has(key, options!)
    return tree.has(key, plainHow('view', options?.fillCache !== false))
  }

  /** The tree, when a write needs nothing from abstract-level but encodings perhaps. */
  #writable(): Tree | undefined {
    const { prewrite } = this.hooks as { prewrite: { noop?: boolean } }
    if (prewrite.noop !== true || this.listenerCount('write') > 0) return undefined
    return this._directWrite()
  }

  /** Writes operations that need no encoding; undefined when one does, or is no operation. */
  #write(tree: Tree, operations: unknown, options?: BatchOptions<never, never>) {
    if (!Array.isArray(operations) || operations.length === 0) return undefined
    const { keyEncoding, valueEncoding, sublevel, sync } = (options ?? {}) as BatchOptions<
      never,
      never
    > & { sublevel?: unknown }
    if (sublevel !== undefined && sublevel !== null) return undefined
    const batch = this.#batch
    try {
      const asked = addNative(batch, operations, {
        keyFormat: nativeFormat(keyEncoding, this.#keyFormat),
        valueFormat: nativeFormat(valueEncoding, this.#valueFormat),
        named: keyEncoding !== undefined || valueEncoding !== undefined,
      })
      return asked === undefined ? undefined : tree.write(batch, asked || !!sync)
    } catch (error) {
      return rejection(error)
    } finally {
      // The tree has the records when `write` returns, so the writer serves the next batch.
      batch.clear(BATCH_KEEP_BYTES)
    }
  }

  #keyFormatOf(options: ReadingOptions | undefined | null): Format | undefined {
    if (options === undefined || options === null) return this.#keyFormat
    return nativeFormat(options.keyEncoding, this.#keyFormat)
  }

  /** How to read with these options; undefined when they ask for abstract-level. */
  #howOf(options: ReadingOptions | undefined | null): ReadHow | undefined {
    if (options === undefined || options === null) return this.#how
    if (options.snapshot !== undefined && options.snapshot !== null) return undefined
    const format = nativeFormat(options.valueEncoding, this.#valueFormat)
    return format && plainHow(format, options.fillCache !== false)
  }
}

function rejection(error: unknown): Promise<never> {
  return Promise.reject(translate(error))
}
