/**
 * Iterators with a shorter way: rows that are in memory go out without a layer of async functions.
 *
 * `directly(Base)` is Base with the reading methods of abstract-level's iterators written anew,
 * for iterators whose data need no decoding and that have no signal and no explicit snapshot.
 * What callers see is the same: one read at a time, errors, counts, limits, closing. A Traversal is
 * what `for await` walks; rows that are fetched cost it one settled promise each.
 */
import { AbstractIterator } from 'abstract-level'
import { LevelError } from './errors.js'
import type { Walk } from './walk.js'

/** What `directly` needs of an iterator; rows have any type. */
interface WalkIterator {
  readonly _walk: Walk<unknown>
  readonly limit: number
  readonly db: unknown
  close(): Promise<void>
}

interface Database {
  keyEncoding(encoding: unknown): { format: string; encode(target: unknown): string | Uint8Array }
  prefixKey(key: string | Uint8Array, format: string, local: boolean): string | Uint8Array
  detachResource(resource: object): void
}

// The one signature that TypeScript takes for the base of a mixin.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Constructor = new (...args: any[]) => WalkIterator

/** Where abstract-level's iterators keep their encoding of keys. */
const { keyEncoding: KEY_ENCODING } = AbstractIterator as unknown as { keyEncoding: symbol }

const READY = Promise.resolve()
const NO_ROWS: unknown[] = []

export function directly<TBase extends Constructor>(Base: TBase): TBase {
  return class extends Base {
    #count = 0
    /** A read has not settled yet. */
    #busy = false
    #ended = false
    /** What the read under way will give. */
    #row: unknown
    #rows: unknown[] = NO_ROWS
    #closing: Promise<void> | undefined
    /** Closes, once the read under way has settled. */
    #closeLater: (() => void) | undefined

    get count(): number {
      return this.#count
    }

    next(): Promise<unknown> {
      const refusal = this.#refusal()
      if (refusal !== undefined) return Promise.reject(refusal)
      if (this.#isExhausted) {
        this.#ended = true
        return READY
      }
      this.#busy = true
      try {
        const row = this._walk.next(this.limit - this.#count)
        if (row instanceof Promise) return row.then(this.#give, this.#fail)
        this.#row = row
      } catch (error) {
        return Promise.reject(error).catch(this.#fail)
      }
      return READY.then(this.#giveHeld)
    }

    nextv(size: number): Promise<unknown[]> {
      if (!Number.isInteger(size))
        return Promise.reject(new TypeError("The first argument 'size' must be an integer"))
      const refusal = this.#refusal()
      if (refusal !== undefined) return Promise.reject(refusal)
      const most = Math.min(Math.max(size, 1), this.limit - this.#count)
      if (this.#ended || most <= 0) {
        this.#ended = true
        return Promise.resolve([])
      }
      this.#busy = true
      try {
        const rows = this._walk.nextv(most)
        if (rows instanceof Promise) return rows.then(this.#giveMany, this.#fail)
        this.#rows = rows
      } catch (error) {
        return Promise.reject(error).catch(this.#fail)
      }
      return READY.then(this.#giveManyHeld)
    }

    async all(): Promise<unknown[]> {
      const refusal = this.#refusal()
      if (refusal !== undefined) throw refusal
      this.#busy = true
      try {
        const rows = this.#isExhausted ? [] : await this._walk.rest(this.limit - this.#count)
        this.#count += rows.length
        return rows
      } finally {
        this.#ended = true
        this.#endWork()
        await this.close()
      }
    }

    seek(target: unknown, options?: { keyEncoding?: unknown } | null): void {
      if (this.#closing !== undefined) return
      if (this.#busy)
        throw new LevelError(
          'LEVEL_ITERATOR_BUSY',
          'Iterator is busy: cannot call seek() until next() has completed',
        )
      const db = this.db as Database
      const given = options?.keyEncoding
      const encoding = db.keyEncoding(given || Reflect.get(this, KEY_ENCODING))
      this._walk.seek(db.prefixKey(encoding.encode(target), encoding.format, false))
      this.#ended = false
    }

    override close(): Promise<void> {
      // The first caller is responsible for an error.
      if (this.#closing !== undefined) return this.#closing.catch(() => {})
      this.#closing = this.#busy
        ? new Promise((resolve) => {
            this.#closeLater = () => resolve(this.#release())
          })
        : this.#release()
      return this.#closing
    }

    [Symbol.asyncIterator](): Traversal {
      this._walk.expectMany()
      return new Traversal(this)
    }

    /** A row that is in memory, for a Traversal. */
    _ahead(): unknown {
      if (this.#busy || this._walk.left === 0) return undefined
      this.#count++
      return this._walk.take()
    }

    get #isExhausted(): boolean {
      return this.#ended || this.#count >= this.limit
    }

    /** Why nothing can be read now. */
    #refusal(): LevelError | undefined {
      if (this.#closing !== undefined)
        return new LevelError(
          'LEVEL_ITERATOR_NOT_OPEN',
          'Iterator is not open: cannot read after close()',
        )
      if (!this.#busy) return undefined
      return new LevelError(
        'LEVEL_ITERATOR_BUSY',
        'Iterator is busy: cannot read until previous read has completed',
      )
    }

    // Made once: a read settles through these, a moment after it was called.
    readonly #give = (row: unknown): unknown => {
      this.#endWork()
      if (row === undefined) this.#ended = true
      else this.#count++
      return row
    }

    readonly #giveHeld = (): unknown => this.#give(this.#row)

    readonly #giveMany = (rows: unknown[]): unknown[] => {
      this.#endWork()
      if (rows.length === 0) this.#ended = true
      this.#count += rows.length
      return rows
    }

    readonly #giveManyHeld = (): unknown[] => this.#giveMany(this.#rows)

    readonly #fail = (error: unknown): never => {
      this.#endWork()
      throw error
    }

    #endWork(): void {
      this.#busy = false
      this.#row = undefined
      this.#rows = NO_ROWS
      this.#closeLater?.()
    }

    async #release(): Promise<void> {
      this._walk.close()
      ;(this.db as Database).detachResource(this)
    }
  }
}

interface Source {
  next(): Promise<unknown>
  close(): Promise<void>
  _ahead(): unknown
}

type Result = IteratorResult<unknown, unknown>

/** One `for await` over an iterator; behaves as an async generator does, calls in a queue too. */
export class Traversal {
  readonly #source: Source
  #state: 'new' | 'under way' | 'done' = 'new'
  /** Calls that have not settled, and the last of them. */
  #waiting = 0
  #last: Promise<unknown> = READY

  constructor(source: Source) {
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Result> {
    if (this.#waiting === 0 && this.#state !== 'done') {
      const row = this.#source._ahead()
      if (row !== undefined) {
        if (this.#state === 'new') this.#state = 'under way'
        return Promise.resolve({ value: row, done: false })
      }
    }
    return this.#inTurn(async () => {
      if (this.#state === 'done') return { value: undefined, done: true }
      this.#state = 'under way'
      try {
        const row = await this.#source.next()
        if (row !== undefined) return { value: row, done: false }
      } catch (error) {
        return await this.#end(() => Promise.reject(error))
      }
      return this.#end(() => ({ value: undefined, done: true }))
    })
  }

  return(value?: unknown): Promise<Result> {
    return this.#inTurn(async () => {
      const result = { value: await value, done: true as const }
      return this.#end(() => result)
    })
  }

  throw(error: unknown): Promise<Result> {
    return this.#inTurn(() => this.#end(() => Promise.reject(error)))
  }

  /** A traversal that never began does not close the iterator, nor does one that has ended. */
  async #end(outcome: () => Result | Promise<never>): Promise<Result> {
    const isUnderWay = this.#state === 'under way'
    this.#state = 'done'
    if (isUnderWay) await this.#source.close()
    return outcome()
  }

  #inTurn(run: () => Promise<Result>): Promise<Result> {
    const result = this.#waiting === 0 ? run() : this.#last.then(run)
    this.#waiting++
    const settle = (): void => {
      this.#waiting--
    }
    this.#last = result.then(settle, settle)
    return result
  }
}
