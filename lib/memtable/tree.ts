/**
 * Tree: a B+tree over the entries of an arena.
 *
 * Order: user key ascending, then trailer descending (the newest version first). Slot i of an
 * inner node separates child i - 1, all of it before the slot's entry, from child i, all of it at
 * or behind. Entries are never removed, so nodes only split. In each node
 * that a descent enters, the key is first held against the prefix that the node's slots share.
 *
 * The tree is brought up to date when it is asked, so that writing costs no search. Where most
 * entries are missing, all are sorted and the tree is made anew, for a fraction of what as many
 * insertions take.
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
import {
  INNER_CHILDREN,
  INNER_WORDS,
  LEAF_NEXT,
  LEAF_PREVIOUS,
  LEAF_WORDS,
  NODE_COUNT,
  NODE_SKIP,
  NODE_SLOTS,
  Nodes,
  SLOTS_MAX,
  SLOT_ENTRY,
  SLOT_WORDS,
} from './nodes.js'
import { sortedEntries } from './order.js'
import { keyWord } from './words.js'

const NONE = -1
/** Fewer entries are inserted one by one, however few the tree has. */
const LOADED_LEAST = 64
/** So many are taken in at once at the most: where all are sorted, and where some are inserted. */
const LOADED_ENTRIES = 40 * 1024
const BEHIND_ENTRIES = 16 * 1024
/** Leaves that are made at once have room for what comes between their entries. */
const LOADED_SLOTS = (SLOTS_MAX * 3) / 4

export class Tree {
  readonly leaves: Nodes
  readonly #inners: Nodes
  /** Counts its changes, so that cursors notice them. */
  version = 0
  /** How many entries of the arena it has. */
  #ordered = 0
  readonly firstLeaf = 0
  lastLeaf = 0
  /** A leaf when depth is 0, else an inner node. */
  #root = 0
  #depth = 0
  /** Inner nodes and child numbers of the last descent, from the root. */
  readonly #pathNode: number[] = []
  readonly #pathChild: number[] = []
  /** The key that is looked for. */
  #key: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  #high = 0
  #low = 0
  /** Whether it has the whole prefix of the node entered last. */
  #fits = false
  /** Where the last descent ended: the first entry at or after the key; may be the leaf's count. */
  leaf = 0
  slot = 0

  constructor(readonly arena: Arena) {
    this.leaves = new Nodes(arena, LEAF_WORDS, 0)
    this.#inners = new Nodes(arena, INNER_WORDS, 1)
    this.#clear()
  }

  get memoryBytes(): number {
    return this.leaves.words.byteLength + this.#inners.words.byteLength
  }

  /** Whether to take in much more at once would hold the event loop for too long. */
  get isFarBehind(): boolean {
    const behind = this.arena.count - this.#ordered
    return behind >= Math.max(BEHIND_ENTRIES, LOADED_ENTRIES - this.#ordered)
  }

  /** Takes in the entries of the arena that it does not have. */
  catchUp(): void {
    const { count } = this.arena
    const behind = count - this.#ordered
    if (behind === 0) return
    this.version++
    // One that is inserted takes about three times as long as one that is sorted with others.
    if (behind >= LOADED_LEAST && behind * 2 > this.#ordered) this.#load()
    else for (let entry = this.#ordered; entry < count; entry++) this.#insert(entry)
    this.#ordered = count
  }

  #insert(entry: number): void {
    this.#target(entry)
    const last = this.lastLeaf
    const count = this.leaves.words[last + NODE_COUNT]!
    // Ascending keys are usual: they go straight behind the last entry.
    if (count > 0 && this.#rank(this.leaves, last, count - 1) === count) {
      if (count < SLOTS_MAX) this.leaves.insert(last, count, entry, this.#fits)
      else this.#appendLeaf(entry)
      return
    }
    this.#descend()
    this.#insertAt(entry)
  }

  /** Takes all entries out. */
  #clear(): void {
    this.leaves.clear()
    this.#inners.clear()
    this.lastLeaf = this.#root = this.leaf = this.leaves.add()
    this.#depth = 0
    this.leaves.words[this.firstLeaf + LEAF_PREVIOUS] = NONE
    this.leaves.words[this.firstLeaf + LEAF_NEXT] = NONE
  }

  /** Makes the tree anew, of all entries. */
  #load(): void {
    const entries = sortedEntries(this.arena)
    this.#clear()
    for (let at = 0; at < entries.length; at += LOADED_SLOTS) {
      const some = entries.subarray(at, at + LOADED_SLOTS)
      if (at === 0) {
        this.leaves.fill(this.firstLeaf, some)
        continue
      }
      this.#toRightEdge()
      const leaf = this.#newLeaf(this.lastLeaf)
      this.leaves.fill(leaf, some)
      this.#addChild(this.#depth - 1, leaf, some[0]!)
    }
  }

  seek(key: Uint8Array, high: number, low: number): void {
    this.#key = key
    this.#start = 0
    this.#end = key.length
    this.#high = high
    this.#low = low
    this.#descend()
  }

  /** Descends to an entry of this tree. */
  seekEntry(entry: number): void {
    this.#target(entry)
    this.#descend()
  }

  /** The newest entry of `key` with a trailer <= (high, low); negative when there is none. */
  find(key: Uint8Array, high: number, low: number): number {
    this.seek(key, high, low)
    const { words } = this.leaves
    let { leaf, slot } = this
    if (slot === words[leaf + NODE_COUNT]!) {
      leaf = words[leaf + LEAF_NEXT]!
      if (leaf < 0) return NONE
      slot = 0
    }
    const entry = words[leaf + NODE_SLOTS + slot * SLOT_WORDS + SLOT_ENTRY]!
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    const end = rows[row + ENTRY_KEY_END]!
    return compareBytes(bytes, start, end, key, 0, key.length) === 0 ? entry : NONE
  }

  #target(entry: number): void {
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    this.#key = chunks[rows[row + ENTRY_CHUNK]!]!
    this.#start = rows[row + ENTRY_KEY_START]!
    this.#end = rows[row + ENTRY_KEY_END]!
    this.#high = rows[row + ENTRY_HIGH]!
    this.#low = rows[row + ENTRY_LOW]!
  }

  /** Walks from the root to the leaf that the key belongs into. */
  #descend(): void {
    let node = this.#root
    for (let level = 0; level < this.#depth; level++) {
      const child = this.#rank(this.#inners, node, 1) - 1
      this.#pathNode[level] = node
      this.#pathChild[level] = child
      node = this.#inners.words[node + INNER_CHILDREN + child]!
    }
    this.leaf = node
    this.slot = this.#rank(this.leaves, node, 0)
  }

  /** The first slot from `low` on whose entry is at or after the key; the count if none is. */
  #rank(nodes: Nodes, node: number, low: number): number {
    const { words } = nodes
    let high = words[node + NODE_COUNT]!
    if (low === high) return low
    const skip = words[node + NODE_SKIP]!
    const order = skip === 0 ? 0 : this.#orderOfPrefix(nodes.entry(node, nodes.firstSlot), skip)
    this.#fits = order === 0
    if (order !== 0) return order < 0 ? low : high
    const word0 = keyWord(this.#key, this.#start + skip, this.#end)
    const word1 = keyWord(this.#key, this.#start + skip + 4, this.#end)
    const slots = node + NODE_SLOTS
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = slots + middle * SLOT_WORDS
      const first = words[at]!
      let before = first < word0
      if (first === word0) {
        const second = words[at + 1]!
        before = second < word1
        if (second === word1) before = this.#orderOf(words[at + SLOT_ENTRY]!, skip + 8) < 0
      }
      if (before) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Order of the key against a node's prefix, which `entry` begins with; 0 when it has it. */
  #orderOfPrefix(entry: number, skip: number): number {
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    const end = rows[row + ENTRY_KEY_END]!
    for (let i = 0; i < skip; i++) {
      const keyAt = this.#start + i
      const entryAt = start + i
      const keyByte = keyAt < this.#end ? this.#key[keyAt]! : 0
      const order = keyByte - (entryAt < end ? bytes[entryAt]! : 0)
      if (order !== 0) return order
    }
    return 0
  }

  /** Order of an entry against the key; they are alike in their first `alike` bytes. */
  #orderOf(entry: number, alike: number): number {
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    const end = rows[row + ENTRY_KEY_END]!
    const skip = Math.min(alike, end - start, this.#end - this.#start)
    const order = compareBytes(bytes, start + skip, end, this.#key, this.#start + skip, this.#end)
    if (order !== 0) return order
    const high = this.#high - rows[row + ENTRY_HIGH]!
    return high !== 0 ? high : this.#low - rows[row + ENTRY_LOW]!
  }

  #insertAt(entry: number): void {
    const left = this.leaf
    if (this.leaves.words[left + NODE_COUNT]! < SLOTS_MAX) {
      this.leaves.insert(left, this.slot, entry, this.#fits)
      return
    }
    const right = this.#newLeaf(left)
    const half = SLOTS_MAX >>> 1
    this.leaves.split(left, half, right)
    if (this.slot <= half) this.leaves.insert(left, this.slot, entry, false)
    else this.leaves.insert(right, this.slot - half, entry, false)
    this.#addChild(this.#depth - 1, right, this.leaves.entry(right, 0))
  }

  /** Puts `entry` alone into a new last leaf: ascending keys leave full leaves behind. */
  #appendLeaf(entry: number): void {
    this.#toRightEdge()
    const right = this.#newLeaf(this.lastLeaf)
    this.leaves.insert(right, 0, entry, false)
    this.#addChild(this.#depth - 1, right, entry)
  }

  /** Makes the path lead to the last leaf. */
  #toRightEdge(): void {
    let node = this.#root
    for (let level = 0; level < this.#depth; level++) {
      const child = this.#inners.words[node + NODE_COUNT]! - 1
      this.#pathNode[level] = node
      this.#pathChild[level] = child
      node = this.#inners.words[node + INNER_CHILDREN + child]!
    }
  }

  /** A leaf, empty, linked behind `left`. */
  #newLeaf(left: number): number {
    const leaf = this.leaves.add()
    const { words } = this.leaves
    const next = words[left + LEAF_NEXT]!
    words[leaf + LEAF_PREVIOUS] = left
    words[leaf + LEAF_NEXT] = next
    words[left + LEAF_NEXT] = leaf
    if (next === NONE) this.lastLeaf = leaf
    else words[next + LEAF_PREVIOUS] = leaf
    return leaf
  }

  /** Adds `child`, whose first entry is `entry`, behind the path's child at `level`. */
  #addChild(level: number, child: number, entry: number): void {
    if (level < 0) {
      this.#addRoot(child, entry)
      return
    }
    const left = this.#pathNode[level]!
    const place = this.#pathChild[level]! + 1
    if (this.#inners.words[left + NODE_COUNT]! < SLOTS_MAX) {
      this.#putChild(left, place, child, entry)
      return
    }
    const right = this.#inners.add()
    // A node that grows at its end, as under ascending keys, stays nearly full.
    const half = place === SLOTS_MAX ? SLOTS_MAX - 1 : SLOTS_MAX >>> 1
    const separator = this.#inners.entry(left, half)
    const children = left + INNER_CHILDREN
    const { words } = this.#inners
    words.copyWithin(right + INNER_CHILDREN, children + half, children + SLOTS_MAX)
    this.#inners.split(left, half, right)
    if (place > half) this.#putChild(right, place - half, child, entry)
    else this.#putChild(left, place, child, entry)
    this.#addChild(level - 1, right, separator)
  }

  #putChild(node: number, place: number, child: number, entry: number): void {
    const { words } = this.#inners
    const children = node + INNER_CHILDREN
    words.copyWithin(children + place + 1, children + place, children + words[node + NODE_COUNT]!)
    words[children + place] = child
    this.#inners.insert(node, place, entry, false)
  }

  #addRoot(child: number, entry: number): void {
    const root = this.#inners.add()
    this.#putChild(root, 0, this.#root, entry)
    this.#putChild(root, 1, child, entry)
    this.#root = root
    this.#depth++
  }
}
