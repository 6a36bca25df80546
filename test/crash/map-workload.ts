/**
 * Changes of a map by a seed: conditions, batches, clears, snapshots, compactions; with what must
 * be found of them.
 *
 * The model is judged in call order as the map must judge, so every result is known at the call,
 * versions included.
 */
import assert from 'node:assert/strict'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage } from '../../lib/io/index.js'
import type { MapOperation, MapOptions } from '../../lib/stores/map/index.js'
import { below, pick } from '../support/campaign.js'
import { codesOf } from '../support/level.js'
import { filesWith } from '../support/files.js'
import { Calls, type Call } from './calls.js'
import { CANARY, KEY, MODES } from './secrets.js'
import { difference, isSame, openTexts, rowsOf, versionOf } from './map-texts.js'
import type { Row, State, Texts } from './map-texts.js'
import type { Promised, Subject } from './subject.js'

interface Change extends Call {
  /** What the map holds behind it. */
  readonly state: State
}

export interface MapPromised extends Promised {
  /** The newest snapshot that was acknowledged. */
  readonly snapshot: number
}

const KEYS = 24
const LENGTHS = [0, 8, 40, 40, 200, 1200]
/** The share of judgements that restore a snapshot. */
const RESTORES = 0.1

export class MapWorkload implements Subject<Texts, MapPromised> {
  readonly calls = new Calls<Change>()
  options: MapOptions
  #state: State = new Map()
  #snapshot = 0
  #count = 0

  constructor(
    readonly random: () => number,
    readonly encrypted: boolean,
    options?: MapOptions,
  ) {
    this.options = options ?? this.#chosen()
    this.calls.begin(this.options.sync === 'always')
  }

  open(storage: Storage): Promise<Texts> {
    return openTexts(storage, this.options)
  }

  /** Another session works with other options. */
  change(): void {
    this.options = this.#chosen()
    this.calls.begin(this.options.sync === 'always')
  }

  promised(): MapPromised {
    return { ...this.calls.promised, snapshot: this.#snapshot }
  }

  survivors(): MapPromised {
    return { ...this.calls.survivors, snapshot: this.#snapshot }
  }

  async judgeReads(map: Texts): Promise<void> {
    const { acknowledged } = this.calls
    this.#prefixOf(rowsOf(map), { durable: acknowledged, submitted: acknowledged })
  }

  writeLate(map: Texts): Promise<unknown> {
    return map.set('late', 'late')
  }

  async step(map: Texts): Promise<void> {
    const { calls, random } = this
    if (calls.next === undefined) {
      await this.#set(map)
      return
    }
    const dice = random()
    if (dice < 0.06) return calls.covered(() => map.sync())
    if (dice < 0.18) return this.#takeSnapshot(map, random() < 0.5)
    if (dice < 0.24) {
      await map.compact()
      return
    }
    if (dice < 0.26) {
      await map.pruneSnapshots(1 + below(random, 2))
      return
    }
    const together = pick(random, [1, 2, 6, 20])
    for (let i = 0; i < together; i++) this.operate(map)
    if (random() < 0.8) await this.settle()
  }

  /** Calls one operation, whatever it is, and holds it to what the model says. */
  operate(map: Texts): void {
    const dice = this.random()
    if (dice < 0.3) this.#set(map).catch(() => {})
    else if (dice < 0.5) this.#delete(map)
    else if (dice < 0.52) this.#clear(map)
    else if (dice < 0.7) this.#batch(map)
    else if (dice < 0.8) this.#compareAndSet(map)
    else if (dice < 0.9) this.#ifThere(map)
    else this.#update(map)
  }

  settle(): Promise<void> {
    return this.calls.settle()
  }

  async close(map: Texts): Promise<void> {
    await this.calls.covered(() => map.close())
  }

  async judge(map: Texts, promised: MapPromised): Promise<string> {
    assert.equal(map.recovered.damage, undefined, 'a crash is no damage')
    const found = rowsOf(map)
    const count = this.#prefixOf(found, promised)
    const report = await map.verify()
    assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
    const snapshots = await map.snapshots()
    const newest = snapshots.at(-1)?.number ?? 0
    assert.ok(newest >= promised.snapshot, `snapshot ${promised.snapshot} is gone`)
    // What is restored stands in memory, where the native plane can not.
    if (newest > 0 && map.plane.name === 'typescript' && this.random() < RESTORES)
      await this.#judgeRestored(map, pick(this.random, snapshots), count)
    return JSON.stringify(found)
  }

  async goOn(map: Texts, promised: MapPromised): Promise<(again: Texts) => Promise<void>> {
    const before = rowsOf(map)
    const version = await map.set('more', 'there')
    assert.ok(version > promised.handedOut, `version ${version} was handed out before`)
    const { number } = await map.snapshot()
    assert.ok(number > promised.snapshot, `snapshot ${number} is used again`)
    return async (again) => {
      assert.equal(again.recovered.torn, undefined, 'a clean close leaves nothing torn')
      assert.equal(again.recovered.damage, undefined)
      assert.equal(again.version('more'), version)
      const rest = rowsOf(again).filter(([key]) => key !== 'more')
      assert.deepEqual(rest, before, 'a second open gives the same')
    }
  }

  async resume(map: Texts, promised: MapPromised): Promise<void> {
    const count = this.#prefixOf(rowsOf(map), promised)
    this.calls.resume(count, promised)
    this.#state = this.calls.list.at(-1)?.state ?? new Map()
    this.#snapshot = promised.snapshot
  }

  /** No plaintext in any file of an encrypted store. */
  async judgeFiles(storage: Storage): Promise<void> {
    if (this.encrypted) assert.deepEqual(await filesWith(storage, CANARY), [], 'plaintext')
  }

  #set(map: Texts): Promise<number> {
    const [key, value] = [this.#key(), this.#value()]
    return this.#put(key, value, map.set(key, value), (version) => version)
  }

  #delete(map: Texts): void {
    const key = this.#key()
    const cell = this.#state.get(key)
    if (this.random() < 0.5) {
      const check = (had: boolean): void => assert.equal(had, cell !== undefined, `delete ${key}`)
      this.#remove(key, map.delete(key), check)
    } else {
      const check = (had?: string): void => assert.equal(had, cell?.value, `pop ${key}`)
      this.#remove(key, map.pop(key), check)
    }
  }

  #clear(map: Texts): void {
    const isEmpty = this.#state.size === 0
    const done = map.clear()
    if (isEmpty) this.calls.watch(done, () => {})
    else
      this.#changed(
        1,
        () => new Map(),
        done,
        () => {},
      )
  }

  #batch(map: Texts): void {
    const { random } = this
    const count = pick(random, [1, 2, 5, 12])
    const operations = Array.from({ length: count }, (): MapOperation<string, string> => {
      const key = this.#key()
      return random() < 0.3 ? { type: 'delete', key } : { type: 'set', key, value: this.#value() }
    })
    const change = (call: Call): State => {
      const state = new Map(this.#state)
      for (const [offset, operation] of operations.entries()) {
        const key = String(operation.key)
        if (operation.type === 'delete') state.delete(key)
        else state.set(key, { value: String(operation.value), call, offset })
      }
      return state
    }
    this.#changed(count, change, map.batch(operations), () => {})
  }

  #compareAndSet(map: Texts): void {
    const [key, value] = [this.#key(), this.#value()]
    const actual = versionOf(this.#state.get(key))
    const expected = this.random() < 0.7 ? actual : below(this.random, this.calls.next!)
    const refused = (error: unknown): void => {
      assert.ok(codesOf(error).includes('CAIRN_CONFLICT'), String(error))
      assert.notEqual(actual, expected, `version ${actual} of ${key} was expected`)
    }
    const set = this.random() < 0.6
    if (actual !== expected) {
      const wrong = (): never => assert.fail(`${key} has ${actual}, ${expected} was expected`)
      if (set) this.calls.watch(map.compareAndSet(key, expected, value), wrong, refused)
      else this.calls.watch(map.compareAndDelete(key, expected), wrong, refused)
    } else if (set)
      void this.#put(
        key,
        value,
        map.compareAndSet(key, expected, value),
        (version) => version,
      ).catch(() => {})
    else
      this.#remove(key, map.compareAndDelete(key, expected), (had) => {
        assert.equal(had, actual !== 0, `compareAndDelete ${key}`)
      })
  }

  #ifThere(map: Texts): void {
    const [key, value] = [this.#key(), this.#value()]
    const cell = this.#state.get(key)
    const isFirst = this.random() < 0.5
    const isSet = isFirst === (cell === undefined)
    const done = isFirst ? map.setIfAbsent(key, value) : map.setIfPresent(key, value)
    const check = (was: boolean): void => assert.equal(was, isSet, `set ${key} if`)
    if (isSet) void this.#put(key, value, done, check).catch(() => {})
    else this.calls.watch(done, check)
  }

  #update(map: Texts): void {
    const [key, value] = [this.#key(), this.#value()]
    const cell = this.#state.get(key)
    const dice = this.random()
    if (dice < 0.5) {
      const merged = cell === undefined ? value : `${cell.value.slice(0, 20)}+${value}`
      const done = map.upsert(key, value, (had) => `${had.slice(0, 20)}+${value}`)
      const check = (is: string): void => assert.equal(is, merged, `upsert ${key}`)
      void this.#put(key, merged, done, check).catch(() => {})
    } else if (dice < 0.75)
      this.#remove(
        key,
        map.update(key, () => undefined),
        (is) => assert.equal(is, undefined),
      )
    else {
      const check = (got: { value: string; loaded: boolean }): void =>
        assert.deepEqual(got, { value: cell?.value ?? value, loaded: cell !== undefined })
      const done = map.getOrSet(key, value)
      if (cell === undefined) void this.#put(key, value, done, check).catch(() => {})
      else this.calls.watch(done, check)
    }
  }

  #put<T>(
    key: string,
    value: string,
    done: Promise<T>,
    check: (result: T) => number | void,
  ): Promise<T> {
    const change = (call: Call): State => new Map(this.#state).set(key, { value, call, offset: 0 })
    return this.#changed(1, change, done, check)
  }

  #remove<T>(key: string, done: Promise<T>, check: (result: T) => void): void {
    if (!this.#state.has(key)) {
      this.calls.watch(done, check)
      return
    }
    const change = (): State => {
      const state = new Map(this.#state)
      state.delete(key)
      return state
    }
    this.#changed(1, change, done, check).catch(() => {})
  }

  #changed<T>(
    records: number,
    change: (call: Call) => State,
    done: Promise<T>,
    check: (result: T) => number | void,
  ): Promise<T> {
    const call: Call & { state?: State } = { records, first: undefined }
    call.state = this.#state = change(call)
    const added = this.calls.add(call as Change, done, check)
    added.catch(() => {})
    return added
  }

  async #takeSnapshot(map: Texts, incremental: boolean): Promise<void> {
    const { number } = await this.calls.covered(() => map.snapshot({ incremental }))
    assert.ok(number > this.#snapshot, `snapshot ${number} is used again`)
    this.#snapshot = number
  }

  /** How many changes make what was found. */
  #prefixOf(
    found: readonly Row[],
    { durable, submitted }: Pick<Promised, 'durable' | 'submitted'>,
  ): number {
    for (let n = submitted; n >= durable; n--) if (isSame(found, this.#stateAt(n))) return n
    let elsewhere = this.calls.list.length
    while (elsewhere >= 0 && !isSame(found, this.#stateAt(elsewhere))) elsewhere--
    const said = elsewhere < 0 ? 'no prefix of the changes' : `the state after ${elsewhere}`
    const should = difference(found, this.#stateAt(submitted))
    assert.fail(`recovered is ${said}; asked for ${durable} to ${submitted}. ${should}`)
  }

  #stateAt(count: number): State {
    return count === 0 ? new Map() : this.calls.list[count - 1]!.state
  }

  /** A restored snapshot is a store with exactly the state of its position. */
  async #judgeRestored(
    map: Texts,
    { number, position }: { number: number; position: number },
    /** How many calls were recovered. */
    count: number,
  ): Promise<void> {
    const target = memoryStorage()
    await map.restore(number, target)
    const restored = await openTexts(target, this.options)
    try {
      const list = this.calls.list.slice(0, count)
      const end = list.findLastIndex(
        ({ first, records }) => first !== undefined && first + records - 1 <= position,
      )
      const found = rowsOf(restored)
      const state = this.#stateAt(end + 1)
      assert.ok(isSame(found, state), `snapshot ${number}: ${difference(found, state)}`)
    } finally {
      await restored.close()
    }
  }

  #key(): string {
    return `key-${String(below(this.random, KEYS)).padStart(2, '0')}`
  }

  /** No two are the same, but for empty ones. */
  #value(): string {
    const length = pick(this.random, LENGTHS)
    if (length === 0) return ''
    return `${++this.#count}.${this.encrypted ? CANARY : ''}`.padEnd(length, '.')
  }

  #chosen(): MapOptions {
    const { random } = this
    return {
      sync: pick(random, MODES),
      syncIntervalMs: 1,
      segmentBytes: pick(random, [4096, 1 << 20]),
      segmentRecords: pick(random, [5, 40, 100_000]),
      batchRecords: pick(random, [2, 100]),
      shards: pick(random, [1, 4]),
      compactThreshold: pick(random, [20, 1_000_000]),
      snapshotEveryMs: 0,
      snapshotJournalBytes: pick(random, [4096, 1 << 30]),
      keepSnapshots: pick(random, [1, 2, 5]),
      keepSnapshotsMs: 0,
      keepSegments: pick(random, [1, 3]),
      ...(this.encrypted && { key: KEY }),
    }
  }
}
