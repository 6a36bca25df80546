/**
 * Shard: the keys whose hashes begin with the same bits, as a table in the order of their hashes.
 *
 * A slot is two words, hash and entry; entry 0 is an empty slot. An entry lies at or behind the
 * home of its hash with no empty slot between (linear probing), and hashes never descend from one
 * slot to the next. So growing, splitting and closing gaps leave the order alone, and a hash tells
 * how far a walk has come, whatever happened to the slots since. The last slot is always empty.
 */

const SIGN = 0x80000000
const LEAST_BITS = 3
/** Slots behind the homes, for what is pushed beyond the last one; more when that is not enough. */
const SPARE_SLOTS = 8

export class Shard {
  slots: Int32Array
  /** Keys in the table. */
  count = 0
  /** Those of them that are not deleted. */
  live = 0
  /** There are 2^bits homes. */
  #bits: number
  #spare = SPARE_SLOTS

  /** `depth`: how many first bits its hashes have in common. */
  constructor(
    readonly depth: number,
    bits = LEAST_BITS,
  ) {
    this.#bits = bits
    this.slots = this.#empty()
  }

  get memoryBytes(): number {
    return this.slots.byteLength
  }

  /** Three quarters of the homes are taken. */
  get isFull(): boolean {
    return this.count >= 3 << (this.#bits - 2)
  }

  /** Where the search for a hash begins: the index of a slot's first word. */
  home(hash: number): number {
    return (((hash ^ SIGN) << this.depth) >>> (32 - this.#bits)) << 1
  }

  /** The first slot with a hash >= `hash`, or the empty one before which it would stand. */
  first(hash: number): number {
    const { slots } = this
    let at = this.home(hash)
    while (slots[at + 1] !== 0 && slots[at]! < hash) at += 2
    return at
  }

  /** Behind every slot with a hash <= `hash`. */
  behind(hash: number): number {
    const { slots } = this
    let at = this.home(hash)
    while (slots[at + 1] !== 0 && slots[at]! <= hash) at += 2
    return at
  }

  /** The slot that holds this entry; it must be there. */
  slotOf(hash: number, entry: number): number {
    const { slots } = this
    let at = this.home(hash)
    while (slots[at + 1] !== entry) at += 2
    return at
  }

  /** Whether one more fits; to be made true by `grow` before `insert`. */
  get hasRoom(): boolean {
    // The slot before the last: what is inserted may push the others up to there.
    return !this.isFull && this.slots[this.slots.length - 3] === 0
  }

  grow(): void {
    if (this.isFull) this.#bits++
    else this.#spare *= 2
    this.#take(this.slots, 0, this.slots.length)
  }

  /** Puts an entry before the slot at `at`, as `behind` gave it. */
  insert(at: number, hash: number, entry: number): void {
    const { slots } = this
    let end = at
    while (slots[end + 1] !== 0) end += 2
    for (; end > at; end -= 2) {
      slots[end] = slots[end - 2]!
      slots[end + 1] = slots[end - 1]!
    }
    slots[at] = hash
    slots[at + 1] = entry
    this.count++
  }

  /** Empties the slot; those behind it move up to where they belong. */
  remove(at: number): void {
    const { slots } = this
    let next = at + 2
    for (; slots[next + 1] !== 0 && this.home(slots[next]!) < next; next += 2) {
      slots[next - 2] = slots[next]!
      slots[next - 1] = slots[next + 1]!
    }
    slots[next - 2] = 0
    slots[next - 1] = 0
    this.count--
  }

  /** Two shards with the same keys, by the next bit of their hashes. */
  split(isDeleted: (entry: number) => boolean): [lower: Shard, upper: Shard] {
    const { slots, depth } = this
    const lower = new Shard(depth + 1, this.#bits - 1)
    const upper = new Shard(depth + 1, this.#bits - 1)
    const isUpper = (hash: number): boolean => (((hash ^ SIGN) << depth) & SIGN) !== 0
    let middle = 0
    while (middle < slots.length && (slots[middle + 1] === 0 || !isUpper(slots[middle]!)))
      middle += 2
    lower.#take(slots, 0, middle)
    upper.#take(slots, middle, slots.length)
    lower.live = lower.count
    // Deleted keys are few: usually there are none to look for.
    if (this.live < this.count)
      for (let at = 0; at < lower.slots.length; at += 2)
        if (lower.slots[at + 1] !== 0 && isDeleted(lower.slots[at + 1]!)) lower.live--
    upper.live = this.live - lower.live
    return [lower, upper]
  }

  /** Makes its own slots of some of another table's. */
  #take(from: Int32Array, start: number, end: number): void {
    let slots = this.#empty()
    let count = 0
    let to = 0
    for (let at = start; at < end; at += 2) {
      if (from[at + 1] === 0) continue
      to = Math.max(to, this.home(from[at]!))
      if (to === slots.length - 2) {
        this.#spare *= 2
        const longer = this.#empty()
        longer.set(slots)
        slots = longer
      }
      slots[to] = from[at]!
      slots[to + 1] = from[at + 1]!
      to += 2
      count++
    }
    this.slots = slots
    this.count = count
  }

  #empty(): Int32Array {
    return new Int32Array(2 * (2 ** this.#bits + this.#spare))
  }
}
