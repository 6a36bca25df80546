/**
 * BlockWalk: a place among the entries of one block, and the moves inside it.
 *
 * Forward, an entry's key is the shared part of the one before, which stands in `keyBytes`, and
 * its own rest. Backward, the offsets of the block's entries are listed once, and of the key
 * before only what the present key does not share is gathered, from the entries that hold it.
 * A search works in a spare buffer, so that one that finds nothing changes nothing.
 * Twin: native/table/walk.h
 */
import { fixed32 } from '../format/coding.js'
import { KEY_TRAILER_BYTES, compareBytes } from '../format/key.js'
import { copyBytes, varintAt } from './block.js'
import type { Block } from './block.js'

const INITIAL_KEY_BYTES = 64
const NOTHING = new Uint8Array(0)

/** The header of the entry that `readHeader` read last. */
const header = { shared: 0, fresh: 0, valueLength: 0, keyStart: 0 }

function readHeader(bytes: Uint8Array, at: number): void {
  header.shared = varintAt(bytes, at)
  while (bytes[at++]! >= 0x80);
  header.fresh = varintAt(bytes, at)
  while (bytes[at++]! >= 0x80);
  header.valueLength = varintAt(bytes, at)
  while (bytes[at++]! >= 0x80);
  header.keyStart = at
}

/** Order of an entry's trailer against (high, low): larger trailers come first. */
export function compareTrailers(aHigh: number, aLow: number, high: number, low: number): number {
  return aHigh !== high ? high - aHigh : low - aLow
}

export class BlockWalk {
  valid = false
  keyBytes: Uint8Array = new Uint8Array(INITIAL_KEY_BYTES)
  readonly keyStart = 0
  keyEnd = 0
  high = 0
  low = 0
  valueBytes: Uint8Array = NOTHING
  valueStart = 0
  valueEnd = 0
  /** Whether the entry that `enterAt` found has the user key that was looked for. */
  found = false
  protected block: Block | undefined
  /** Offset of the entry in its block; the next one begins at `valueEnd`. */
  #entry = 0
  #entriesEnd = 0
  /** Takes the keys of a search; changes places with `keyBytes` when it succeeds. */
  #spare: Uint8Array = new Uint8Array(INITIAL_KEY_BYTES)
  /** Offsets of all entries of `#listed`, for moves backward. */
  #offsets = new Uint32Array(0)
  #count = 0
  #listed: Block | undefined

  /** To the first entry of a block that has entries. */
  enterFirst(block: Block): void {
    this.#enter(block)
    this.#read(0)
  }

  /** To the last entry of a block that has entries. */
  enterLast(block: Block): void {
    this.#enter(block)
    this.#list(block)
    this.#gather(this.#count - 1, 0)
  }

  /** To the first entry at or after the internal key; false, and no move, when all are before. */
  enterAt(block: Block, key: Uint8Array, high: number, low: number): boolean {
    const { bytes, entriesEnd } = block
    const length = key.length
    let spare = this.#spare
    let at = restartBefore(block, key, high, low)
    /** Leading bytes that the last entry's user key and `key` have in common. */
    let matched = 0
    /** Whether they differ at `matched`, rather than one of them ending there. */
    let differs = false
    while (at < entriesEnd) {
      let p = at
      let shared = bytes[p++]!
      let fresh = bytes[p++]!
      let valueLength = bytes[p++]!
      if ((shared | fresh | valueLength) >= 0x80) {
        readHeader(bytes, at)
        shared = header.shared
        fresh = header.fresh
        valueLength = header.valueLength
        p = header.keyStart
      }
      const end = shared + fresh
      if (end > spare.length) spare = this.#spare = grown(spare, end, shared)
      copyBytes(spare, shared, bytes, p, p + fresh)
      const user = end - KEY_TRAILER_BYTES
      // An entry that repeats the byte in which the last one was smaller is smaller as well.
      if (shared <= matched || !differs) {
        const limit = user < length ? user : length
        let i = shared < matched ? shared : matched
        while (i < limit && spare[i] === key[i]) i++
        matched = i
        differs = i < limit
        let order = differs ? spare[i]! - key[i]! : user - length
        const found = order === 0
        if (found)
          order = compareTrailers(fixed32(spare, user + 4), fixed32(spare, user), high, low)
        if (order >= 0) {
          this.#spare = this.keyBytes
          this.keyBytes = spare
          this.#enter(block)
          this.#tell(at, end, p + fresh, valueLength)
          this.found = found
          return true
        }
      }
      at = p + fresh + valueLength
    }
    return false
  }

  /** Whether the block has no entry after this one. */
  get atLast(): boolean {
    return this.valueEnd >= this.#entriesEnd
  }

  /** To the next entry; false, and no move, behind the last one. */
  stepNext(): boolean {
    if (this.valueEnd >= this.#entriesEnd) return false
    this.#read(this.valueEnd)
    return true
  }

  /** To the entry before; false, and no move, at the first one. */
  stepPrevious(): boolean {
    if (this.#entry === 0) return false
    const block = this.block!
    if (this.#listed !== block) this.#list(block)
    const index = this.#indexOf(this.#entry)
    this.#gather(index - 1, varintAt(block.bytes, this.#entry))
    return true
  }

  /** Whether the entry after this one, or the first of `next`, has a greater key. */
  rises(next: Block | undefined): boolean {
    const bytes = next === undefined ? this.valueBytes : next.bytes
    readHeader(bytes, next === undefined ? this.valueEnd : 0)
    const { shared, fresh, keyStart } = header
    const { keyBytes, keyEnd } = this
    const user = shared + fresh - KEY_TRAILER_BYTES
    const limit = Math.min(user, keyEnd)
    for (let i = shared; i < limit; i++) {
      const difference = bytes[keyStart + i - shared]! - keyBytes[i]!
      if (difference !== 0) return difference > 0
    }
    if (user !== keyEnd) return user > keyEnd
    const trailer = new Uint8Array(KEY_TRAILER_BYTES)
    for (let i = 0; i < KEY_TRAILER_BYTES; i++) {
      const at = user + i
      trailer[i] = at < shared ? keyBytes[at]! : bytes[keyStart + at - shared]!
    }
    return compareTrailers(this.high, this.low, fixed32(trailer, 4), fixed32(trailer, 0)) < 0
  }

  #enter(block: Block): void {
    this.block = block
    this.valueBytes = block.bytes
    this.#entriesEnd = block.entriesEnd
  }

  /** Reads the entry at `at`; the key of the one before it stands in `keyBytes`. */
  #read(at: number): void {
    const bytes = this.valueBytes
    let p = at
    let shared = bytes[p++]!
    let fresh = bytes[p++]!
    let valueLength = bytes[p++]!
    if ((shared | fresh | valueLength) >= 0x80) {
      readHeader(bytes, at)
      shared = header.shared
      fresh = header.fresh
      valueLength = header.valueLength
      p = header.keyStart
    }
    const end = shared + fresh
    if (end > this.keyBytes.length) this.keyBytes = grown(this.keyBytes, end, shared)
    copyBytes(this.keyBytes, shared, bytes, p, p + fresh)
    this.#tell(at, end, p + fresh, valueLength)
  }

  #tell(at: number, keyLength: number, valueStart: number, valueLength: number): void {
    const user = keyLength - KEY_TRAILER_BYTES
    this.valid = true
    this.#entry = at
    this.keyEnd = user
    this.low = fixed32(this.keyBytes, user)
    this.high = fixed32(this.keyBytes, user + 4)
    this.valueStart = valueStart
    this.valueEnd = valueStart + valueLength
  }

  /** Lists where the entries of the block begin. */
  #list(block: Block): void {
    const { bytes, entriesEnd } = block
    let count = 0
    for (let at = 0; at < entriesEnd; count++) {
      if (count === this.#offsets.length) {
        const larger = new Uint32Array(Math.max(64, count * 2))
        larger.set(this.#offsets)
        this.#offsets = larger
      }
      this.#offsets[count] = at
      readHeader(bytes, at)
      at = header.keyStart + header.fresh + header.valueLength
    }
    this.#count = count
    this.#listed = block
  }

  /** Index in the list of the entry at `offset`. */
  #indexOf(offset: number): number {
    let left = 0
    let right = this.#count - 1
    while (left < right) {
      const middle = (left + right + 1) >>> 1
      if (this.#offsets[middle]! <= offset) left = middle
      else right = middle - 1
    }
    return left
  }

  /** Makes the key of listed entry `index`, of which `keyBytes` has the first `kept` bytes. */
  #gather(index: number, kept: number): void {
    const bytes = this.valueBytes
    const at = this.#offsets[index]!
    readHeader(bytes, at)
    const keyLength = header.shared + header.fresh
    const valueStart = header.keyStart + header.fresh
    const valueLength = header.valueLength
    if (keyLength > this.keyBytes.length) this.keyBytes = grown(this.keyBytes, keyLength, kept)
    let need = keyLength
    for (let i = index; need > kept;) {
      const { shared, keyStart } = header
      if (shared < need) {
        const from = Math.max(shared, kept)
        copyBytes(this.keyBytes, from, bytes, keyStart + from - shared, keyStart + need - shared)
        need = from
      }
      if (need > kept) readHeader(bytes, this.#offsets[--i]!)
    }
    this.#tell(at, keyLength, valueStart, valueLength)
  }
}

function grown(key: Uint8Array, length: number, keep: number): Uint8Array {
  const larger = new Uint8Array(length * 2)
  larger.set(key.subarray(0, keep))
  return larger
}

/** Whether the block's first entry is before the internal key. */
export function startsBefore(block: Block, key: Uint8Array, high: number, low: number): boolean {
  return isBefore(block.bytes, 0, key, high, low)
}

/** Whether the entry at `at`, which shares nothing, is before the internal key. */
function isBefore(
  bytes: Uint8Array,
  at: number,
  key: Uint8Array,
  high: number,
  low: number,
): boolean {
  readHeader(bytes, at)
  const { keyStart, fresh } = header
  const user = keyStart + fresh - KEY_TRAILER_BYTES
  const order = compareBytes(bytes, keyStart, user, key, 0, key.length)
  if (order !== 0) return order < 0
  return compareTrailers(fixed32(bytes, user + 4), fixed32(bytes, user), high, low) < 0
}

/** Offset of the last restart point whose entry is before the internal key; else the first. */
function restartBefore(block: Block, key: Uint8Array, high: number, low: number): number {
  let left = 0
  let right = block.restarts - 1
  while (left < right) {
    const middle = (left + right + 1) >>> 1
    if (isBefore(block.bytes, block.restart(middle), key, high, low)) left = middle
    else right = middle - 1
  }
  return block.restart(left)
}
