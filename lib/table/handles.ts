/**
 * TableIndex: the index block of a table, decoded once into flat arrays.
 *
 * Entry i says where data block i lies, and gives a separator: an internal key at or after all of
 * block i and before all of block i + 1. Separators rise and blocks do not overlap: checked here.
 * Format: docs/format/table.md (index)
 * Twin: native/table/handles.h
 */
import { FieldReader, FormatError, fixed32 } from '../format/coding.js'
import { KEY_TRAILER_BYTES } from '../format/key.js'
import { BLOCK_TRAILER_BYTES } from '../format/block.js'
import { readHandle } from '../format/table.js'
import { copyBytes } from './block.js'
import type { Block } from './block.js'
import { BlockWalk, compareTrailers } from './walk.js'

/** No writer shares so much between separators that they outgrow their block by this. */
const KEYS_MAX_RATIO = 64

export class TableIndex {
  /** Number of data blocks. */
  readonly count: number
  /** Where the blocks lie in the file; sizes are without trailers. */
  readonly offsets: Float64Array
  readonly sizes: Float64Array
  /** Separator i is keys[ends[i - 1] .. ends[i]). */
  readonly keys: Uint8Array
  readonly ends: Uint32Array

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
  }

  /** Bytes of the file before block `ordinal` ends, trailer included. */
  end(ordinal: number): number {
    return this.offsets[ordinal]! + this.sizes[ordinal]! + BLOCK_TRAILER_BYTES
  }

  /** The block that holds the first entry at or after the internal key; `count` for none. */
  seek(key: Uint8Array, high: number, low: number): number {
    const { keys, ends } = this
    let left = 0
    let right = this.count
    while (left < right) {
      const middle = (left + right) >>> 1
      const start = middle === 0 ? 0 : ends[middle - 1]!
      const user = ends[middle]! - KEY_TRAILER_BYTES - start
      const limit = user < key.length ? user : key.length
      let i = 0
      while (i < limit && keys[start + i] === key[i]) i++
      let order = i < limit ? keys[start + i]! - key[i]! : user - key.length
      if (order === 0) {
        const trailer = start + user
        order = compareTrailers(fixed32(keys, trailer + 4), fixed32(keys, trailer), high, low)
      }
      if (order < 0) left = middle + 1
      else right = middle
    }
    return left
  }
}
