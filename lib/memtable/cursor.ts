/**
 * MemtableCursor: walks a memtable in both directions while it grows.
 *
 * The cursor stands at an entry, which never changes or goes away; only the entry's place in the
 * tree does. A move after insertions finds that place again first.
 * Twin: native/memtable/cursor.h
 */
import type { EntryCursor } from '../view/entries.js'
import {
  ENTRY_CHUNK,
  ENTRY_HIGH,
  ENTRY_KEY_END,
  ENTRY_KEY_START,
  ENTRY_LOW,
  ENTRY_VALUE_END,
  ENTRY_VALUE_START,
  ENTRY_WORDS,
} from './arena.js'
import {
  LEAF_NEXT,
  LEAF_PREVIOUS,
  NODE_COUNT,
  NODE_SLOTS,
  SLOT_ENTRY,
  SLOT_WORDS,
} from './nodes.js'
import type { Tree } from './tree.js'

const NO_BYTES = new Uint8Array(0)

export class MemtableCursor implements EntryCursor {
  valid = false
  keyBytes: Uint8Array = NO_BYTES
  keyStart = 0
  keyEnd = 0
  high = 0
  low = 0
  valueBytes: Uint8Array = NO_BYTES
  valueStart = 0
  valueEnd = 0
  readonly #tree: Tree
  #version = 0
  #leaf = 0
  #slot = 0
  #entry = 0

  constructor(tree: Tree) {
    this.#tree = tree
  }

  first(): boolean {
    this.#tree.catchUp()
    return this.#stand(this.#tree.firstLeaf, 0)
  }

  last(): boolean {
    this.#tree.catchUp()
    const leaf = this.#tree.lastLeaf
    return this.#stand(leaf, this.#tree.leaves.words[leaf + NODE_COUNT]! - 1)
  }

  seek(key: Uint8Array, high: number, low: number): boolean {
    this.#tree.catchUp()
    this.#tree.seek(key, high, low)
    return this.#standForward(this.#tree.leaf, this.#tree.slot)
  }

  seekBefore(key: Uint8Array, high: number, low: number): boolean {
    this.#tree.catchUp()
    this.#tree.seek(key, high, low)
    return this.#standBackward(this.#tree.leaf, this.#tree.slot - 1)
  }

  next(): boolean {
    this.#findAgain()
    return this.#standForward(this.#leaf, this.#slot + 1)
  }

  previous(): boolean {
    this.#findAgain()
    return this.#standBackward(this.#leaf, this.#slot - 1)
  }

  load(): Promise<void> {
    return Promise.resolve()
  }

  loadSync(): void {}

  close(): void {
    this.valid = false
    this.keyBytes = NO_BYTES
    this.valueBytes = NO_BYTES
  }

  #findAgain(): void {
    const tree = this.#tree
    tree.catchUp()
    if (tree.version === this.#version) return
    tree.seekEntry(this.#entry)
    this.#leaf = tree.leaf
    this.#slot = tree.slot
    const { words } = tree.leaves
    // Only an entry that separates two leaves is looked for behind the left one's end.
    if (tree.slot === words[tree.leaf + NODE_COUNT]!) {
      this.#leaf = words[tree.leaf + LEAF_NEXT]!
      this.#slot = 0
    }
  }

  #standForward(leaf: number, slot: number): boolean {
    const { words } = this.#tree.leaves
    if (slot < words[leaf + NODE_COUNT]!) return this.#stand(leaf, slot)
    const next = words[leaf + LEAF_NEXT]!
    if (next >= 0) return this.#stand(next, 0)
    this.valid = false
    return true
  }

  #standBackward(leaf: number, slot: number): boolean {
    if (slot >= 0) return this.#stand(leaf, slot)
    const { words } = this.#tree.leaves
    const previous = words[leaf + LEAF_PREVIOUS]!
    if (previous >= 0) return this.#stand(previous, words[previous + NODE_COUNT]! - 1)
    this.valid = false
    return true
  }

  /** Stands at a slot; an empty tree has none. Every other leaf has at least one. */
  #stand(leaf: number, slot: number): boolean {
    const tree = this.#tree
    const { rows, chunks } = tree.arena
    this.valid = tree.arena.count > 0
    if (!this.valid) return true
    const entry = tree.leaves.words[leaf + NODE_SLOTS + slot * SLOT_WORDS + SLOT_ENTRY]!
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    this.#version = tree.version
    this.#leaf = leaf
    this.#slot = slot
    this.#entry = entry
    this.keyBytes = bytes
    this.keyStart = rows[row + ENTRY_KEY_START]!
    this.keyEnd = rows[row + ENTRY_KEY_END]!
    this.high = rows[row + ENTRY_HIGH]!
    this.low = rows[row + ENTRY_LOW]!
    this.valueBytes = bytes
    this.valueStart = rows[row + ENTRY_VALUE_START]!
    this.valueEnd = rows[row + ENTRY_VALUE_END]!
    return true
  }
}
