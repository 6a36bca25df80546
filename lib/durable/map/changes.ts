/**
 * Changes: the writes of a map, judged in the order of their calls.
 *
 * A condition is judged against everything that was called before, settled or not. A change is
 * validated, given its record in the journal, then made in memory, all in its call; readers see
 * it when it is settled. So a refusal leaves no trace, and after a failure memory is as it was.
 * What was judged settles behind what it was judged on, and fails with it.
 */
import { StoreError } from '../../errors.js'
import type { Datum } from '../../format/batch.js'
import {
  MAP_CLEAR,
  MAP_DELETE,
  MAP_KEY_MAX_BYTES,
  MAP_MODIFY,
  MAP_SET,
  MAP_VALUE_MAX_BYTES,
  mapRecordBytes,
  putMapHead,
} from '../../format/map.js'
import type { Entries } from '../entries/entries.js'
import type { EntryHit } from '../entries/generation.js'
import type { DurableJournal } from '../journal.js'
import type { Reservation } from '../options.js'
import type { Ledger } from './ledger.js'

/** What a decision makes of a key, and what its caller gets. */
export type Verdict<T> =
  | { readonly action: 'set'; readonly value: Datum; readonly result: (version: number) => T }
  | { readonly action: 'delete' | 'keep'; readonly result: T }
  | { readonly action: 'refuse'; readonly error: Error }

/** Judges the newest entry of a key, which it must not keep. May call the map. */
export type Decision<T> = (found: EntryHit | undefined, value: Datum) => Verdict<T>

/** One operation of a batch: a value sets, undefined deletes. */
export interface BatchChange {
  readonly key: Datum
  readonly value: Datum | undefined
}

/** A value up to this many bytes is copied by a loop: cheaper than a call. */
const LOOP_BYTES = 32
/** Of one character of a string. */
const UTF8_MOST_BYTES = 3

export class Changes {
  /** Settles with the newest record; what is judged waits for it. */
  #newest: Promise<unknown> = Promise.resolve()
  /** Counts changes, so that a decision that made some is noticed. */
  #count = 0

  constructor(
    private readonly journal: DurableJournal,
    private readonly entries: Entries,
    private readonly ledger: Ledger,
  ) {}

  /** Gives the version. */
  set(key: Datum, value: Datum): Promise<number> {
    const refusal = this.journal.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.journal.mustWait) {
      const [ownKey, ownValue] = [own(key), own(value)]
      return this.journal.whenRoom(() => this.#set(ownKey, ownValue))
    }
    try {
      return this.#set(key, value)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Whether the key was there. */
  delete(key: Datum): Promise<boolean> {
    const refusal = this.journal.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.journal.mustWait) {
      const ownKey = own(key)
      return this.journal.whenRoom(() => this.#remove(ownKey))
    }
    try {
      return this.#remove(key)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Does what `decide` says about the newest entry of a key. */
  change<T>(key: Datum, value: Datum, decide: Decision<T>): Promise<T> {
    const refusal = this.journal.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.journal.mustWait) {
      const [ownKey, ownValue] = [own(key), own(value)]
      return this.journal.whenRoom(() => this.#change(ownKey, ownValue, decide))
    }
    try {
      return this.#change(key, value, decide)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  clear(): Promise<void> {
    const refusal = this.journal.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.journal.mustWait) return this.journal.whenRoom(() => this.#clear())
    try {
      return this.#clear()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** All of them or none, in their order. */
  batch(changes: readonly BatchChange[]): Promise<void> {
    const refusal = this.journal.refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.journal.mustWait) {
      const copies = changes.map(({ key, value }) => ({
        key: own(key),
        value: value === undefined ? undefined : own(value),
      }))
      return this.journal.whenRoom(() => this.#batch(copies))
    }
    try {
      return this.#batch(changes)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #set(key: Datum, value: Datum): Promise<number> {
    this.#seek(key)
    const replaced = this.#version()
    const { sequence, settled } = this.#put(value, valueBytes(value), replaced)
    return settled.then(() => sequence)
  }

  #remove(key: Datum): Promise<boolean> {
    this.#seek(key)
    const replaced = this.#version()
    if (replaced === 0) return this.#judged(false)
    return this.#delete(replaced).then(() => true)
  }

  #clear(): Promise<void> {
    if (this.entries.pendingSize === 0) return this.#judged(undefined)
    const { bytes, at, sequence, time, settled } = this.journal.reserve(1)
    bytes[at] = MAP_CLEAR
    this.entries.clear(sequence, time)
    this.ledger.clear(sequence, 1, time)
    this.#made(settled)
    return settled
  }

  #change<T>(key: Datum, value: Datum, decide: Decision<T>): Promise<T> {
    const { entries } = this
    this.#seek(key)
    const count = this.#count
    const replaced = this.#version()
    const verdict = decide(replaced === 0 ? undefined : entries.hit, value)
    entries.seek(key)
    if (count !== this.#count && this.#version() !== replaced)
      throw new StoreError('CAIRN_CONFLICT', 'the key was changed by the function that decided')
    switch (verdict.action) {
      case 'set': {
        const put = this.#put(verdict.value, valueBytes(verdict.value), replaced)
        const { sequence, settled } = put
        return settled.then(() => verdict.result(sequence))
      }
      case 'delete':
        if (replaced === 0) return this.#judged(verdict.result)
        return this.#delete(replaced).then(() => verdict.result)
      case 'keep':
        return this.#judged(verdict.result)
      case 'refuse':
        return this.#judged(undefined).then(() => {
          throw verdict.error
        })
    }
  }

  #batch(changes: readonly BatchChange[]): Promise<void> {
    if (changes.length === 0) return this.#judged(undefined)
    const { entries } = this
    const blocks: number[] = []
    let settled: Promise<void> | undefined
    try {
      let payloadBytes = 0
      for (const { key, value } of changes) {
        const keyBytes = keyBytesOf(key)
        const bytes = value === undefined ? 0 : valueBytes(value)
        payloadBytes += mapRecordBytes(keyBytes, bytes)
        blocks.push(entries.allocate(keyBytes, bytes))
      }
      this.journal.together(changes.length, payloadBytes)
    } catch (error) {
      for (const block of blocks) entries.free(block)
      throw error
    }
    for (const [i, { key, value }] of changes.entries()) {
      entries.seek(key)
      const replaced = this.#version()
      if (value === undefined) settled = this.#delete(replaced, blocks[i])
      else ({ settled } = this.#put(value, valueBytes(value), replaced, blocks[i]))
    }
    return settled!
  }

  #seek(key: Datum): void {
    if (key.length > MAP_KEY_MAX_BYTES / UTF8_MOST_BYTES) keyBytesOf(key)
    this.entries.seek(key)
  }

  /** Of the newest entry of the key that was sought; 0 for none. */
  #version(): number {
    const { entries } = this
    return entries.read(Infinity) ? entries.hit.version : 0
  }

  /** Sets the key that was sought, whose version is `replaced`. */
  #put(value: Datum, bytes: number, replaced: number, block?: number): Reservation {
    const { entries } = this
    const { memory, start, end } = entries.sought
    const keyBytes = end - start
    const entry = block ?? entries.allocate(keyBytes, bytes)
    const payloadBytes = mapRecordBytes(keyBytes, bytes)
    const record = this.#reserve(payloadBytes, entry)
    const operation = replaced === 0 ? MAP_SET : MAP_MODIFY
    const at = putMapHead(record.bytes, record.at, operation, memory.bytes, start, end)
    putDatum(record.bytes, at, value, bytes)
    entries.put(entry, record.bytes, at, at + bytes, record.sequence, record.time)
    this.ledger.put(record.sequence, payloadBytes, replaced)
    this.#made(record.settled)
    return record
  }

  /** Deletes the key that was sought. */
  #delete(replaced: number, block?: number): Promise<void> {
    const { entries } = this
    const { memory, start, end } = entries.sought
    const keyBytes = end - start
    const entry = block ?? entries.allocate(keyBytes, 0)
    const payloadBytes = mapRecordBytes(keyBytes, 0)
    const { bytes, at, sequence, time, settled } = this.#reserve(payloadBytes, entry)
    putMapHead(bytes, at, MAP_DELETE, memory.bytes, start, end)
    if (replaced !== 0) entries.delete(entry, sequence, time)
    else entries.free(entry)
    this.ledger.delete(payloadBytes, replaced)
    this.#made(settled)
    return settled
  }

  #reserve(payloadBytes: number, entry: number): Reservation {
    try {
      return this.journal.reserve(payloadBytes)
    } catch (error) {
      this.entries.free(entry)
      throw error
    }
  }

  #made(settled: Promise<unknown>): void {
    this.#newest = settled
    this.#count++
  }

  /** Settles behind everything that was called before. */
  #judged<T>(result: T): Promise<T> {
    const { settledSequence, lastSequence } = this.journal
    if (settledSequence === lastSequence) return Promise.resolve(result)
    return this.#newest.then(() => result)
  }
}

/** Length of a key in UTF-8; CAIRN_LIMIT beyond its limit. */
function keyBytesOf(key: Datum): number {
  const length = byteLength(key)
  if (length <= MAP_KEY_MAX_BYTES) return length
  throw new StoreError('CAIRN_LIMIT', `a key of ${length} bytes; at most ${MAP_KEY_MAX_BYTES}`)
}

function valueBytes(value: Datum): number {
  const length = byteLength(value)
  if (length <= MAP_VALUE_MAX_BYTES) return length
  throw new StoreError('CAIRN_LIMIT', `a value of ${length} bytes; at most ${MAP_VALUE_MAX_BYTES}`)
}

function byteLength(datum: Datum): number {
  return typeof datum === 'string' ? Buffer.byteLength(datum) : datum.length
}

function putDatum(into: Buffer, at: number, datum: Datum, length: number): void {
  if (typeof datum !== 'string') {
    if (length > LOOP_BYTES) into.set(datum, at)
    else for (let i = 0; i < length; i++) into[at + i] = datum[i]!
  } else if (length !== datum.length || length > LOOP_BYTES) into.write(datum, at, length, 'utf8')
  else for (let i = 0; i < length; i++) into[at + i] = datum.charCodeAt(i)
}

/** A copy that later changes of the caller's bytes do not reach. */
function own(datum: Datum): Datum {
  return typeof datum === 'string' ? datum : Uint8Array.prototype.slice.call(datum)
}
