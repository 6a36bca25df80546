/**
 * The types of CairnLevel's methods: abstract-level's, with the options that LevelDB's bindings
 * add (`sync`, `fillCache`, `highWaterMarkBytes`). Types only.
 */
import type {
  AbstractBatchOperation,
  AbstractBatchOptions,
  AbstractChainedBatch,
  AbstractChainedBatchWriteOptions,
  AbstractDelOptions,
  AbstractGetManyOptions,
  AbstractGetOptions,
  AbstractHasManyOptions,
  AbstractHasOptions,
  AbstractIterator,
  AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractKeyIteratorOptions,
  AbstractLevel,
  AbstractPutOptions,
  AbstractValueIterator,
  AbstractValueIteratorOptions,
  Transcoder,
} from 'abstract-level'

export interface ReadOptions {
  /** Keep the blocks that are read in the cache. Default true; false for iterators. */
  fillCache?: boolean | undefined
}

export interface WriteOptions {
  /** Settle when the write survives power loss, not only the process. Default false. */
  sync?: boolean | undefined
}

export interface WalkingOptions extends ReadOptions {
  /** How many bytes of entries an iterator holds, about. Default 64 KiB. */
  highWaterMarkBytes?: number | undefined
}

export interface GetOptions<K, V> extends AbstractGetOptions<K, V>, ReadOptions {}
export interface GetManyOptions<K, V> extends AbstractGetManyOptions<K, V>, ReadOptions {}
export interface HasOptions<K> extends AbstractHasOptions<K>, ReadOptions {}
export interface HasManyOptions<K> extends AbstractHasManyOptions<K>, ReadOptions {}
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions {}
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions {}
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions, WriteOptions {}
export type BatchOperation<TDatabase, K, V> = AbstractBatchOperation<TDatabase, K, V> & WriteOptions
export interface IteratorOptions<K, V> extends AbstractIteratorOptions<K, V>, WalkingOptions {}
export interface KeyIteratorOptions<K> extends AbstractKeyIteratorOptions<K>, WalkingOptions {}
export interface ValueIteratorOptions<K, V>
  extends AbstractValueIteratorOptions<K, V>, WalkingOptions {}

/** Options of `approximateSize` and `compactRange`. */
export interface StartEndOptions<K> {
  /** Encoding of `start` and `end` in this call. */
  keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined
}

export interface ChainedBatch<TDatabase, K, V> extends AbstractChainedBatch<TDatabase, K, V> {
  write(): Promise<void>
  write(options: ChainedBatchWriteOptions): Promise<void>
}

/** What is native to the store: what encodings end in. */
export type Native = string | Buffer | Uint8Array

export interface LevelFace<KDefault, VDefault> extends AbstractLevel<Native, KDefault, VDefault> {
  get(key: KDefault): Promise<VDefault | undefined>
  get<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): Promise<V | undefined>

  getSync(key: KDefault): VDefault | undefined
  getSync<K = KDefault, V = VDefault>(key: K, options: GetOptions<K, V>): V | undefined

  getMany(keys: KDefault[]): Promise<(VDefault | undefined)[]>
  getMany<K = KDefault, V = VDefault>(
    keys: K[],
    options: GetManyOptions<K, V>,
  ): Promise<(V | undefined)[]>

  has(key: KDefault): Promise<boolean>
  has<K = KDefault>(key: K, options: HasOptions<K>): Promise<boolean>

  hasMany(keys: KDefault[]): Promise<boolean[]>
  hasMany<K = KDefault>(keys: K[], options: HasManyOptions<K>): Promise<boolean[]>

  put(key: KDefault, value: VDefault): Promise<void>
  put<K = KDefault, V = VDefault>(key: K, value: V, options: PutOptions<K, V>): Promise<void>

  del(key: KDefault): Promise<void>
  del<K = KDefault>(key: K, options: DelOptions<K>): Promise<void>

  batch(operations: BatchOperation<this, KDefault, VDefault>[]): Promise<void>
  batch<K = KDefault, V = VDefault>(
    operations: BatchOperation<this, K, V>[],
    options: BatchOptions<K, V>,
  ): Promise<void>
  batch(): ChainedBatch<this, KDefault, VDefault>

  iterator(): AbstractIterator<this, KDefault, VDefault>
  iterator<K = KDefault, V = VDefault>(options: IteratorOptions<K, V>): AbstractIterator<this, K, V>

  keys(): AbstractKeyIterator<this, KDefault>
  keys<K = KDefault>(options: KeyIteratorOptions<K>): AbstractKeyIterator<this, K>

  values(): AbstractValueIterator<this, KDefault, VDefault>
  values<K = KDefault, V = VDefault>(
    options: ValueIteratorOptions<K, V>,
  ): AbstractValueIterator<this, K, V>
}
