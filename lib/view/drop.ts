/**
 * Drop: which entries a merge leaves out.
 *
 * The snapshots cut the sequences into stripes: (0, s0], (s0, s1], ... No reader can tell two
 * versions of a key in one stripe apart but by the newest, so the older ones go. What lies above
 * the last snapshot is in no stripe and stays. Entries are asked in order, `keeps` any number of
 * times and then `settle` once.
 * Twin: native/view/drop.cc
 */
import { StoreError } from '../errors.js'
import {
  KEY_SEQUENCE_MAX,
  KEY_TYPE_DELETION,
  compareBytes,
  compareUserKeys,
  trailerSequence,
} from '../format/key.js'
import type { KeyRange } from '../plane.js'
import { copyBytes } from '../table/block.js'
import type { EntryCursor } from './entries.js'

export class Drop {
  /** Whether the entry asked about last is the first of its user key. */
  newKey = true
  #key: Uint8Array = new Uint8Array(64)
  /** -1 before the first entry. */
  #keyLength = -1
  #sequence = -1
  #stripe = -1
  #askedSequence = 0
  #askedStripe = 0
  readonly #snapshots: readonly number[]
  readonly #deeper: readonly (readonly KeyRange[])[]
  /** Per deeper level, the first range that does not lie wholly before the keys to come. */
  readonly #places: number[]

  constructor(snapshots: readonly number[], deeper: readonly (readonly KeyRange[])[]) {
    this.#snapshots = snapshots
    this.#deeper = deeper
    this.#places = deeper.map(() => 0)
  }

  /** Throws CAIRN_CORRUPTION for an entry that does not follow the one settled before it, or whose
   * sequence nobody gives. */
  keeps(entry: EntryCursor): boolean {
    const { keyBytes, keyStart, keyEnd } = entry
    const order =
      this.#keyLength < 0
        ? 1
        : compareBytes(keyBytes, keyStart, keyEnd, this.#key, 0, this.#keyLength)
    if (order < 0) throw new StoreError('CAIRN_CORRUPTION', 'entries to merge are out of order')
    const sequence = trailerSequence(entry.high, entry.low)
    // What is larger is no exact number: it could not be told apart, nor named in the properties.
    if (sequence > KEY_SEQUENCE_MAX)
      throw new StoreError('CAIRN_CORRUPTION', 'an entry to merge has a sequence over 2^53')
    const stripe = this.#stripeOf(sequence)
    this.newKey = order > 0
    this.#askedSequence = sequence
    this.#askedStripe = stripe
    if (!this.newKey) {
      if (sequence === this.#sequence) return false
      if (stripe === this.#stripe && stripe < this.#snapshots.length) return false
    }
    if (stripe > 0 || (entry.low & 0xff) !== KEY_TYPE_DELETION) return true
    return this.#snapshots.length === 0 || this.#hides(entry)
  }

  settle(entry: EntryCursor): void {
    this.#sequence = this.#askedSequence
    this.#stripe = this.#askedStripe
    if (!this.newKey) return
    const length = entry.keyEnd - entry.keyStart
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2)
    copyBytes(this.#key, 0, entry.keyBytes, entry.keyStart, entry.keyEnd)
    this.#keyLength = length
  }

  /** Number of the snapshot that ends the stripe; their count above the last. */
  #stripeOf(sequence: number): number {
    const snapshots = this.#snapshots
    if (snapshots.length === 0 || sequence <= snapshots[0]!) return 0
    let low = 1
    let high = snapshots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (snapshots[middle]! < sequence) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether a deeper range may hold the key. */
  #hides(entry: EntryCursor): boolean {
    const { keyBytes, keyStart, keyEnd } = entry
    for (let level = 0; level < this.#deeper.length; level++) {
      const ranges = this.#deeper[level]!
      let place = this.#places[level]!
      while (place < ranges.length && isBefore(ranges[place]!, keyBytes, keyStart, keyEnd)) place++
      this.#places[level] = place
      if (place === ranges.length) continue
      const { smallest } = ranges[place]!
      if (compareBytes(smallest, 0, smallest.length, keyBytes, keyStart, keyEnd) <= 0) return true
    }
    return false
  }
}

/** Whether a range lies wholly before a key. */
export function isBefore(range: KeyRange, bytes: Uint8Array, start: number, end: number): boolean {
  return compareBytes(range.largest, 0, range.largest.length, bytes, start, end) < 0
}

/** Throws RangeError unless the ranges are sorted and disjoint enough to be walked once. */
export function checkRanges(ranges: readonly KeyRange[], what: string): void {
  for (let i = 1; i < ranges.length; i++)
    if (compareUserKeys(ranges[i - 1]!.largest, ranges[i]!.largest) > 0)
      throw new RangeError(`${what} of a merge are not sorted`)
}
