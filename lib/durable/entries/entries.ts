/**
 * Entries: the map's memory, by key and by position.
 *
 * Every change has a version, which is the sequence of its record. Readers name a position: the
 * settled one, a pinned one, or Infinity for all that was called. So conditions see what is
 * pending, reads see what is settled, a snapshot sees exactly its position, and a write that fails
 * needs no undoing. Clearing a large map begins a new generation of keys; the old one is dropped
 * whole when nobody can read it.
 * Stands on: Generation, Pins
 */
import { Memory, SameMemory } from '../../format/memory.js'
import { TextBytes } from '../../format/text.js'
import { Generation, emptyHit, type Sought } from './generation.js'
import { hashKey, hashSeed, type HashSeed } from './hash.js'
import { Pins } from './pins.js'

export type Key = string | Uint8Array

export interface EntriesSetup {
  /** How many there are at first; rounded up to a power of two. */
  readonly shards: number
  /** HASH_SEED_BYTES random bytes, new for every opening and never on disk. */
  readonly seed: Uint8Array
}

export interface ShardStats {
  readonly index: number
  /** Keys, with everything that was called. */
  readonly count: number
}

const NOTHING = new Memory(new Uint8Array(0))
/** Where scans begin. */
export const SCAN_START = -0x80000000
/** With fewer keys a clear deletes each of them: a generation costs more. */
const CLEAR_EACH_KEYS = 1024
/** Entries that settling looks at, at least and at most. */
const RECLAIM_LEAST = 64
const RECLAIM_MOST = 8192

export class Entries {
  /** What the last `read` that gave true found, or what `visit` is shown. */
  readonly hit = emptyHit()
  /** Called when `reclaim` has something to do that settling left. */
  onWork: () => void = () => {}
  /** Oldest first; the last one takes the changes. */
  #generations: Generation[]
  #newest: Generation
  #settled = 0
  readonly #pins = new Pins()
  readonly #shards: number
  readonly #seed: HashSeed
  readonly #text = new TextBytes()
  readonly #keys = new SameMemory()
  readonly #sought: Sought = { memory: NOTHING, start: 0, end: 0, hash: 0 }

  constructor({ shards, seed }: EntriesSetup) {
    this.#shards = shards
    this.#seed = hashSeed(seed)
    this.#newest = this.#generation(0)
    this.#generations = [this.#newest]
  }

  /** The position that reads see. */
  get settled(): number {
    return this.#settled
  }

  /** Keys at the settled position. */
  get size(): number {
    return this.#at(this.#settled).size.settled
  }

  /** Keys with everything that was called. */
  get pendingSize(): number {
    return this.#newest.size.pending
  }

  get shardCount(): number {
    return this.#newest.directory.count
  }

  /** Memory held, in bytes. */
  get memoryBytes(): number {
    return this.#generations.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
  }

  shardStats(): ShardStats[] {
    return this.#newest.directory.shards().map(({ live }, index) => ({ index, count: live }))
  }

  /** The key that was sought, as bytes that stay until the next one is. */
  get sought(): Readonly<Sought> {
    return this.#sought
  }

  /** Finds a key: `read`, `put` and `delete` are about it until anything else is called. */
  seek(key: Key): void {
    if (typeof key !== 'string') this.seekBytes(key, 0, key.length)
    else {
      const length = this.#text.put(key)
      this.seekBytes(this.#text.memory, 0, length)
    }
  }

  /** As `seek`, for the key `bytes[start..end)`. */
  seekBytes(bytes: Uint8Array, start: number, end: number): void {
    const sought = this.#sought
    const memory = (sought.memory = this.#keys.of(bytes))
    sought.start = start
    sought.end = end
    sought.hash = hashKey(memory.view, start, end, this.#seed)
    this.#newest.seek()
  }

  /** Whether the key has a value at a position; then `hit` tells it. */
  read(at: number): boolean {
    const generation = this.#at(at)
    if (generation !== this.#newest) generation.seek()
    return generation.read(at, this.hit)
  }

  /** As `seek` and `read`. */
  find(key: Key, at: number): boolean {
    this.seek(key)
    return this.read(at)
  }

  /** Memory for a `put` or `delete` with a key and value of these lengths; they can not fail. */
  allocate(keyBytes: number, valueBytes: number): number {
    return this.#newest.allocate(keyBytes, valueBytes)
  }

  /** Gives back what `allocate` gave and nothing was made of. */
  free(entry: number): void {
    this.#newest.free(entry)
  }

  /**
   * Sets the key that was sought to `bytes[start..end)`, in the memory that was allocated for it.
   * Versions must not descend above the settled position.
   */
  put(
    entry: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    version: number,
    time: number,
  ): void {
    this.#newest.put(entry, bytes, start, end, version, time)
  }

  /** Deletes the key that was sought, which must have a value at Infinity. */
  delete(entry: number, version: number, time: number): void {
    this.#newest.delete(entry, version, time)
  }

  clear(version: number, time: number): void {
    if (this.pendingSize <= CLEAR_EACH_KEYS) this.#newest.deleteAll(version, time)
    else {
      this.#newest = this.#generation(version)
      this.#generations.push(this.#newest)
      this.#drop()
    }
  }

  /** Reads see this position from now on, which is not below the one before. */
  settle(position: number): void {
    const advance = position - this.#settled
    this.#settled = position
    for (const { size } of this.#generations) size.settle(position)
    this.#drop()
    if (this.reclaim(Math.min(RECLAIM_LEAST + 2 * advance, RECLAIM_MOST))) this.onWork()
  }

  /** Keeps what can be read at a position, the settled one or a later one, until `unpin`. */
  pin(position: number): void {
    this.#pins.add(position)
  }

  unpin(position: number): void {
    const pin = this.#pins.remove(position)
    if (pin === undefined) return
    this.#at(position).unpinned(pin)
    this.#drop()
    if (this.#hasWork) this.onWork()
  }

  /** Frees what nobody can read any more, looking at `most` entries; whether more is left. */
  reclaim(most: number): boolean {
    for (const generation of this.#generations) generation.reclaim(this.#settled, most)
    return this.#hasWork
  }

  /**
   * Shows the entries of a position to `visit`, in `hit`, from SCAN_START or where the scan before
   * ended; gives where to go on, undefined at the end. Looks at about `most` keys, or ends soon
   * after `visit` gave false. Each entry that stays at the position is shown once, whatever happens
   * between two scans; `visit` must not change the entries.
   */
  scan(from: number, at: number, most: number, visit: () => unknown): number | undefined {
    return this.#at(at).scan(from, at, most, this.hit, visit)
  }

  get #hasWork(): boolean {
    return this.#generations.some((generation) => generation.hasWork(this.#settled))
  }

  /** The generation that a position reads. */
  #at(position: number): Generation {
    let i = this.#generations.length - 1
    while (this.#generations[i]!.start > position) i--
    return this.#generations[i]!
  }

  #generation(start: number): Generation {
    return new Generation(start, this.#shards, this.#seed, this.#pins, this.#sought)
  }

  /** Lets go of the generations that nobody can read. */
  #drop(): void {
    if (this.#generations.length === 1) return
    this.#generations = this.#generations.filter(({ start }, i, all) => {
      const end = all[i + 1]?.start ?? Infinity
      return end > this.#settled || this.#pins.within(start, end) !== undefined
    })
  }
}
