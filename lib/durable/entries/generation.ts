/**
 * Generation: all keys between two clears, and every entry of them that somebody may still read.
 *
 * An entry that is replaced or deleted is retired: it is freed once its successor is settled and
 * no pin sees it. A deletion is an entry too, as long as there is an older one; with the last of
 * them the key leaves the table. Memory goes with its generation, whole.
 * Stands on: Slab (memory), Directory (the table), Pins
 */
import { Memory, SameMemory, copyRun } from '../../format/memory.js'
import { Directory } from './directory.js'
import { hashKey, type HashSeed } from './hash.js'
import {
  ENTRY_BYTES,
  ENTRY_DELETED,
  ENTRY_KEY,
  ENTRY_KEY_MASK,
  ENTRY_NEWER,
  ENTRY_OLDER,
  ENTRY_TIME,
  ENTRY_VALUE_BYTES,
  ENTRY_VERSION,
  NO_ENTRY,
  byteOf,
  chunkOf,
  doubleOf,
  wordOf,
} from './layout.js'
import type { Pin, Pins } from './pins.js'
import { EntryQueue, SizeHistory } from './queue.js'
import type { Shard } from './shard.js'
import { Slab } from './slab.js'

/** Keys up to this are compared by a loop: cheaper than a call. */
const LOOP_BYTES = 160
const NO_BYTES = Buffer.alloc(0)

/** An entry as readers see it; its owner's, used again and again. */
export interface EntryHit {
  version: number
  /** In microseconds since 1970. */
  time: number
  /** Holds the key and the value; to be read before anything is written. */
  memory: Memory<Buffer>
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
}

/** A key that is sought, where it lies, and its hash; its owner's, used again and again. */
export interface Sought {
  memory: Memory
  start: number
  end: number
  hash: number
}

export function emptyHit(): EntryHit {
  return {
    ...{ version: 0, time: 0, memory: new Memory(NO_BYTES) },
    ...{ keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 },
  }
}

export class Generation {
  readonly size = new SizeHistory()
  readonly directory: Directory
  readonly #slab = new Slab()
  /** Entries that have a successor, in the order of their successors. */
  readonly #retired = new EntryQueue()
  /** Retired ones whose pin went. */
  readonly #unpinned: EntryQueue[] = []
  /** Where the key that was sought last stands or would stand. */
  #shard: Shard
  #slots: Int32Array
  #at = 0
  /** Its newest entry. */
  #entry = NO_ENTRY
  readonly #values = new SameMemory()
  readonly #isDeleted = (entry: number): boolean =>
    (this.#word(entry, ENTRY_KEY) & ENTRY_DELETED) !== 0

  constructor(
    /** Version of the clear that it begins with; 0 for the first. */
    readonly start: number,
    shards: number,
    private readonly seed: HashSeed,
    private readonly pins: Pins,
    private readonly sought: Sought,
  ) {
    this.directory = new Directory(shards)
    this.#shard = this.directory.of(0)
    this.#slots = this.#shard.slots
  }

  get memoryBytes(): number {
    return this.#slab.memoryBytes + this.directory.memoryBytes
  }

  /** Finds the key that is sought, whose bytes must stay until the next one is. */
  seek(): void {
    const { hash } = this.sought
    const shard = (this.#shard = this.directory.of(hash))
    const slots = (this.#slots = shard.slots)
    let at = shard.first(hash)
    let entry = slots[at + 1]!
    while (entry !== NO_ENTRY && slots[at] === hash && !this.#hasKey(entry)) {
      at += 2
      entry = slots[at + 1]!
    }
    this.#at = at
    this.#entry = entry !== NO_ENTRY && slots[at] === hash ? entry : NO_ENTRY
  }

  /** Whether the key that was sought had a value at a position; then fills `hit`. */
  read(at: number, hit: EntryHit): boolean {
    return this.#read(this.#entry, at, hit)
  }

  /** Memory for an entry; with it `put` and `delete` can not fail. */
  allocate(keyBytes: number, valueBytes: number): number {
    return this.#slab.allocate(ENTRY_BYTES + keyBytes + valueBytes)
  }

  /** Gives back what `allocate` gave and nothing was made of. */
  free(entry: number): void {
    this.#slab.free(entry)
  }

  /** Makes `entry` the newest of the key that was sought, with the value `bytes[start..end)`. */
  put(
    entry: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    version: number,
    time: number,
  ): void {
    const { memory, start: keyStart, end: keyEnd } = this.sought
    const to = this.#fillHead(entry, keyEnd - keyStart, end - start, version, time)
    const target = this.#slab.memories[chunkOf(entry)]!
    // Records have the value behind the key: one copy of both is cheaper than two.
    if (bytes === memory.bytes && start === keyEnd) copyRun(memory, keyStart, end, target, to)
    else {
      copyRun(memory, keyStart, keyEnd, target, to)
      copyRun(this.#values.of(bytes), start, end, target, to + keyEnd - keyStart)
    }
    const isNew = this.#entry === NO_ENTRY || this.#isDeleted(this.#entry)
    this.#link(entry)
    if (!isNew) return
    this.#shard.live++
    this.size.add(1, version)
  }

  /** Makes `entry` the deletion of the key that was sought, which has a value. */
  delete(entry: number, version: number, time: number): void {
    const { memory, start, end } = this.sought
    this.#fill(entry, memory, start, end, version, time)
    this.#setWord(entry, ENTRY_KEY, this.#word(entry, ENTRY_KEY) | ENTRY_DELETED)
    this.#shard.live--
    this.size.add(-1, version)
    this.#link(entry)
  }

  /** Deletes every key. */
  deleteAll(version: number, time: number): void {
    for (const shard of this.directory.shards()) {
      const { slots } = shard
      for (let at = 0; at < slots.length; at += 2) {
        const old = slots[at + 1]!
        if (old === NO_ENTRY || this.#isDeleted(old)) continue
        const length = this.#word(old, ENTRY_KEY)
        const entry = this.#slab.allocate(ENTRY_BYTES + length)
        const from = byteOf(old) + ENTRY_BYTES
        const memory = this.#slab.memories[chunkOf(old)]!
        this.#fill(entry, memory, from, from + length, version, time)
        this.#setWord(entry, ENTRY_KEY, length | ENTRY_DELETED)
        this.#replace(slots, at, entry)
      }
      shard.live = 0
    }
    this.size.add(-this.size.pending, version)
  }

  /**
   * Shows the entries that have a value at a position to `visit`, in the order of their hashes
   * from `from` on, those of one hash together. Ends behind `most` keys; gives the hash to go on
   * from, undefined behind the last.
   */
  scan(
    from: number,
    at: number,
    most: number,
    hit: EntryHit,
    visit: () => unknown,
  ): number | undefined {
    let seen = 0
    for (let next: number | undefined = from; next !== undefined;) {
      const shard = this.directory.of(next)
      const { slots } = shard
      let last = next
      for (let slot = shard.first(next); slot < slots.length; slot += 2) {
        const entry = slots[slot + 1]!
        if (entry === NO_ENTRY) continue
        if (seen >= most && slots[slot] !== last) return slots[slot]
        last = slots[slot]!
        seen++
        if (this.#read(entry, at, hit) && visit() === false) seen = most
      }
      next = this.directory.behind(next)
    }
    return undefined
  }

  /** What a pin held is looked at again. */
  unpinned({ held }: Pin): void {
    if (held.count > 0) this.#unpinned.push(held)
  }

  /** Whether `reclaim` would find anything to do. */
  hasWork(settled: number): boolean {
    return this.#unpinned.length > 0 || this.#isDue(settled)
  }

  /** Frees what nobody can read any more; looks at up to `most` entries. */
  reclaim(settled: number, most: number): void {
    let left = most
    for (let held = this.#unpinned[0]; held !== undefined && left > 0; left--) {
      this.#release(held.shift())
      if (held.count > 0) continue
      this.#unpinned.shift()
      held = this.#unpinned[0]
    }
    for (; left > 0 && this.#isDue(settled); left--) this.#release(this.#retired.shift())
  }

  #isDue(settled: number): boolean {
    if (this.#retired.count === 0) return false
    return this.#version(this.#word(this.#retired.first, ENTRY_NEWER)) <= settled
  }

  /** Frees a retired entry, unless a pin sees it. */
  #release(entry: number): void {
    const newer = this.#word(entry, ENTRY_NEWER)
    const older = this.#word(entry, ENTRY_OLDER)
    // A deletion with nothing older says what no entry says too.
    if (older !== NO_ENTRY || !this.#isDeleted(entry)) {
      const pin = this.pins.within(this.#version(entry), this.#version(newer))
      if (pin !== undefined) {
        pin.held.push(entry)
        return
      }
    }
    this.#setWord(newer, ENTRY_OLDER, older)
    if (older !== NO_ENTRY) this.#setWord(older, ENTRY_NEWER, newer)
    this.#slab.free(entry)
    const isLast = older === NO_ENTRY && this.#word(newer, ENTRY_NEWER) === NO_ENTRY
    if (isLast && this.#isDeleted(newer)) this.#drop(newer)
  }

  /** Takes a key whose only entry is its deletion from the table. */
  #drop(entry: number): void {
    const start = byteOf(entry) + ENTRY_BYTES
    const end = start + (this.#word(entry, ENTRY_KEY) & ENTRY_KEY_MASK)
    const { view } = this.#slab.memories[chunkOf(entry)]!
    const hash = hashKey(view, start, end, this.seed)
    const shard = this.directory.of(hash)
    shard.remove(shard.slotOf(hash, entry))
    this.#slab.free(entry)
  }

  #read(newest: number, at: number, hit: EntryHit): boolean {
    let entry = newest
    while (entry !== NO_ENTRY && this.#version(entry) > at) entry = this.#word(entry, ENTRY_OLDER)
    if (entry === NO_ENTRY) return false
    const chunk = chunkOf(entry)
    const words = this.#slab.words[chunk]!
    const word = wordOf(entry)
    const keyBytes = words[word + ENTRY_KEY]!
    if ((keyBytes & ENTRY_DELETED) !== 0) return false
    const doubles = this.#slab.doubles[chunk]!
    hit.version = doubles[doubleOf(entry) + ENTRY_VERSION]!
    hit.time = doubles[doubleOf(entry) + ENTRY_TIME]!
    hit.memory = this.#slab.memories[chunk]!
    hit.keyStart = byteOf(entry) + ENTRY_BYTES
    hit.keyEnd = hit.valueStart = hit.keyStart + keyBytes
    hit.valueEnd = hit.valueStart + words[word + ENTRY_VALUE_BYTES]!
    return true
  }

  #hasKey(entry: number): boolean {
    const { start: from, end } = this.sought
    const key = this.sought.memory.bytes
    const length = end - from
    if ((this.#word(entry, ENTRY_KEY) & ENTRY_KEY_MASK) !== length) return false
    const { bytes } = this.#slab.memories[chunkOf(entry)]!
    const start = byteOf(entry) + ENTRY_BYTES
    if (length > LOOP_BYTES) return bytes.compare(key, from, end, start, start + length) === 0
    for (let i = 0; i < length; i++) if (bytes[start + i] !== key[from + i]) return false
    return true
  }

  /** Writes an entry with a key and no value. */
  #fill(
    entry: number,
    key: Memory,
    start: number,
    end: number,
    version: number,
    time: number,
  ): void {
    const to = this.#fillHead(entry, end - start, 0, version, time)
    copyRun(key, start, end, this.#slab.memories[chunkOf(entry)]!, to)
  }

  /** Writes all but key and value; gives where they begin. */
  #fillHead(
    entry: number,
    keyBytes: number,
    valueBytes: number,
    version: number,
    time: number,
  ): number {
    const chunk = chunkOf(entry)
    const doubles = this.#slab.doubles[chunk]!
    doubles[doubleOf(entry) + ENTRY_VERSION] = version
    doubles[doubleOf(entry) + ENTRY_TIME] = time
    const words = this.#slab.words[chunk]!
    const word = wordOf(entry)
    words[word + ENTRY_OLDER] = NO_ENTRY
    words[word + ENTRY_NEWER] = NO_ENTRY
    words[word + ENTRY_KEY] = keyBytes
    words[word + ENTRY_VALUE_BYTES] = valueBytes
    return byteOf(entry) + ENTRY_BYTES
  }

  #link(entry: number): void {
    if (this.#entry !== NO_ENTRY) this.#replace(this.#slots, this.#at, entry)
    else {
      const { hash } = this.sought
      const shard = this.directory.roomy(hash, this.#isDeleted)
      if (shard !== this.#shard || shard.slots !== this.#slots) this.seek()
      shard.insert(this.#at, hash, entry)
    }
    this.#entry = entry
  }

  /** Puts an entry before the one in a slot, which is retired. */
  #replace(slots: Int32Array, at: number, entry: number): void {
    const old = slots[at + 1]!
    this.#setWord(entry, ENTRY_OLDER, old)
    this.#setWord(old, ENTRY_NEWER, entry)
    slots[at + 1] = entry
    this.#retired.push(old)
  }

  #version(entry: number): number {
    return this.#slab.doubles[chunkOf(entry)]![doubleOf(entry) + ENTRY_VERSION]!
  }

  #word(entry: number, field: number): number {
    return this.#slab.words[chunkOf(entry)]![wordOf(entry) + field]!
  }

  #setWord(entry: number, field: number, value: number): void {
    this.#slab.words[chunkOf(entry)]![wordOf(entry) + field] = value
  }
}
