/**
 * Nodes: a pool of B+tree nodes in one typed array, and their slots.
 *
 * A slot is two words of a user key and the entry's row: most comparisons end at the words and
 * touch no key. The words are the 8 bytes behind the node's own prefix, of `skip` bytes, that the
 * keys of its slots share; so `user:0001` and `user:0002` differ in their words. Bytes behind a
 * key's end count as zeros throughout. A slot that does not fit shortens the prefix, a split
 * lengthens it; either makes the words of that one node again.
 *
 * Leaves and inner nodes have slots of the same layout. The first slot of an inner node has no
 * meaning, but for the entry that once stood there: `firstSlot` is 1.
 * Twin: native/memtable/nodes.h
 */
import { ENTRY_CHUNK, ENTRY_KEY_END, ENTRY_KEY_START, ENTRY_WORDS } from './arena.js'
import type { Arena } from './arena.js'
import { keyWord } from './words.js'

/** Words of a node before its slots. The neighbours of a leaf are -1 at the ends. */
export const NODE_COUNT = 0
export const NODE_SKIP = 1
export const LEAF_PREVIOUS = 2
export const LEAF_NEXT = 3
export const NODE_SLOTS = 4
/** Words of a slot. */
export const SLOT_ENTRY = 2
export const SLOT_WORDS = 3
export const SLOTS_MAX = 64
export const LEAF_WORDS = NODE_SLOTS + SLOTS_MAX * SLOT_WORDS
/** The children of an inner node stand behind its slots. */
export const INNER_CHILDREN = LEAF_WORDS
export const INNER_WORDS = INNER_CHILDREN + SLOTS_MAX
/** A split lengthens the prefix when that brings so many more bytes into the words. */
const WORTH_BYTES = 3

export class Nodes {
  words: Int32Array
  count = 0

  constructor(
    readonly arena: Arena,
    readonly nodeWords: number,
    readonly firstSlot: 0 | 1,
  ) {
    this.words = new Int32Array(4 * nodeWords)
  }

  /** A new, empty node; gives the offset of its words, which names it. */
  add(): number {
    const base = this.count++ * this.nodeWords
    if (base === this.words.length) {
      const grown = new Int32Array(base * 2)
      grown.set(this.words)
      this.words = grown
    }
    return base
  }

  /** Takes all nodes back. */
  clear(): void {
    this.words.fill(0, 0, this.count * this.nodeWords)
    this.count = 0
  }

  entry(base: number, slot: number): number {
    return this.words[base + NODE_SLOTS + slot * SLOT_WORDS + SLOT_ENTRY]!
  }

  /** Opens a gap at `slot` for an entry whose place that is; `fits` when it is known to have the
   * node's prefix. */
  insert(base: number, slot: number, entry: number, fits: boolean): void {
    const count = this.words[base + NODE_COUNT]!
    if (count > this.firstSlot) {
      if (!fits) this.#fit(base, entry)
    } else this.words[base + NODE_SKIP] = this.#keyLength(entry)
    const { words } = this
    const at = base + NODE_SLOTS + slot * SLOT_WORDS
    const end = base + NODE_SLOTS + count * SLOT_WORDS
    if (at < end) words.copyWithin(at + SLOT_WORDS, at, end)
    words[at + SLOT_ENTRY] = entry
    words[base + NODE_COUNT] = count + 1
    this.#setWords(at, words[base + NODE_SKIP]!)
  }

  /** Makes an empty node one of these entries, one at least. */
  fill(base: number, entries: Uint32Array): void {
    const { words } = this
    const slots = base + NODE_SLOTS
    const count = entries.length
    for (let slot = 0; slot < count; slot++)
      words[slots + slot * SLOT_WORDS + SLOT_ENTRY] = entries[slot]!
    words[base + NODE_COUNT] = count
    this.#remake(base, this.#sharedBytes(entries[0]!, entries[count - 1]!, Infinity))
  }

  /** Moves the slots from `half` on to an empty node. */
  split(base: number, half: number, right: number): void {
    const { words } = this
    const count = words[base + NODE_COUNT]!
    const slots = base + NODE_SLOTS
    words.copyWithin(right + NODE_SLOTS, slots + half * SLOT_WORDS, slots + count * SLOT_WORDS)
    words[base + NODE_COUNT] = half
    words[right + NODE_COUNT] = count - half
    words[right + NODE_SKIP] = words[base + NODE_SKIP]!
    this.#lengthen(base)
    this.#lengthen(right)
  }

  /** Shortens the prefix to what the entry's key has of it. */
  #fit(base: number, entry: number): void {
    const skip = this.words[base + NODE_SKIP]!
    if (skip === 0) return
    const shared = this.#sharedBytes(this.entry(base, this.firstSlot), entry, skip)
    if (shared < skip) this.#remake(base, shared)
  }

  #lengthen(base: number): void {
    const last = this.words[base + NODE_COUNT]! - 1
    if (last < this.firstSlot) return
    const skip = this.words[base + NODE_SKIP]!
    const shared = this.#sharedBytes(
      this.entry(base, this.firstSlot),
      this.entry(base, last),
      Infinity,
    )
    if (shared >= skip + WORTH_BYTES) this.#remake(base, shared)
  }

  #remake(base: number, skip: number): void {
    const { words } = this
    words[base + NODE_SKIP] = skip
    const end = base + NODE_SLOTS + words[base + NODE_COUNT]! * SLOT_WORDS
    let at = base + NODE_SLOTS + this.firstSlot * SLOT_WORDS
    for (; at < end; at += SLOT_WORDS) this.#setWords(at, skip)
  }

  #setWords(at: number, skip: number): void {
    const { rows, chunks } = this.arena
    const row = this.words[at + SLOT_ENTRY]! * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]! + skip
    const end = rows[row + ENTRY_KEY_END]!
    this.words[at] = keyWord(bytes, start, end)
    this.words[at + 1] = keyWord(bytes, start + 4, end)
  }

  #keyLength(entry: number): number {
    const { rows } = this.arena
    const row = entry * ENTRY_WORDS
    return rows[row + ENTRY_KEY_END]! - rows[row + ENTRY_KEY_START]!
  }

  /** Bytes that two keys begin with alike, at most `most`. */
  #sharedBytes(a: number, b: number, most: number): number {
    const { rows, chunks } = this.arena
    const aRow = a * ENTRY_WORDS
    const bRow = b * ENTRY_WORDS
    const aBytes = chunks[rows[aRow + ENTRY_CHUNK]!]!
    const bBytes = chunks[rows[bRow + ENTRY_CHUNK]!]!
    const aStart = rows[aRow + ENTRY_KEY_START]!
    const bStart = rows[bRow + ENTRY_KEY_START]!
    const end = Math.min(most, this.#keyLength(a), this.#keyLength(b))
    let shared = 0
    while (shared < end && aBytes[aStart + shared] === bBytes[bStart + shared]) shared++
    return shared
  }
}
