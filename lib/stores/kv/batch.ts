/**
 * LevelBatch: a chained batch. Every operation is encoded when it is added; `write` hands the
 * whole to the tree, which writes it as one record: all of it or nothing.
 */
import { AbstractChainedBatch } from 'abstract-level'
import { BatchWriter } from '../../format/batch.js'
import type { Datum } from '../../format/batch.js'
import type { Tree } from '../../lsm/tree.js'
import { rethrow } from './errors.js'

/** An operation as abstract-level hands it on: encoded and prefixed. */
export interface Operation {
  readonly type: 'put' | 'del'
  readonly key: Datum
  readonly value?: Datum
  readonly sync?: boolean
  readonly sublevel?: unknown
}

/** Adds an operation; gives whether it asks for a sync. */
export function addTo(batch: BatchWriter, operation: Operation): boolean {
  const { type, key, value, sublevel } = operation
  // What still names a sublevel here belongs to another database and has no prefix.
  if (sublevel !== undefined && sublevel !== null)
    throw new TypeError("The option 'sublevel' must be a sublevel of this database")
  if (type === 'put') batch.put(key, value!)
  else batch.delete(key)
  return !!operation.sync
}

// The published types leave out the second argument, which asks for `_add`.
const Base: new <TDatabase, K, V>(
  db: TDatabase,
  options: { add: true },
) => AbstractChainedBatch<TDatabase, K, V> = AbstractChainedBatch

export class LevelBatch<TDatabase, K, V> extends Base<TDatabase, K, V> {
  readonly #tree: Tree
  readonly #batch = new BatchWriter()
  #sync = false

  constructor(db: TDatabase, tree: Tree) {
    super(db, { add: true })
    this.#tree = tree
  }

  _add(operation: Operation): void {
    if (addTo(this.#batch, operation)) this.#sync = true
  }

  _clear(): void {
    this.#batch.clear()
    this.#sync = false
  }

  _write(options: { sync?: boolean }): Promise<void> {
    return this.#tree.write(this.#batch, this.#sync || !!options.sync).catch(rethrow)
  }
}
