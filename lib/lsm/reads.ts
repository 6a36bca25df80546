/**
 * The read path: gets answered from memory at once, from the disk without holding the event loop.
 *
 * View and sequence are fixed at the call. Values are copied by the plane into a slab and go out
 * as a part of it that nobody else ever writes: a kept small value pins at most SLAB_BYTES, a
 * value above SLAB_VALUE_BYTES gets memory of its own.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
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
import { SLICE_MS } from './options.js'
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
const SLAB_BYTES = 32 * 1024
const SLAB_VALUE_BYTES = 2 * 1024
const HOW: readonly FindHow[] = [
  { wait: false, fillCache: false },
  { wait: false, fillCache: true },
  { wait: true, fillCache: false },
  { wait: true, fillCache: true },
]

export class Reads {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #offset = 0
  #keyScratch = Buffer.allocUnsafeSlow(1024)

  constructor(private readonly state: TreeState) {}

  /** Waits for the disk where it must. */
  getSync(key: Datum, how: ReadHow): Value | undefined {
    const found = this.#find(this.#key(key), how, true)
    return found as Value | undefined
  }

  get(key: Datum, how: ReadHow): Promise<Value | undefined> {
    let found: Value | typeof COLD | undefined
    try {
      found = this.#find(this.#key(key), how, false)
    } catch (error) {
      return Promise.reject(error)
    }
    if (found !== COLD) return Promise.resolve(found)
    return this.state.underway.add(this.#getCold(ownKey(key), how))
  }

  getMany(keys: readonly Datum[], how: ReadHow): Promise<(Value | undefined)[]> {
    return this.state.underway.add(this.#getMany(keys, how))
  }

  async #getMany(keys: readonly Datum[], how: ReadHow): Promise<(Value | undefined)[]> {
    const at = how.at ?? this.state.published
    const fixed = { ...how, at }
    const version = this.state.versions.retain()
    try {
      const values = new Array<Value | undefined>(keys.length)
      let sliceStart = performance.now()
      for (let i = 0; i < keys.length; i++) {
        if (i % SLICE_KEYS === SLICE_KEYS - 1 && performance.now() - sliceStart > SLICE_MS) {
          await nextTurn()
          sliceStart = performance.now()
        }
        const found = this.#find(this.#key(keys[i]!), fixed, false, version)
        values[i] = found === COLD ? await this.#findCold(ownKey(keys[i]!), fixed, version) : found
      }
      return values
    } finally {
      this.state.versions.release(version)
    }
  }

  /** Whether the key has a value. */
  has(key: Datum, how: Omit<ReadHow, 'encoding'>): Promise<boolean> {
    return this.get(key, { ...how, encoding: 'view' }).then((value) => value !== undefined)
  }

  hasMany(keys: readonly Datum[], how: Omit<ReadHow, 'encoding'>): Promise<boolean[]> {
    const values = this.getMany(keys, { ...how, encoding: 'view' })
    return values.then((found) => found.map((value) => value !== undefined))
  }

  /** An iterator's source: what stands at the call, or at a snapshot, whatever is written later. */
  cursor(bounds: ScanBounds, at?: number): TreeCursor {
    return new TreeCursor(this.state, bounds, at ?? this.state.published)
  }

  #find(
    key: Uint8Array,
    how: ReadHow,
    wait: boolean,
    version: Version = this.state.versions.current,
  ): Value | typeof COLD | undefined {
    const { plane, published } = this.state
    const findHow = HOW[(wait ? 2 : 0) + (how.fillCache === false ? 0 : 1)]!
    const at = how.at ?? published
    const length = plane.find(version.view, key, at, this.#slab, this.#offset, findHow)
    if (length === ABSENT) return undefined
    if (length === COLD) return COLD
    if (length <= this.#slab.length - this.#offset) return this.#take(length, how.encoding)
    if (length <= SLAB_VALUE_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#offset = 0
      plane.find(version.view, key, at, this.#slab, 0, HOW[3]!)
      return this.#take(length, how.encoding)
    }
    const own = Buffer.allocUnsafeSlow(length)
    plane.find(version.view, key, at, own, 0, HOW[3]!)
    return decode(own, how.encoding)
  }

  /** Hands out the bytes that the plane put at the slab's offset. */
  #take(length: number, encoding: Encoding): Value {
    const slab = this.#slab
    const start = this.#offset
    if (encoding === 'utf8') return slab.toString('utf8', start, start + length)
    if (length > SLAB_VALUE_BYTES)
      return decode(Buffer.from(slab.subarray(start, start + length)), encoding)
    this.#offset = start + length
    if (encoding === 'buffer') return slab.subarray(start, start + length)
    return new Uint8Array(slab.buffer, slab.byteOffset + start, length)
  }

  async #getCold(key: Uint8Array, how: ReadHow): Promise<Value | undefined> {
    const fixed = { ...how, at: how.at ?? this.state.published }
    const version = this.state.versions.retain()
    try {
      return await this.#findCold(key, fixed, version)
    } finally {
      this.state.versions.release(version)
    }
  }

  async #findCold(
    key: Uint8Array,
    how: ReadHow & { at: number },
    version: Version,
  ): Promise<Value | undefined> {
    const findHow = HOW[how.fillCache === false ? 0 : 1]!
    const bytes = await this.state.plane.findCold(version.view, key, how.at, findHow)
    return bytes && decode(bytes, how.encoding)
  }

  /** The key as bytes that hold until the next call. */
  #key(key: Datum): Uint8Array {
    if (typeof key !== 'string') return key
    if (key.length * 3 > this.#keyScratch.length)
      this.#keyScratch = Buffer.allocUnsafeSlow(key.length * 4)
    return this.#keyScratch.subarray(0, this.#keyScratch.write(key))
  }
}

function ownKey(key: Datum): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : Uint8Array.prototype.slice.call(key)
}

function decode(bytes: Uint8Array, encoding: Encoding): Value {
  const { buffer, byteOffset, length } = bytes
  if (encoding === 'view') return new Uint8Array(buffer, byteOffset, length)
  const view = Buffer.from(buffer, byteOffset, length)
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
