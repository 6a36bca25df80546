/**
 * Order: the entries of a memtable, sorted all at once.
 *
 * A radix sort, by the bytes of two words from their last to their first; the words are the eight
 * bytes behind what all keys begin with. Entries whose words are alike are sorted among themselves
 * in the same way, few of them by comparing. It takes a fraction of as many insertions into a tree.
 * Twin: native/memtable/order.h
 */
import { compareBytes } from '../format/key.js'
import {
  ENTRY_CHUNK,
  ENTRY_HIGH,
  ENTRY_KEY_END,
  ENTRY_KEY_START,
  ENTRY_LOW,
  ENTRY_WORDS,
} from './arena.js'
import type { Arena } from './arena.js'
import { keyWord } from './words.js'

/** Fewer are sorted by comparing. */
const RADIX_LEAST = 48
/** Keys that are alike for so many words are sorted by comparing, however many they are. */
const DEPTH_MAX = 8
const DIGITS = 256
const BYTE_SHIFTS = [0, 8, 16, 24]

/** All entries of an arena, in order. */
export function sortedEntries(arena: Arena): Uint32Array {
  return new Sorting(arena).entries
}

class Sorting {
  readonly entries: Uint32Array
  readonly #arena: Arena
  readonly #spare: Uint32Array
  /** By entry: the words that it is being sorted by. */
  readonly #first: Int32Array
  readonly #second: Int32Array
  readonly #ends = new Uint32Array(DIGITS)

  constructor(arena: Arena) {
    const { count } = arena
    this.#arena = arena
    this.entries = new Uint32Array(count)
    this.#spare = new Uint32Array(count)
    this.#first = new Int32Array(count)
    this.#second = new Int32Array(count)
    for (let i = 0; i < count; i++) this.entries[i] = i
    this.#sort(0, count, 0)
  }

  #sort(from: number, to: number, depth: number): void {
    if (to - from < 2 || this.#setWords(from, to)) return
    if (to - from < RADIX_LEAST || depth === DEPTH_MAX) this.#compareAll(from, to)
    else {
      this.#sortWords(this.#second, from, to)
      this.#sortWords(this.#first, from, to)
      this.#sortAlike(from, to, depth)
    }
  }

  /** Takes the words behind what all keys begin with; gives whether they rise already. */
  #setWords(from: number, to: number): boolean {
    const { entries } = this
    const { rows, chunks } = this.#arena
    const shared = this.#sharedBytes(from, to)
    let rises = true
    let before0 = 0
    let before1 = 0
    for (let i = from; i < to; i++) {
      const entry = entries[i]!
      const row = entry * ENTRY_WORDS
      const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
      const start = rows[row + ENTRY_KEY_START]! + shared
      const end = rows[row + ENTRY_KEY_END]!
      const word0 = keyWord(bytes, start, end)
      const word1 = keyWord(bytes, start + 4, end)
      if (i > from && (before0 === word0 ? before1 >= word1 : before0 > word0)) rises = false
      this.#first[entry] = before0 = word0
      this.#second[entry] = before1 = word1
    }
    return rises
  }

  /** Bytes that all keys begin with. */
  #sharedBytes(from: number, to: number): number {
    const { entries } = this
    const { rows, chunks } = this.#arena
    const row = entries[from]! * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    let shared = rows[row + ENTRY_KEY_END]! - start
    for (let i = from + 1; i < to && shared > 0; i++) {
      const other = entries[i]! * ENTRY_WORDS
      const otherBytes = chunks[rows[other + ENTRY_CHUNK]!]!
      const otherStart = rows[other + ENTRY_KEY_START]!
      const most = Math.min(shared, rows[other + ENTRY_KEY_END]! - otherStart)
      shared = 0
      while (shared < most && bytes[start + shared] === otherBytes[otherStart + shared]) shared++
    }
    return shared
  }

  /** Sorts by one of the words; what has the same stays in its order. */
  #sortWords(words: Int32Array, from: number, to: number): void {
    const { entries } = this
    const spare = this.#spare
    const ends = this.#ends
    let different = 0
    const word = words[entries[from]!]!
    for (let i = from + 1; i < to; i++) different |= words[entries[i]!]! ^ word
    for (const shift of BYTE_SHIFTS) {
      if (((different >>> shift) & 0xff) === 0) continue
      // The sign of a word was turned, so that signed comparison orders it: here it is unsigned.
      const turn = shift === 24 ? 0x80 : 0
      ends.fill(0)
      for (let i = from; i < to; i++) ends[((words[entries[i]!]! >>> shift) & 0xff) ^ turn]!++
      let begin = from
      for (let digit = 0; digit < DIGITS; digit++) {
        const count = ends[digit]!
        ends[digit] = begin
        begin += count
      }
      for (let i = from; i < to; i++) {
        const entry = entries[i]!
        spare[ends[((words[entry]! >>> shift) & 0xff) ^ turn]!++] = entry
      }
      entries.set(spare.subarray(from, to), from)
    }
  }

  /** Sorts each stretch of words that are alike. */
  #sortAlike(from: number, to: number, depth: number): void {
    const { entries } = this
    for (let start = from, end = from; start < to; start = end) {
      const word0 = this.#first[entries[start]!]!
      const word1 = this.#second[entries[start]!]!
      end++
      while (end < to) {
        const entry = entries[end]!
        if (this.#first[entry] !== word0 || this.#second[entry] !== word1) break
        end++
      }
      // Where all are alike, keys end in zeros, or are the same: their words say no more.
      if (end - start === to - from) this.#compareAll(from, to)
      else this.#sort(start, end, depth + 1)
    }
  }

  #compareAll(from: number, to: number): void {
    this.entries.subarray(from, to).sort((a, b) => this.#compare(a, b))
  }

  #compare(a: number, b: number): number {
    const { rows, chunks } = this.#arena
    const aRow = a * ENTRY_WORDS
    const bRow = b * ENTRY_WORDS
    const order = compareBytes(
      chunks[rows[aRow + ENTRY_CHUNK]!]!,
      rows[aRow + ENTRY_KEY_START]!,
      rows[aRow + ENTRY_KEY_END]!,
      chunks[rows[bRow + ENTRY_CHUNK]!]!,
      rows[bRow + ENTRY_KEY_START]!,
      rows[bRow + ENTRY_KEY_END]!,
    )
    if (order !== 0) return order
    const high = rows[bRow + ENTRY_HIGH]! - rows[aRow + ENTRY_HIGH]!
    return high !== 0 ? high : rows[bRow + ENTRY_LOW]! - rows[aRow + ENTRY_LOW]!
  }
}
