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
import { ColumnRows, EntryRows } from './rows.js'
import type { Datum, Entry } from './rows.js'
import { directly } from './traversal.js'
import { Walk } from './walk.js'
import type { WalkOptions } from './walk.js'

/** `[key, value]`, with undefined for what was not asked for. */
export class LevelIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
  /** For this directory only. */
  readonly _walk: Walk<Entry>

  constructor(db: TDatabase, tree: Tree, options: WalkOptions) {
    const columns = {
      ...(options.keys !== false && { key: options.keyEncoding }),
      ...(options.values !== false && { value: options.valueEncoding }),
    }
    const walk = new Walk(tree, options, columns, new EntryRows(columns))
    super(db, options as AbstractIteratorOptions<K, V>)
    this._walk = walk
  }

  _next(): Entry | undefined | Promise<Entry | undefined> {
    return this._walk.next(this.limit - this.count)
  }

  _nextv(size: number): Entry[] | Promise<Entry[]> {
    return this._walk.nextv(size)
  }

  _seek(target: Target): void {
    this._walk.seek(target)
  }

  _close(): Promise<void> {
    this._walk.close()
    return Promise.resolve()
  }
}

/** Keys alone; values are not fetched. */
export class LevelKeyIterator<TDatabase, K> extends AbstractKeyIterator<TDatabase, K> {
  /** For this directory only. */
  readonly _walk: Walk<Datum>

  constructor(db: TDatabase, tree: Tree, options: WalkOptions) {
    const columns = { key: options.keyEncoding }
    const walk = new Walk(tree, options, columns, new ColumnRows(columns))
    super(db, options as unknown as AbstractKeyIteratorOptions<K>)
    this._walk = walk
  }

  _next(): Datum | undefined | Promise<Datum | undefined> {
    return this._walk.next(this.limit - this.count)
  }

  _nextv(size: number): Datum[] | Promise<Datum[]> {
    return this._walk.nextv(size)
  }

  _seek(target: Target): void {
    this._walk.seek(target)
  }

  _close(): Promise<void> {
    this._walk.close()
    return Promise.resolve()
  }
}

/** Values alone; keys are not fetched. */
export class LevelValueIterator<TDatabase, K, V> extends AbstractValueIterator<TDatabase, K, V> {
  /** For this directory only. */
  readonly _walk: Walk<Datum>

  constructor(db: TDatabase, tree: Tree, options: WalkOptions) {
    const columns = { value: options.valueEncoding }
    const walk = new Walk(tree, options, columns, new ColumnRows(columns))
    super(db, options as AbstractValueIteratorOptions<K, V>)
    this._walk = walk
  }

  _next(): Datum | undefined | Promise<Datum | undefined> {
    return this._walk.next(this.limit - this.count)
  }

  _nextv(size: number): Datum[] | Promise<Datum[]> {
    return this._walk.nextv(size)
  }

  _seek(target: Target): void {
    this._walk.seek(target)
  }

  _close(): Promise<void> {
    this._walk.close()
    return Promise.resolve()
  }
}

const DirectIterator = directly(LevelIterator)
const DirectKeyIterator = directly(LevelKeyIterator)
const DirectValueIterator = directly(LevelValueIterator)

/** The iterator of each kind that the options ask for; a direct one only if `direct`. */
export function openEntries<TDatabase, K, V>(
  db: TDatabase,
  tree: Tree,
  options: WalkOptions,
  direct: boolean,
): LevelIterator<TDatabase, K, V> {
  const { keys, values } = options
  const isDirect = direct && isPlain(options, keys !== false, values !== false)
  return new (isDirect ? DirectIterator : LevelIterator)(db, tree, options)
}

export function openKeys<TDatabase, K>(
  db: TDatabase,
  tree: Tree,
  options: WalkOptions,
  direct: boolean,
): LevelKeyIterator<TDatabase, K> {
  const isDirect = direct && isPlain(options, true, false)
  return new (isDirect ? DirectKeyIterator : LevelKeyIterator)(db, tree, options)
}

export function openValues<TDatabase, K, V>(
  db: TDatabase,
  tree: Tree,
  options: WalkOptions,
  direct: boolean,
): LevelValueIterator<TDatabase, K, V> {
  const isDirect = direct && isPlain(options, false, true)
  return new (isDirect ? DirectValueIterator : LevelValueIterator)(db, tree, options)
}

/** Where abstract-level puts the encodings that its iterators decode with. */
const ENCODINGS = AbstractIterator as unknown as { keyEncoding: symbol; valueEncoding: symbol }

/** Whether there is nothing to decode, to abort or to hold on to. */
function isPlain(options: WalkOptions, keys: boolean, values: boolean): boolean {
  const { signal, snapshot } = options
  if ((signal !== undefined && signal !== null) || (snapshot !== undefined && snapshot !== null))
    return false
  if (keys && nameOf(options, ENCODINGS.keyEncoding) !== options.keyEncoding) return false
  return !values || nameOf(options, ENCODINGS.valueEncoding) === options.valueEncoding
}

/** An encoding that is named like a format decodes nothing. */
function nameOf(options: WalkOptions, encoding: symbol): string | undefined {
  return (options as unknown as Record<symbol, { name: string } | undefined>)[encoding]?.name
}
