/**
 * The block cache: a bound on the bytes of blocks kept in memory, and who goes first.
 *
 * Each open table holds its cached blocks in an array of its own, so that a hit is one array read
 * and one flag. The cache keeps a CLOCK ring over all of them: the hand clears flags until it
 * finds an unset one and takes that block out of its table's array.
 * Twin: native/table/cache.h
 */
import type { Block } from './block.js'

/** What a block costs beside its bytes: the objects around it, about. */
const OVERHEAD_BYTES = 256

export class BlockCache {
  readonly capacityBytes: number
  readonly #ring: Block[] = []
  #hand = 0
  #usedBytes = 0

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Keeps the block as `slots[ordinal]`, which must be free, unless it can never fit. */
  insert(block: Block, slots: (Block | undefined)[], ordinal: number): void {
    const cost = costOf(block)
    if (cost > this.capacityBytes) return
    while (this.#usedBytes + cost > this.capacityBytes) this.#evict()
    block.slots = slots
    block.ordinal = ordinal
    block.ringIndex = this.#ring.length
    block.referenced = false
    slots[ordinal] = block
    this.#ring.push(block)
    this.#usedBytes += cost
  }

  /** Lets go of every block of a table. */
  removeAll(slots: (Block | undefined)[]): void {
    for (const block of slots) if (block !== undefined) this.#remove(block)
  }

  #evict(): void {
    const ring = this.#ring
    for (;;) {
      if (this.#hand >= ring.length) this.#hand = 0
      const block = ring[this.#hand]!
      if (!block.referenced) return this.#remove(block)
      block.referenced = false
      this.#hand++
    }
  }

  #remove(block: Block): void {
    const last = this.#ring.pop()!
    if (last !== block) {
      this.#ring[block.ringIndex] = last
      last.ringIndex = block.ringIndex
    }
    block.slots![block.ordinal] = undefined
    block.slots = undefined
    this.#usedBytes -= costOf(block)
  }
}

function costOf(block: Block): number {
  return block.bytes.length + OVERHEAD_BYTES
}
