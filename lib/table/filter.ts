/**
 * Bloom filters of a table: one filter per 2 KiB of data, over the blocks that start there.
 *
 * A filter may say "maybe" for a key that is not there, never "no" for one that is; whatever does
 * not look like a filter says "maybe". Keys are user keys.
 * Format: docs/format/filter.md
 * Twin: native/table/filter.h
 */
import { fixed32, putFixed32 } from '../format/coding.js'
import {
  FILTER_BASE_LG,
  FILTER_HASH_MULTIPLIER,
  FILTER_HASH_SEED,
  FILTER_MIN_BITS,
  FILTER_PROBES_MAX,
  FILTER_PROBES_PER_BIT,
} from '../format/filter.js'

/** Offset array position u32 and base lg u8. */
const TAIL_BYTES = 5
/** A larger base was not written by anybody: such a block answers nothing. */
const BASE_LG_MAX = 31
const RANGE_BYTES = 2 ** FILTER_BASE_LG

/** LevelDB's Hash with the seed of its Bloom filter, as an unsigned 32-bit number. */
export function filterHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = FILTER_HASH_SEED ^ Math.imul(end - start, FILTER_HASH_MULTIPLIER)
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul((hash + word) | 0, FILTER_HASH_MULTIPLIER)
    hash ^= hash >>> 16
  }
  const rest = end - at
  if (rest > 0) {
    let word = bytes[at]!
    if (rest >= 2) word |= bytes[at + 1]! << 8
    if (rest === 3) word |= bytes[at + 2]! << 16
    hash = Math.imul((hash + word) | 0, FILTER_HASH_MULTIPLIER)
    hash ^= hash >>> 24
  }
  return hash >>> 0
}

/** Collects keys and gives the filter block of a table. */
export class FilterBlockWriter {
  readonly #bitsPerKey: number
  readonly #probes: number
  /** Hashes of the keys since the last filter. */
  #hashes = new Uint32Array(256)
  #keys = 0
  #bytes = new Uint8Array(4096)
  #end = 0
  readonly #offsets: number[] = []

  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey
    const probes = Math.floor(bitsPerKey * FILTER_PROBES_PER_BIT)
    this.#probes = Math.min(Math.max(probes, 1), FILTER_PROBES_MAX)
  }

  addKey(bytes: Uint8Array, start: number, end: number): void {
    if (this.#keys === this.#hashes.length) {
      const grown = new Uint32Array(this.#keys * 2)
      grown.set(this.#hashes)
      this.#hashes = grown
    }
    this.#hashes[this.#keys++] = filterHash(bytes, start, end)
  }

  /** Tells where the next data block starts; its keys follow. */
  startBlock(offset: number): void {
    const filters = Math.floor(offset / RANGE_BYTES)
    while (this.#offsets.length < filters) this.#generate()
  }

  /** The contents of the filter block. */
  finish(): Uint8Array {
    if (this.#keys > 0) this.#generate()
    const arrayOffset = this.#end
    this.#room(this.#offsets.length * 4 + TAIL_BYTES)
    for (const offset of this.#offsets) this.#end = putFixed32(this.#bytes, this.#end, offset)
    this.#end = putFixed32(this.#bytes, this.#end, arrayOffset)
    this.#bytes[this.#end++] = FILTER_BASE_LG
    return this.#bytes.subarray(0, this.#end)
  }

  #generate(): void {
    this.#offsets.push(this.#end)
    if (this.#keys === 0) return
    const bytesOfBits = Math.ceil(Math.max(this.#keys * this.#bitsPerKey, FILTER_MIN_BITS) / 8)
    this.#room(bytesOfBits + 1)
    const start = this.#end
    for (let i = 0; i < this.#keys; i++)
      setBits(this.#bytes, start, bytesOfBits * 8, this.#hashes[i]!, this.#probes)
    this.#end += bytesOfBits
    this.#bytes[this.#end++] = this.#probes
    this.#keys = 0
  }

  #room(more: number): void {
    if (this.#end + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#end + more, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}

function setBits(into: Uint8Array, start: number, bits: number, hash: number, probes: number) {
  const delta = (hash >>> 17) | (hash << 15)
  for (let i = 0; i < probes; i++) {
    const bit = (hash >>> 0) % bits
    into[start + (bit >>> 3)]! |= 1 << (bit & 7)
    hash = (hash + delta) | 0
  }
}

/** Answers from the contents of a filter block. */
export class FilterBlock {
  readonly #bytes: Uint8Array
  /** Where the offset array begins; it holds `#filters` offsets, then this position itself. */
  readonly #arrayOffset: number
  readonly #filters: number
  readonly #rangeBytes: number

  constructor(contents: Uint8Array) {
    this.#bytes = contents
    const tail = contents.length - TAIL_BYTES
    const arrayOffset = tail < 0 ? 0 : fixed32(contents, tail)
    const baseLg = contents[contents.length - 1] ?? 0
    const sound =
      tail >= 0 && arrayOffset <= tail && (tail - arrayOffset) % 4 === 0 && baseLg <= BASE_LG_MAX
    this.#arrayOffset = arrayOffset
    this.#filters = sound ? (tail - arrayOffset) / 4 : 0
    this.#rangeBytes = 2 ** baseLg
  }

  /** False only when the block that starts at `blockOffset` holds no such user key. */
  mayContain(blockOffset: number, key: Uint8Array, start: number, end: number): boolean {
    const index = Math.floor(blockOffset / this.#rangeBytes)
    if (index >= this.#filters) return true
    const bytes = this.#bytes
    const at = this.#arrayOffset + index * 4
    const from = fixed32(bytes, at)
    const limit = fixed32(bytes, at + 4)
    if (from > limit || limit > this.#arrayOffset) return true
    // A filter without room for bits was made of no keys.
    if (limit - from < 2) return false
    const probes = bytes[limit - 1]!
    const bits = ((limit - from - 1) * 8) >>> 0
    if (probes > FILTER_PROBES_MAX || bits === 0) return true
    let hash = filterHash(key, start, end)
    const delta = (hash >>> 17) | (hash << 15)
    for (let i = 0; i < probes; i++) {
      const bit = (hash >>> 0) % bits
      if ((bytes[from + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false
      hash = (hash + delta) | 0
    }
    return true
  }
}
