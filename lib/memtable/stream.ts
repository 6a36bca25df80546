/**
 * MemtableStream: walks a memtable once, from front to back: a source of merges.
 *
 * It sorts the entries that stand there at `first`, and needs no tree: that costs less where nobody
 * looks a key up, and leaves the tree alone where somebody does.
 * Twin: native/memtable/stream.h
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
import type { Arena } from './arena.js'
import { sortedEntries } from './order.js'

const NO_BYTES = new Uint8Array(0)
const NO_ENTRIES = new Uint32Array(0)

export class MemtableStream implements EntryCursor {
  valid = false
  keyBytes: Uint8Array = NO_BYTES
  keyStart = 0
  keyEnd = 0
  high = 0
  low = 0
  valueBytes: Uint8Array = NO_BYTES
  valueStart = 0
  valueEnd = 0
  readonly #arena: Arena
  #entries: Uint32Array = NO_ENTRIES
  #index = 0

  constructor(arena: Arena) {
    this.#arena = arena
  }

  first(): boolean {
    this.#entries = sortedEntries(this.#arena)
    return this.#stand(0)
  }

  next(): boolean {
    return this.#stand(this.#index + 1)
  }

  last(): boolean {
    throw new TypeError('a stream goes forward only')
  }

  seek(): boolean {
    throw new TypeError('a stream goes forward only')
  }

  seekBefore(): boolean {
    throw new TypeError('a stream goes forward only')
  }

  previous(): boolean {
    throw new TypeError('a stream goes forward only')
  }

  load(): Promise<void> {
    return Promise.resolve()
  }

  loadSync(): void {}

  close(): void {
    this.valid = false
    this.keyBytes = NO_BYTES
    this.valueBytes = NO_BYTES
    this.#entries = NO_ENTRIES
  }

  #stand(index: number): boolean {
    this.#index = index
    this.valid = index < this.#entries.length
    if (!this.valid) return true
    const { rows, chunks } = this.#arena
    const row = this.#entries[index]! * ENTRY_WORDS
    const bytes = chunks[rows[row + ENTRY_CHUNK]!]!
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
