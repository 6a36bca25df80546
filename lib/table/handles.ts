/**
 * TableIndex: the index block of a table, decoded once into flat arrays.
 *
 * Entry i says where data block i lies, and gives a separator: an internal key at or after all of
 * block i and before all of block i + 1. Separators rise and blocks do not overlap: checked here.
 * A search compares heads, numbers. The last separator has none: it is shortened to begin unlike
 * any other, and would leave nothing that all begin with.
 * Format: docs/format/table.md (index)
 * Twin: native/table/handles.h
 */
import { FieldReader, FormatError, fixed32 } from '../format/coding.js'
import { KEY_TRAILER_BYTES, compareBytes } from '../format/key.js'
import { BLOCK_TRAILER_BYTES } from '../format/block.js'
import { readHandle } from '../format/table.js'
import { copyBytes } from './block.js'
import type { Block } from './block.js'
import { BlockWalk, compareTrailers } from './walk.js'

/** No writer shares so much between separators that they outgrow their block by this. */
const KEYS_MAX_RATIO = 16
const HEAD_BYTES = 4

export class TableIndex {
  /** Number of data blocks. */
  readonly count: number
  /** Where the blocks lie in the file; sizes are without trailers. */
  readonly offsets: Float64Array
  readonly sizes: Float64Array
  /** Separator i is keys[ends[i - 1] .. ends[i]). */
  readonly keys: Uint8Array
  readonly ends: Uint32Array
  /** Of all separators but the last: bytes that they begin with, and of each the four behind them,
   * as a number. */
  readonly #common: number
  readonly #heads: Uint32Array

  /** Throws FormatError unless the blocks lie in the first `limit` bytes of the file. */
  constructor(block: Block, limit: number) {
    const offsets: number[] = []
    const sizes: number[] = []
    const ends: number[] = []
    let keys = new Uint8Array(block.bytes.length)
    let keysEnd = 0
    let fileEnd = 0
    const walk = new BlockWalk()
    if (block.entriesEnd > 0) walk.enterFirst(block)
    for (let more = walk.valid; more; more = walk.stepNext()) {
      const reader = new FieldReader(walk.valueBytes, walk.valueStart, walk.valueEnd)
      const { offset, sizeBytes } = readHandle(reader)
      if (offset < fileEnd || offset + sizeBytes + BLOCK_TRAILER_BYTES > limit)
        throw new FormatError('index: block out of place', walk.valueStart)
      fileEnd = offset + sizeBytes + BLOCK_TRAILER_BYTES
      const keyLength = walk.keyEnd + KEY_TRAILER_BYTES
      if (keysEnd + keyLength > keys.length) {
        if (keysEnd + keyLength > block.bytes.length * KEYS_MAX_RATIO)
          throw new FormatError('index: too much key', walk.valueStart)
        const larger = new Uint8Array((keysEnd + keyLength) * 2)
        larger.set(keys)
        keys = larger
      }
      copyBytes(keys, keysEnd, walk.keyBytes, 0, keyLength)
      keysEnd += keyLength
      offsets.push(offset)
      sizes.push(sizeBytes)
      ends.push(keysEnd)
      if (walk.valueEnd < block.entriesEnd && !walk.rises(undefined))
        throw new FormatError('index: separators do not rise', walk.valueEnd)
    }
    this.count = offsets.length
    this.offsets = Float64Array.from(offsets)
    this.sizes = Float64Array.from(sizes)
    this.keys = keys.slice(0, keysEnd)
    this.ends = Uint32Array.from(ends)
    const inner = ends.slice(0, -1)
    this.#common = commonBytes(this.keys, inner)
    this.#heads = Uint32Array.from(inner, (end, i) =>
      headOf(this.keys, (i === 0 ? 0 : ends[i - 1]!) + this.#common, end - KEY_TRAILER_BYTES),
    )
  }

  /** Bytes of the file before block `ordinal` ends, trailer included. */
  end(ordinal: number): number {
    return this.offsets[ordinal]! + this.sizes[ordinal]! + BLOCK_TRAILER_BYTES
  }

  /** The block that holds the first entry at or after the internal key; `count` for none. */
  seek(key: Uint8Array, high: number, low: number): number {
    const { count } = this
    const ordinal = this.#seekInner(key, high, low)
    if (ordinal + 1 < count || count === 0) return ordinal
    return this.#isBefore(ordinal, key, high, low) ? count : ordinal
  }

  /** Among all separators but the last; the last one's ordinal when the key is behind them. */
  #seekInner(key: Uint8Array, high: number, low: number): number {
    const { keys } = this
    const heads = this.#heads
    const { length } = heads
    const common = this.#common
    const limit = common < key.length ? common : key.length
    for (let i = 0; i < limit; i++) if (key[i] !== keys[i]) return key[i]! < keys[i]! ? 0 : length
    if (limit < common) return 0
    const head = headOf(key, common, key.length)
    let left = 0
    let right = length
    while (left < right) {
      const middle = (left + right) >>> 1
      const other = heads[middle]!
      if (other < head || (other === head && this.#isBefore(middle, key, high, low)))
        left = middle + 1
      else right = middle
    }
    return left
  }

  /** Whether separator `ordinal`, whose head is the key's, is before the internal key. */
  #isBefore(ordinal: number, key: Uint8Array, high: number, low: number): boolean {
    const { keys, ends } = this
    const start = ordinal === 0 ? 0 : ends[ordinal - 1]!
    const user = ends[ordinal]! - KEY_TRAILER_BYTES
    const order = compareBytes(keys, start, user, key, 0, key.length)
    if (order !== 0) return order < 0
    return compareTrailers(fixed32(keys, user + 4), fixed32(keys, user), high, low) < 0
  }
}

/** Four bytes from `at` on as a number in their order; zeros stand for what is not there. */
function headOf(bytes: Uint8Array, at: number, end: number): number {
  let head = 0
  for (let i = at; i < at + HEAD_BYTES; i++) head = (head << 8) | (i < end ? bytes[i]! : 0)
  return head >>> 0
}

/** How many leading bytes the user keys that end there share: those of the first and last. */
function commonBytes(keys: Uint8Array, ends: readonly number[]): number {
  if (ends.length === 0) return 0
  const last = ends.length === 1 ? 0 : ends[ends.length - 2]!
  const limit = Math.min(ends[0]!, ends.at(-1)! - last) - KEY_TRAILER_BYTES
  let common = 0
  while (common < limit && keys[common] === keys[last + common]) common++
  return common
}
