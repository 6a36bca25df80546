/**
 * The read path: gets answered from memory at once, from the disk without holding the event loop.
 *
 * View and sequence are fixed at the call. The plane copies values into a slab, one behind the
 * other, and each goes out as one view of it: a kept value up to SLAB_VALUE_BYTES pins its slab,
 * SLAB_BYTES, a larger one has memory of its own, and strings pin nothing. The next slab begins
 * while any small value still fits, so that a small value is found with one call of the plane.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SLICE_MS } from '../commit/turns.js'
import type { Datum } from '../format/batch.js'
import {
  ABSENT,
  COLD,
  GROW,
  type Cursor,
  type FindHow,
  type Page,
  type ScanBounds,
} from '../plane.js'
import type { TreeState } from './state.js'
import type { Version } from './version.js'

export type Encoding = 'buffer' | 'view' | 'utf8'
/** Buffer for 'buffer', Uint8Array for 'view', string for 'utf8'. The caller's own. */
export type Value = Uint8Array | string

export interface ReadHow {
  readonly encoding: Encoding
  /** Sequence of a snapshot; the newest settled write without it. */
  readonly at?: number | undefined
  readonly fillCache?: boolean | undefined
}

/** Keys looked up between two looks at the clock. */
const SLICE_KEYS = 256
const SLAB_BYTES = 64 * 1024
const SLAB_VALUE_BYTES = 2 * 1024
const NO_BYTES = new Uint8Array(0)
const HOW: readonly FindHow[] = [
  { wait: false, fillCache: false },
  { wait: false, fillCache: true },
  { wait: true, fillCache: false },
  { wait: true, fillCache: true },
]

function findHowOf({ fillCache }: Omit<ReadHow, 'encoding'>, wait: boolean): FindHow {
  return HOW[(wait ? 2 : 0) + (fillCache === false ? 0 : 1)]!
}

export class Reads {
  #slab = new Slab()

  constructor(private readonly state: TreeState) {}

  /** Waits for the disk where it must. */
  getSync(key: Datum, how: ReadHow): Value | undefined {
    return this.#find(key, how, true) as Value | undefined
  }

  /** What is in memory is found at once, in a promise that has settled. */
  get(key: Datum, how: ReadHow): Promise<Value | undefined> {
    let found: Value | typeof COLD | undefined
    try {
      found = this.#find(key, how, false)
    } catch (error) {
      return Promise.reject(this.state.shown(error))
    }
    if (found !== COLD) return Promise.resolve(found)
    const fixed = { ...how, at: how.at ?? this.state.published }
    return this.state.underway.add(this.#cold(ownKey(key), fixed))
  }

  getMany(keys: readonly Datum[], how: ReadHow): Promise<(Value | undefined)[]> {
    const fixed = { ...how, at: how.at ?? this.state.published }
    const values: (Value | undefined)[] = []
    const sliceStart = performance.now()
    try {
      for (const key of keys) {
        const isSlow =
          values.length % SLICE_KEYS === SLICE_KEYS - 1 && performance.now() - sliceStart > SLICE_MS
        const found = isSlow ? COLD : this.#find(key, fixed, false)
        if (found === COLD)
          return this.state.underway.add(this.#goOn(keys, fixed, values, sliceStart))
        values.push(found)
      }
    } catch (error) {
      return Promise.reject(this.state.shown(error))
    }
    return Promise.resolve(values)
  }

  /** Whether the key has a value. */
  has(key: Datum, how: Omit<ReadHow, 'encoding'>): Promise<boolean> {
    let found: boolean | typeof COLD
    try {
      found = this.#exists(key, how)
    } catch (error) {
      return Promise.reject(this.state.shown(error))
    }
    if (found !== COLD) return Promise.resolve(found)
    const fixed = { ...how, at: how.at ?? this.state.published, encoding: 'view' } as const
    const value = this.#cold(ownKey(key), fixed)
    return this.state.underway.add(value.then((bytes) => bytes !== undefined))
  }

  hasMany(keys: readonly Datum[], how: Omit<ReadHow, 'encoding'>): Promise<boolean[]> {
    const values = this.getMany(keys, { ...how, encoding: 'view' })
    return values.then((found) => found.map((value) => value !== undefined))
  }

  /** An iterator's source: what stands at the call, or at a snapshot, whatever is written later. */
  cursor(bounds: ScanBounds, at?: number): TreeCursor {
    return new TreeCursor(this.state, bounds, at ?? this.state.published)
  }

  /** The rest of a `getMany`, behind the `values` that were found at once. */
  async #goOn(
    keys: readonly Datum[],
    how: FixedHow,
    values: (Value | undefined)[],
    since: number,
  ): Promise<(Value | undefined)[]> {
    const rest = keys.slice(values.length).map(ownKey)
    const version = this.state.versions.retain()
    try {
      let sliceStart = since
      for (const [i, key] of rest.entries()) {
        if (i % SLICE_KEYS === 0 && performance.now() - sliceStart > SLICE_MS) {
          await nextTurn()
          sliceStart = performance.now()
        }
        const found = this.#find(key, how, false, version)
        values.push(found === COLD ? await this.#findCold(key, how, version) : found)
      }
      return values
    } catch (error) {
      throw this.state.shown(error)
    } finally {
      this.state.versions.release(version)
    }
  }

  #find(
    key: Datum,
    how: ReadHow,
    wait: boolean,
    version: Version = this.state.versions.current,
  ): Value | typeof COLD | undefined {
    const { plane, published } = this.state
    const { encoding } = how
    const findHow = findHowOf(how, wait)
    const at = how.at ?? published
    const slab = this.#slab
    const { bytes, offset } = slab
    const length = plane.find(version.view, key, at, bytes, offset, findHow)
    if (length === ABSENT) return undefined
    if (length === COLD) return COLD
    if (length <= SLAB_VALUE_BYTES && encoding !== 'utf8') {
      const value = slab.take(length, encoding)
      if (slab.isFull) this.#slab = new Slab()
      return value
    }
    if (length <= bytes.length - offset) {
      if (encoding === 'utf8') return bytes.toString('utf8', offset, offset + length)
      return decode(Uint8Array.prototype.slice.call(bytes, offset, offset + length), encoding)
    }
    const own = Buffer.allocUnsafeSlow(length)
    plane.find(version.view, key, at, own, 0, findHowOf(how, true))
    return decode(own, encoding)
  }

  /** As `#find`, without the value: with no room for it, none is copied. */
  #exists(key: Datum, how: Omit<ReadHow, 'encoding'>): boolean | typeof COLD {
    const { plane, published, versions } = this.state
    const findHow = findHowOf(how, false)
    const at = how.at ?? published
    const length = plane.find(versions.current.view, key, at, NO_BYTES, 0, findHow)
    return length === COLD ? COLD : length !== ABSENT
  }

  async #cold(key: Uint8Array, how: FixedHow): Promise<Value | undefined> {
    const version = this.state.versions.retain()
    try {
      return await this.#findCold(key, how, version)
    } catch (error) {
      throw this.state.shown(error)
    } finally {
      this.state.versions.release(version)
    }
  }

  async #findCold(key: Uint8Array, how: FixedHow, version: Version): Promise<Value | undefined> {
    const findHow = findHowOf(how, false)
    const bytes = await this.state.plane.findCold(version.view, key, how.at, findHow)
    return bytes && decode(bytes, how.encoding)
  }
}

type FixedHow = ReadHow & { readonly at: number }

interface BufferClass {
  readonly [Symbol.species]: new (memory: ArrayBufferLike, start: number, length: number) => Buffer
}

/** The class of Buffers: `new` makes a view at the price of a Uint8Array's, a third of `from`. */
export const BufferView = (Buffer as unknown as BufferClass)[Symbol.species]

/** Memory that values are copied to, one behind the other. */
class Slab {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
  /** Where the next value goes. Behind it there is always room for a value of SLAB_VALUE_BYTES. */
  offset = 0
  readonly #memory = this.bytes.buffer

  get isFull(): boolean {
    return this.offset > SLAB_BYTES - SLAB_VALUE_BYTES
  }

  /** The value at the offset, which nobody else ever writes again. */
  take(length: number, encoding: Encoding): Uint8Array {
    const start = this.offset
    this.offset = start + length
    if (encoding === 'view') return new Uint8Array(this.#memory, start, length)
    return new BufferView(this.#memory, start, length)
  }
}

function ownKey(key: Datum): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : Uint8Array.prototype.slice.call(key)
}

function decode(bytes: Uint8Array, encoding: Encoding): Value {
  const { buffer, byteOffset, length } = bytes
  if (encoding === 'view') return new Uint8Array(buffer, byteOffset, length)
  const view = new BufferView(buffer, byteOffset, length)
  return encoding === 'utf8' ? view.toString() : view
}

/** Pages through a range of one version of the tree. */
export class TreeCursor {
  readonly #cursor: Cursor
  #version: Version | undefined

  constructor(
    private readonly state: TreeState,
    bounds: ScanBounds,
    at: number,
  ) {
    this.#version = state.versions.retain()
    this.#cursor = state.plane.scan(this.#version.view, bounds, at)
    state.aliveCursors++
  }

  /**
   * Fills `page` with up to `limit` entries; gives their count, 0 at the end. A promise where the
   * disk must be read. `page.bytes` is replaced by a larger one when an entry needs it.
   */
  next(page: Page, limit: number): number | Promise<number> {
    for (;;) {
      const count = this.#cursor.next(page, limit)
      if (count === COLD) return this.#nextCold(page, limit)
      if (count !== GROW) return count
      page.bytes = new Uint8Array(this.#cursor.needed)
    }
  }

  /** Moves to the first entry at or after (reverse: at or before) `target`, within the bounds. */
  seek(target: Uint8Array): void {
    this.#cursor.seek(target)
  }

  /** Lets go of the version. Idempotent. */
  close(): void {
    if (this.#version === undefined) return
    this.#cursor.close()
    this.state.versions.release(this.#version)
    this.#version = undefined
    this.state.aliveCursors--
  }

  async #nextCold(page: Page, limit: number): Promise<number> {
    await this.#cursor.load()
    return this.next(page, limit)
  }
}
