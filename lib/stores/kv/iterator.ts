/**
 * The iterators of CairnLevel: entries, keys, values. Each is a walk with the columns it wants.
 *
 * A walk is made before the iterator joins the open resources of the store: what it refuses
 * must leave nothing behind. `_next` and `_nextv` give rows at once when these are in memory;
 * abstract-level awaits either.
 */
import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from 'abstract-level'
import type {
  AbstractIteratorOptions,
  AbstractKeyIteratorOptions,
  AbstractValueIteratorOptions,
} from 'abstract-level'
import type { Datum as Target } from '../../format/batch.js'
import type { Tree } from '../../lsm/tree.js'
import { decodeColumn, decodeEntries } from './rows.js'
import type { Datum, Entry } from './rows.js'
import { Walk } from './walk.js'
import type { WalkOptions } from './walk.js'

/** `[key, value]`, with undefined for what was not asked for. */
export class LevelIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
  readonly #walk: Walk<Entry>

  constructor(db: TDatabase, tree: Tree, options: WalkOptions) {
    const columns = {
      ...(options.keys !== false && { key: options.keyEncoding }),
      ...(options.values !== false && { value: options.valueEncoding }),
    }
    const walk = new Walk(tree, options, columns, decodeEntries)
    super(db, options as AbstractIteratorOptions<K, V>)
    this.#walk = walk
  }

  _next(): Entry | undefined | Promise<Entry | undefined> {
    return this.#walk.next(this.limit - this.count)
  }

  _nextv(size: number): Entry[] | Promise<Entry[]> {
    return this.#walk.nextv(size)
  }

  _seek(target: Target): void {
    this.#walk.seek(target)
  }

  _close(): Promise<void> {
    this.#walk.close()
    return Promise.resolve()
  }
}

/** Keys alone; values are not fetched. */
export class LevelKeyIterator<TDatabase, K> extends AbstractKeyIterator<TDatabase, K> {
  readonly #walk: Walk<Datum>

  constructor(db: TDatabase, tree: Tree, options: WalkOptions) {
    const walk = new Walk(tree, options, { key: options.keyEncoding }, decodeColumn)
    super(db, options as unknown as AbstractKeyIteratorOptions<K>)
    this.#walk = walk
  }

  _next(): Datum | undefined | Promise<Datum | undefined> {
    return this.#walk.next(this.limit - this.count)
  }

  _nextv(size: number): Datum[] | Promise<Datum[]> {
    return this.#walk.nextv(size)
  }

  _seek(target: Target): void {
    this.#walk.seek(target)
  }

  _close(): Promise<void> {
    this.#walk.close()
    return Promise.resolve()
  }
}

/** Values alone; keys are not fetched. */
export class LevelValueIterator<TDatabase, K, V> extends AbstractValueIterator<TDatabase, K, V> {
  readonly #walk: Walk<Datum>

  constructor(db: TDatabase, tree: Tree, options: WalkOptions) {
    const walk = new Walk(tree, options, { value: options.valueEncoding }, decodeColumn)
    super(db, options as AbstractValueIteratorOptions<K, V>)
    this.#walk = walk
  }

  _next(): Datum | undefined | Promise<Datum | undefined> {
    return this.#walk.next(this.limit - this.count)
  }

  _nextv(size: number): Datum[] | Promise<Datum[]> {
    return this.#walk.nextv(size)
  }

  _seek(target: Target): void {
    this.#walk.seek(target)
  }

  _close(): Promise<void> {
    this.#walk.close()
    return Promise.resolve()
  }
}
