/**
 * Newest: a hash table from user key to the newest entry of that key.
 *
 * Nearly every look-up asks for the newest version, and most keys that a store is asked for are
 * not in its memtable: one probe tells both, where the tree takes a descent. Linear probing over
 * slots of hash and entry, at most half full. Where keys are chosen so that they collide, the table
 * gives itself up (`find` gives UNKNOWN) and the tree answers alone, so no probe sequence is long.
 * Twin: native/memtable/newest.h
 */
import {
  ENTRY_CHUNK,
  ENTRY_HIGH,
  ENTRY_KEY_END,
  ENTRY_KEY_START,
  ENTRY_LOW,
  ENTRY_WORDS,
} from './arena.js'
import type { Arena } from './arena.js'
import { keyHash } from './words.js'

/** No entry has the key. */
export const NEWEST_NONE = -1
/** The tree must be asked. */
export const NEWEST_UNKNOWN = -2

const FIRST_SLOTS = 2048
const PROBES_MAX = 256

export class Newest {
  /** Per slot the hash and the entry plus 1; 0 is a free slot. Empty when given up. */
  #slots = new Int32Array(2 * FIRST_SLOTS)
  #mask = FIRST_SLOTS - 1
  #count = 0

  constructor(readonly arena: Arena) {}

  get memoryBytes(): number {
    return this.#slots.byteLength
  }

  add(entry: number): void {
    if (this.#slots.length === 0) return
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
    const start = rows[row + ENTRY_KEY_START]!
    const end = rows[row + ENTRY_KEY_END]!
    const hash = keyHash(bytes, start, end)
    const at = this.#probe(hash, bytes, start, end)
    if (at < 0) {
      this.#slots = new Int32Array(0)
      return
    }
    const held = this.#slots[at + 1]!
    if (held !== 0) {
      if (this.#isNewer(entry, held - 1)) this.#slots[at + 1] = entry + 1
      return
    }
    this.#slots[at] = hash
    this.#slots[at + 1] = entry + 1
    if (++this.#count > this.#mask >>> 1) this.#grow()
  }

  /** The newest entry of the key, NEWEST_NONE or NEWEST_UNKNOWN. */
  find(key: Uint8Array): number {
    if (this.#slots.length === 0) return NEWEST_UNKNOWN
    const at = this.#probe(keyHash(key, 0, key.length), key, 0, key.length)
    // Behind a probe sequence of full length no entry was ever put.
    return at < 0 ? NEWEST_NONE : this.#slots[at + 1]! - 1
  }

  /** The slot of the key, or the free one where it belongs; negative when there is neither. */
  #probe(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots
    const mask = this.#mask
    let slot = hash & mask
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const at = slot * 2
      const held = slots[at + 1]!
      if (held === 0) return at
      if (slots[at] === hash && this.#hasKey(held - 1, bytes, start, end)) return at
      slot = (slot + 1) & mask
    }
    return -1
  }

  #hasKey(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { rows, chunks } = this.arena
    const row = entry * ENTRY_WORDS
    const from = rows[row + ENTRY_KEY_START]!
    const length = end - start
    if (rows[row + ENTRY_KEY_END]! - from !== length) return false
    const other = chunks[rows[row + ENTRY_CHUNK]!]!
    for (let i = 0; i < length; i++) if (other[from + i] !== bytes[start + i]) return false
    return true
  }

  #isNewer(entry: number, than: number): boolean {
    const { rows } = this.arena
    const row = entry * ENTRY_WORDS
    const other = than * ENTRY_WORDS
    const high = rows[row + ENTRY_HIGH]! - rows[other + ENTRY_HIGH]!
    return high !== 0 ? high > 0 : rows[row + ENTRY_LOW]! > rows[other + ENTRY_LOW]!
  }

  #grow(): void {
    const old = this.#slots
    const slots = new Int32Array(old.length * 2)
    const mask = slots.length / 2 - 1
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      let slot = old[i]! & mask
      for (let probes = 0; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask)
        if (++probes === PROBES_MAX) {
          this.#slots = new Int32Array(0)
          return
        }
      slots[slot * 2] = old[i]!
      slots[slot * 2 + 1] = old[i + 1]!
    }
    this.#slots = slots
    this.#mask = mask
  }
}
