/**
 * abstract-level over nothing: it forgets what it is given and answers from one record. What its
 * class takes for each call is a limit for every store that is called through it.
 */
import { AbstractIterator, AbstractLevel } from 'abstract-level'
import type { Datum, Engine, Opening } from '../engine.js'
import { missingKey, recordKey, Values, VALUE_BYTES } from '../records.js'
import { LevelEngine, optionsOf, type Level } from './level.js'

const MISSING_END = missingKey(0).slice(-1)

type Row = [key: Datum, value: Datum]
type Options = { readonly limit: number }

class NothingLevel extends AbstractLevel<Datum, Datum, Datum> {
  /** How many entries an iterator gives. */
  rows = 0
  readonly row: Row

  constructor(opening: Opening) {
    super({ encodings: { buffer: true, utf8: true } }, optionsOf(opening))
    const { shape } = opening
    const [key, value] = [recordKey(0), new Values(VALUE_BYTES).next()]
    this.row = [
      shape === 'buffers' ? Buffer.from(key) : key,
      shape === 'strings' ? value.toString('latin1') : value,
    ]
  }

  async _put(): Promise<void> {}

  async _batch(operations: readonly unknown[]): Promise<void> {
    this.rows += operations.length
  }

  async _get(key: Datum): Promise<Datum | undefined> {
    return this._getSync(key)
  }

  _getSync(key: Datum): Datum | undefined {
    return String(key).endsWith(MISSING_END) ? undefined : this.row[1]
  }

  _iterator(options: Options): NothingIterator {
    return new NothingIterator(this, options)
  }
}

class NothingIterator extends AbstractIterator<NothingLevel, Datum, Datum> {
  #left = this.db.rows

  async _next(): Promise<Row | undefined> {
    return this.#left-- > 0 ? [...this.db.row] : undefined
  }

  async _nextv(size: number): Promise<Row[]> {
    const length = Math.min(size, this.#left)
    this.#left -= length
    return Array.from({ length }, (): Row => [...this.db.row])
  }
}

export async function openNothing(opening: Opening): Promise<Engine> {
  const db = new NothingLevel(opening)
  await db.open()
  return new LevelEngine(db as unknown as Level, 'abstract-level 3 over nothing')
}
