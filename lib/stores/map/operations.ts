/**
 * The reads and writes of a map, from what callers give to what they get.
 *
 * A promise-giving method never throws: what it refuses, it rejects. Conditions become verdicts,
 * which the engine asks for when the operation's turn comes.
 * Stands on: MapEngine (one that is open)
 */
import { EventEmitter } from 'node:events'
import { SCAN_START } from '../../durable/entries/entries.js'
import type { EntryHit } from '../../durable/entries/generation.js'
import type { BatchChange, Decision, Verdict } from '../../durable/map/changes.js'
import type { MapEngine } from '../../durable/map/engine.js'
import { STEPS_PER_LOOK, Slices } from '../../durable/map/slices.js'
import { StoreError } from '../../errors.js'
import type { Datum } from '../../format/batch.js'
import { Memory } from '../../format/memory.js'
import { integer, shown, type Given } from '../options.js'
import type { Input, MapOperation, MapWalks, RangeOptions } from './driver.js'
import { codecOf, type Codec } from './encoding.js'
import type { MapSettings } from './options.js'

/** For operations that bring no value. */
const NO_VALUE = ''
const KEPT = { action: 'keep', result: false } as const

export class MapOperations<K, V> extends EventEmitter {
  protected readonly engine: MapEngine
  readonly #keys: Codec
  readonly #values: Codec

  protected constructor(
    engine: MapEngine,
    { keyEncoding, valueEncoding }: Pick<MapSettings, 'keyEncoding' | 'valueEncoding'>,
  ) {
    super()
    this.engine = engine
    this.#keys = codecOf(keyEncoding, 'key')
    this.#values = codecOf(valueEncoding, 'value')
  }

  /** How many keys there are. */
  get size(): number {
    return this.engine.size
  }

  get(key: Input<K>): V | undefined {
    const hit = this.engine.find(this.#keys.encode(key))
    return hit && this.#valueOf(hit)
  }

  has(key: Input<K>): boolean {
    return this.engine.find(this.#keys.encode(key)) !== undefined
  }

  /** Sequence of the record that wrote the key last; 0 for an absent key. */
  version(key: Input<K>): number {
    return this.engine.find(this.#keys.encode(key))?.version ?? 0
  }

  /** In no order. As with a Map, what changes meanwhile is shown as it is when it is reached. */
  keys(): IterableIterator<K> {
    return this.#walk((hit) => this.#keyOf(hit))
  }

  values(): IterableIterator<V> {
    return this.#walk((hit) => this.#valueOf(hit))
  }

  entries(): IterableIterator<[K, V]> {
    return this.#walk((hit) => [this.#keyOf(hit), this.#valueOf(hit)])
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries()
  }

  /** Visits entries until `visit` gives false; gives how many. */
  range(visit: (key: K, value: V) => unknown, options: RangeOptions = {}): number {
    const limit = limitOf(visit, options)
    let visited = 0
    if (limit === 0) return visited
    for (const [key, value] of this.entries()) {
      visited++
      if (visit(key, value) === false || visited === limit) break
    }
    return visited
  }

  /** Gives the key's version. */
  set(key: Input<K>, value: Input<V>): Promise<number> {
    try {
      return this.engine.set(this.#keys.encode(key), this.#values.encode(value))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Whether the key was there. */
  delete(key: Input<K>): Promise<boolean> {
    try {
      return this.engine.delete(this.#keys.encode(key))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async clear(): Promise<void> {
    await this.engine.clear()
  }

  /** Deletes the key and gives what it had. */
  pop(key: Input<K>): Promise<V | undefined> {
    return this.#change<V | undefined>(key, (hit) => ({
      action: 'delete',
      result: hit && this.#valueOf(hit),
    }))
  }

  /** Gives what the key has, or sets it. */
  getOrSet(key: Input<K>, value: Input<V>): Promise<{ value: V; loaded: boolean }> {
    type Got = { value: V; loaded: boolean }
    return this.#decide<Got>(key, value, (hit, datum) => {
      if (hit) return { action: 'keep', result: { value: this.#valueOf(hit), loaded: true } }
      const result = { value: this.#own(datum), loaded: false }
      return { action: 'set', value: datum, result: () => result }
    })
  }

  /** Whether it was set. */
  setIfAbsent(key: Input<K>, value: Input<V>): Promise<boolean> {
    return this.#decide<boolean>(key, value, (hit, datum) => (hit ? KEPT : setting(datum)))
  }

  /** Whether it was set. */
  setIfPresent(key: Input<K>, value: Input<V>): Promise<boolean> {
    return this.#decide<boolean>(key, value, (hit, datum) => (hit ? setting(datum) : KEPT))
  }

  /** Sets the key, to what `merge` makes of its value and the new one when it has one. */
  upsert(
    key: Input<K>,
    value: Input<V>,
    merge: (existing: V, value: Input<V>) => Input<V>,
  ): Promise<V> {
    return this.#decide<V>(key, value, (hit, datum) => {
      requireFunction('merge', merge)
      const merged = hit ? this.#decided(merge(this.#valueOf(hit), value)) : datum
      const result = this.#own(merged)
      return { action: 'set', value: merged, result: () => result }
    })
  }

  /** Sets the key to what `change` gives; undefined deletes it. */
  update(
    key: Input<K>,
    change: (value: V | undefined, exists: boolean) => Input<V> | undefined,
  ): Promise<V | undefined> {
    return this.#change<V | undefined>(key, (hit) => {
      requireFunction('change', change)
      const given = change(hit && this.#valueOf(hit), hit !== undefined)
      if (given === undefined) return { action: 'delete', result: undefined }
      const value = this.#decided(given)
      const result = this.#own(value)
      return { action: 'set', value, result: () => result }
    })
  }

  /** Sets the key if its version is the expected one, 0 for absent; else CAIRN_CONFLICT. */
  compareAndSet(key: Input<K>, expectedVersion: number, value: Input<V>): Promise<number> {
    return this.#decide<number>(
      key,
      value,
      (hit, datum) =>
        conflict(hit, expectedVersion) ?? {
          action: 'set',
          value: datum,
          result: (version) => version,
        },
    )
  }

  /** Deletes it likewise; false when it was absent, as expected. */
  compareAndDelete(key: Input<K>, expectedVersion: number): Promise<boolean> {
    return this.#change<boolean>(
      key,
      (hit) => conflict(hit, expectedVersion) ?? { action: 'delete', result: hit !== undefined },
    )
  }

  /** All operations or none. */
  async batch(operations: readonly MapOperation<K, V>[]): Promise<void> {
    if (!isList(operations))
      throw new TypeError(`A batch must be an array, got ${shown(operations)}`)
    await this.engine.batch(operations.map((operation) => this.#batched(operation)))
  }

  /** Walks over one position each, which stays as it is from the first step to the last. */
  protected walks(): MapWalks<K, V> {
    return {
      keys: () => this.#walkPinned((hit) => this.#keyOf(hit)),
      values: () => this.#walkPinned((hit) => this.#valueOf(hit)),
      entries: () => this.#walkPinned((hit) => [this.#keyOf(hit), this.#valueOf(hit)]),
    }
  }

  #batched(operation: MapOperation<K, V>): BatchChange {
    const { type, key } = operation
    if (type !== 'set' && type !== 'delete')
      throw new TypeError(`An operation must be 'set' or 'delete', got ${shown(type)}`)
    const value = type === 'set' ? this.#values.encode(operation.value) : undefined
    return { key: this.#keys.encode(key), value }
  }

  #change<T>(key: Input<K>, decide: (hit: EntryHit | undefined) => Verdict<T>): Promise<T> {
    return this.#run(() => this.engine.change<T>(this.#keys.encode(key), NO_VALUE, decide))
  }

  #decide<T>(key: Input<K>, value: Input<V>, decide: Decision<T>): Promise<T> {
    return this.#run(() =>
      this.engine.change<T>(this.#keys.encode(key), this.#values.encode(value), decide),
    )
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return work()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #keyOf({ memory, keyStart, keyEnd }: EntryHit): K {
    return this.#keys.decode(memory, keyStart, keyEnd) as K
  }

  #valueOf({ memory, valueStart, valueEnd }: EntryHit): V {
    return this.#values.decode(memory, valueStart, valueEnd) as V
  }

  /** What a function decided on: at once, as the operations behind it are judged on it. */
  #decided(value: unknown): Datum {
    const { then } = Object(value) as { then?: unknown }
    if (typeof then === 'function')
      throw new TypeError('A function that decides on a value must not give a promise')
    return this.#values.encode(value)
  }

  /** What a read of a value that goes in would give. */
  #own(datum: Datum): V {
    const bytes = typeof datum === 'string' ? Buffer.from(datum) : bufferOf(datum)
    return this.#values.decode(new Memory(bytes), 0, bytes.length) as V
  }

  *#walk<T>(show: (hit: EntryHit) => T): IterableIterator<T> {
    const group: T[] = []
    const visit = (hit: EntryHit): void => void group.push(show(hit))
    for (let from: number | undefined = SCAN_START; from !== undefined;) {
      from = this.engine.scan(from, 1, visit)
      for (const shown of group) yield shown
      group.length = 0
    }
  }

  async *#walkPinned<T>(show: (hit: EntryHit) => T): AsyncGenerator<T> {
    const slices = new Slices()
    const group: T[] = []
    const visit = (hit: EntryHit): void => void group.push(show(hit))
    const position = this.engine.pin()
    try {
      for (let from: number | undefined = SCAN_START, step = 0; from !== undefined; step++) {
        from = this.engine.scan(from, 1, visit, position)
        for (const shown of group) yield shown
        group.length = 0
        if (step % STEPS_PER_LOOK === 0 && slices.isOver) await slices.rest()
      }
    } finally {
      this.engine.unpin(position)
    }
  }
}

/** As Array.isArray, which makes elements of any type of what it finds. */
function isList(given: unknown): boolean {
  return Array.isArray(given)
}

function setting(value: Datum): Verdict<boolean> {
  return { action: 'set', value, result: () => true }
}

function conflict(hit: EntryHit | undefined, expected: number): Verdict<never> | undefined {
  if (!Number.isSafeInteger(expected) || expected < 0)
    throw new TypeError(`The expected version must be a version or 0, got ${shown(expected)}`)
  const actual = hit?.version ?? 0
  if (actual === expected) return undefined
  const message = `the key has version ${actual}, expected was ${expected} (0: absent)`
  const error = new StoreError('CAIRN_CONFLICT', message, { expected, actual })
  return { action: 'refuse', error }
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new TypeError(`The argument '${name}' must be a function, got ${shown(value)}`)
}

export function limitOf(visit: unknown, options: RangeOptions): number {
  requireFunction('visit', visit)
  if (options.limit === Infinity) return Infinity
  return integer(options as Given, 'limit', Infinity, 0, Number.MAX_SAFE_INTEGER)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
