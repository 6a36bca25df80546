/**
 * Tree: a B+tree over the entries of an arena, in typed arrays.
 *
 * Order: user key ascending, then trailer descending (the newest version first). A slot is two
 * words of the user key and the entry's row: most comparisons end at the words and touch no key.
 * The words are the 8 bytes behind the prefix that all keys of the tree share (so `user:0001` and
 * `user:0002` differ in their words), big-endian, zero-padded, with the sign flipped so that
 * signed comparison orders them. When a key ends the shared prefix earlier, every slot's words are
 * made again, at most SHRINKS times: then the prefix is given up.
 *
 * Leaves and inner nodes have slots of the same layout. Slot i of an inner node separates child
 * i - 1, all of it before the slot's entry, from child i, all of it at or behind; slot 0 of an
 * inner node is never looked at. Entries are never removed, so nodes only split.
 * Twin: native/memtable/tree.h
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

/** Words of a slot: two of the key, one entry. */
export const SLOT_WORDS = 3
export const SLOT_ENTRY = 2
/** Words of a node before its slots. */
export const NODE_HEADER_WORDS = 3
export const NODE_COUNT = 0
export const LEAF_PREVIOUS = 1
export const LEAF_NEXT = 2
const LEAF_SLOTS = 64
export const LEAF_WORDS = NODE_HEADER_WORDS + LEAF_SLOTS * SLOT_WORDS
const INNER_SLOTS = 64
/** The children of an inner node stand behind its slots. */
const INNER_CHILDREN = NODE_HEADER_WORDS + INNER_SLOTS * SLOT_WORDS
const INNER_WORDS = INNER_CHILDREN + INNER_SLOTS
const SHRINKS = 8
const NONE = -1

export class Tree {
  leaves = new Int32Array(16 * LEAF_WORDS)
  /** Counts insertions, so that cursors notice them. */
  version = 0
  firstLeaf = 0
  lastLeaf = 0
  #leafCount = 1
  #inners = new Int32Array(0)
  #innerCount = 0
  /** Leaf when depth is 0, else inner node. */
  #root = 0
  #depth = 0
  /** Nodes and child numbers of the last descent, from the root. */
  readonly #pathNode: number[] = []
  readonly #pathChild: number[] = []
  #shared = NONE
  #shrinks = 0
  /** The key that is looked for. */
  #key: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  #high = 0
  #low = 0
  #word0 = 0
  #word1 = 0
  /** Where `seek` ended. */
  leaf = 0
  slot = 0

  constructor(readonly arena: Arena) {
    this.leaves[LEAF_PREVIOUS] = NONE
    this.leaves[LEAF_NEXT] = NONE
  }

  get memoryBytes(): number {
    return this.leaves.byteLength + this.#inners.byteLength
  }

  insert(entry: number): void {
    this.#targetEntry(entry)
    this.#shareWith(entry)
    this.#setWords()
    this.version++
    const last = this.lastLeaf * LEAF_WORDS
    const count = this.leaves[last + NODE_COUNT]!
    // Ascending keys are usual: they go straight behind the last entry.
    if (count > 0 && this.#rank(this.leaves, last, count - 1, count) === count) {
      if (count < LEAF_SLOTS) this.#putSlot(this.leaves, last, count, entry)
      else this.#appendLeaf(entry)
      return
    }
    this.#descend()
    this.#insertAt(entry)
  }

  /** Sets `leaf` and `slot` to the first entry at or after the key; slot may be its count. */
  seek(key: Uint8Array, high: number, low: number): void {
    this.#key = key
    this.#start = 0
    this.#end = key.length
    this.#high = high
    this.#low = low
    const order = this.#orderOfPrefix()
    if (order < 0) this.#settle(this.firstLeaf, 0)
    else if (order > 0)
      this.#settle(this.lastLeaf, this.leaves[this.lastLeaf * LEAF_WORDS + NODE_COUNT]!)
    else {
      this.#setWords()
      this.#descend()
    }
  }

  /** The newest entry of `key` with a trailer <= (high, low); negative when there is none. */
  find(key: Uint8Array, high: number, low: number): number {
    this.seek(key, high, low)
    let base = this.leaf * LEAF_WORDS
    let { slot } = this
    if (slot === this.leaves[base + NODE_COUNT]!) {
      const next = this.leaves[base + LEAF_NEXT]!
      if (next < 0) return NONE
      base = next * LEAF_WORDS
      slot = 0
    }
    const entry = this.leaves[base + NODE_HEADER_WORDS + slot * SLOT_WORDS + SLOT_ENTRY]!
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    const end = rows[row + ENTRY_KEY_END]!
    return compareBytes(bytes, start, end, key, 0, key.length) === 0 ? entry : NONE
  }

  /** Sets `leaf` and `slot` as `seek` does to an entry of this tree. */
  seekEntry(entry: number): void {
    this.#targetEntry(entry)
    this.#setWords()
    this.#descend()
  }

  #settle(leaf: number, slot: number): void {
    this.leaf = leaf
    this.slot = slot
  }

  #targetEntry(entry: number): void {
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    this.#key = chunks[rows[row + ENTRY_CHUNK]!]!
    this.#start = rows[row + ENTRY_KEY_START]!
    this.#end = rows[row + ENTRY_KEY_END]!
    this.#high = rows[row + ENTRY_HIGH]!
    this.#low = rows[row + ENTRY_LOW]!
  }

  #setWords(): void {
    const at = this.#start + this.#shared
    this.#word0 = keyWord(this.#key, at, this.#end)
    this.#word1 = keyWord(this.#key, at + 4, this.#end)
  }

  /** Walks from the root to the leaf that the key belongs into; sets `leaf`, `slot` and the path. */
  #descend(): void {
    let node = this.#root
    for (let level = 0; level < this.#depth; level++) {
      const base = node * INNER_WORDS
      const inners = this.#inners
      const child = this.#rank(inners, base, 1, inners[base + NODE_COUNT]!) - 1
      this.#pathNode[level] = node
      this.#pathChild[level] = child
      node = inners[base + INNER_CHILDREN + child]!
    }
    const base = node * LEAF_WORDS
    this.leaf = node
    this.slot = this.#rank(this.leaves, base, 0, this.leaves[base + NODE_COUNT]!)
  }

  /** The first slot of [low, high) whose entry is at or after the key; `high` if none is. */
  #rank(nodes: Int32Array, base: number, low: number, high: number): number {
    const word0 = this.#word0
    const word1 = this.#word1
    base += NODE_HEADER_WORDS
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = base + middle * SLOT_WORDS
      const first = nodes[at]!
      let before = first < word0
      if (first === word0) {
        const second = nodes[at + 1]!
        before = second < word1
        if (second === word1) before = this.#orderOf(nodes[at + SLOT_ENTRY]!) < 0
      }
      if (before) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Order of an entry against the key, whose words are equal. */
  #orderOf(entry: number): number {
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    const end = rows[row + ENTRY_KEY_END]!
    // Equal words: equal up to the end of the words or of the shorter key.
    const skip = Math.min(this.#shared + 8, end - start, this.#end - this.#start)
    const order = compareBytes(bytes, start + skip, end, this.#key, this.#start + skip, this.#end)
    if (order !== 0) return order
    const high = this.#high - rows[row + ENTRY_HIGH]!
    return high !== 0 ? high : this.#low - rows[row + ENTRY_LOW]!
  }

  /** Order of the key against the shared prefix: 0 when it has all of it. */
  #orderOfPrefix(): number {
    if (this.#shared <= 0) return 0
    const { rows, chunks } = this.arena
    const bytes = chunks[rows[ENTRY_CHUNK]!]!
    const start = rows[ENTRY_KEY_START]!
    const length = Math.min(this.#shared, this.#end - this.#start)
    const order = compareBytes(
      this.#key,
      this.#start,
      this.#start + length,
      bytes,
      start,
      start + length,
    )
    return order !== 0 ? order : length - this.#shared
  }

  /** Shortens the shared prefix to what the key has of it; entry 0 stands for all keys. */
  #shareWith(entry: number): void {
    if (this.#shared === 0) return
    if (entry === 0) {
      this.#shared = this.#end - this.#start
      return
    }
    const { rows, chunks } = this.arena
    const bytes = chunks[rows[ENTRY_CHUNK]!]!
    const start = rows[ENTRY_KEY_START]!
    const most = Math.min(this.#shared, this.#end - this.#start)
    let shared = 0
    while (shared < most && bytes[start + shared] === this.#key[this.#start + shared]) shared++
    if (shared === this.#shared) return
    this.#shared = this.#shrinks++ < SHRINKS ? shared : 0
    this.#remakeWords()
  }

  #remakeWords(): void {
    for (let leaf = 0; leaf < this.#leafCount; leaf++)
      this.#remakeNode(this.leaves, leaf * LEAF_WORDS)
    for (let inner = 0; inner < this.#innerCount; inner++)
      this.#remakeNode(this.#inners, inner * INNER_WORDS)
  }

  #remakeNode(nodes: Int32Array, base: number): void {
    const { rows, chunks } = this.arena
    for (let slot = 0; slot < nodes[base + NODE_COUNT]!; slot++) {
      const at = base + NODE_HEADER_WORDS + slot * SLOT_WORDS
      const row = nodes[at + SLOT_ENTRY]! * ENTRY_WORDS
      const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
      const start = rows[row + ENTRY_KEY_START]! + this.#shared
      const end = rows[row + ENTRY_KEY_END]!
      nodes[at] = keyWord(bytes, start, end)
      nodes[at + 1] = keyWord(bytes, start + 4, end)
    }
  }

  /** Opens a gap at `slot` and writes the key's words and `entry` there. */
  #putSlot(nodes: Int32Array, base: number, slot: number, entry: number): void {
    const count = nodes[base + NODE_COUNT]!
    const at = base + NODE_HEADER_WORDS + slot * SLOT_WORDS
    const end = base + NODE_HEADER_WORDS + count * SLOT_WORDS
    if (at < end) nodes.copyWithin(at + SLOT_WORDS, at, end)
    nodes[at] = this.#word0
    nodes[at + 1] = this.#word1
    nodes[at + SLOT_ENTRY] = entry
    nodes[base + NODE_COUNT] = count + 1
  }

  #insertAt(entry: number): void {
    const base = this.leaf * LEAF_WORDS
    if (this.leaves[base + NODE_COUNT]! < LEAF_SLOTS) {
      this.#putSlot(this.leaves, base, this.slot, entry)
      return
    }
    const right = this.#newLeaf(this.leaf)
    const half = LEAF_SLOTS >>> 1
    moveSlots(this.leaves, base, half, right * LEAF_WORDS)
    if (this.slot <= half) this.#putSlot(this.leaves, base, this.slot, entry)
    else this.#putSlot(this.leaves, right * LEAF_WORDS, this.slot - half, entry)
    this.#addChild(this.#depth - 1, right, this.leaves, right * LEAF_WORDS + NODE_HEADER_WORDS)
  }

  /** Puts `entry` alone into a new last leaf: ascending keys leave full leaves behind. */
  #appendLeaf(entry: number): void {
    let node = this.#root
    for (let level = 0; level < this.#depth; level++) {
      const base = node * INNER_WORDS
      const child = this.#inners[base + NODE_COUNT]! - 1
      this.#pathNode[level] = node
      this.#pathChild[level] = child
      node = this.#inners[base + INNER_CHILDREN + child]!
    }
    const right = this.#newLeaf(this.lastLeaf)
    this.#putSlot(this.leaves, right * LEAF_WORDS, 0, entry)
    this.#addChild(this.#depth - 1, right, this.leaves, right * LEAF_WORDS + NODE_HEADER_WORDS)
  }

  /** A leaf, empty, linked behind `left`. */
  #newLeaf(left: number): number {
    const leaf = this.#leafCount++
    if (this.#leafCount * LEAF_WORDS > this.leaves.length) {
      const grown = new Int32Array(this.leaves.length * 2)
      grown.set(this.leaves)
      this.leaves = grown
    }
    const { leaves } = this
    const next = leaves[left * LEAF_WORDS + LEAF_NEXT]!
    leaves[leaf * LEAF_WORDS + LEAF_PREVIOUS] = left
    leaves[leaf * LEAF_WORDS + LEAF_NEXT] = next
    leaves[left * LEAF_WORDS + LEAF_NEXT] = leaf
    if (next === NONE) this.lastLeaf = leaf
    else leaves[next * LEAF_WORDS + LEAF_PREVIOUS] = leaf
    return leaf
  }

  #newInner(): number {
    const inner = this.#innerCount++
    if (this.#innerCount * INNER_WORDS > this.#inners.length) {
      const grown = new Int32Array(Math.max(4 * INNER_WORDS, this.#inners.length * 2))
      grown.set(this.#inners)
      this.#inners = grown
    }
    return inner
  }

  /** Adds `child`, whose first slot is nodes[at...], behind the path's child at `level`. */
  #addChild(level: number, child: number, nodes: Int32Array, at: number): void {
    const word0 = nodes[at]!
    const word1 = nodes[at + 1]!
    const entry = nodes[at + SLOT_ENTRY]!
    if (level < 0) {
      this.#addRoot(child, word0, word1, entry)
      return
    }
    let node = this.#pathNode[level]!
    let place = this.#pathChild[level]! + 1
    if (this.#inners[node * INNER_WORDS + NODE_COUNT]! === INNER_SLOTS) {
      const right = this.#newInner()
      // The last node of its level that is extended at its end stays nearly full.
      const half = place === INNER_SLOTS ? INNER_SLOTS - 1 : INNER_SLOTS >>> 1
      moveSlots(this.#inners, node * INNER_WORDS, half, right * INNER_WORDS)
      const from = node * INNER_WORDS + INNER_CHILDREN
      const to = right * INNER_WORDS + INNER_CHILDREN
      this.#inners.copyWithin(to, from + half, from + INNER_SLOTS)
      const rightBase = right * INNER_WORDS + NODE_HEADER_WORDS
      if (place > half) {
        node = right
        place -= half
      }
      this.#putChild(node * INNER_WORDS, place, child, word0, word1, entry)
      this.#addChild(level - 1, right, this.#inners, rightBase)
    } else this.#putChild(node * INNER_WORDS, place, child, word0, word1, entry)
  }

  #putChild(
    base: number,
    place: number,
    child: number,
    word0: number,
    word1: number,
    entry: number,
  ): void {
    const inners = this.#inners
    const count = inners[base + NODE_COUNT]!
    const slots = base + NODE_HEADER_WORDS
    const at = slots + place * SLOT_WORDS
    inners.copyWithin(at + SLOT_WORDS, at, slots + count * SLOT_WORDS)
    inners[at] = word0
    inners[at + 1] = word1
    inners[at + SLOT_ENTRY] = entry
    const children = base + INNER_CHILDREN
    inners.copyWithin(children + place + 1, children + place, children + count)
    inners[children + place] = child
    inners[base + NODE_COUNT] = count + 1
  }

  #addRoot(child: number, word0: number, word1: number, entry: number): void {
    const left = this.#root
    const root = this.#newInner()
    const base = root * INNER_WORDS
    this.#putChild(base, 0, left, word0, word1, entry)
    this.#putChild(base, 1, child, word0, word1, entry)
    this.#root = root
    this.#depth++
  }
}

/** Moves the slots from `half` on to an empty node. */
function moveSlots(nodes: Int32Array, base: number, half: number, to: number): void {
  const count = nodes[base + NODE_COUNT]!
  const slots = base + NODE_HEADER_WORDS
  nodes.copyWithin(to + NODE_HEADER_WORDS, slots + half * SLOT_WORDS, slots + count * SLOT_WORDS)
  nodes[base + NODE_COUNT] = half
  nodes[to + NODE_COUNT] = count - half
}
