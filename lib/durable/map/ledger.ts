/**
 * Ledger: what the journal of a map holds, and how much of it is dead.
 *
 * A record is live as long as its key has what it wrote. One bit per sequence says so, in pages
 * that come with their first live record and go with their last, so that counts are exact for any
 * range and the same on both planes. Deletions are dead, but for those that a compaction had to
 * keep: these are held, and counted by segment.
 * Decides: nothing. Stands on: the calls of the map for every change, in order.
 */
import type { SegmentInfo } from '../options.js'

const PAGE_BITS = 16
const PAGE_RECORDS = 1 << PAGE_BITS
const PAGE_WORDS = PAGE_RECORDS / 32

interface Page {
  readonly words: Int32Array
  live: number
}

/** A record that deletes every key. */
export interface Clear {
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly time: number
}

export class Ledger {
  /** In the journal, with everything that was called. */
  records = 0
  live = 0
  /** Dead records that must stay. */
  held = 0
  /** Bytes of payloads, from whenever: only differences say anything. */
  bytes = 0
  readonly #pages = new Map<number, Page>()
  readonly #held = new Map<number, number>()
  /** Ascending; the settled ones but the last may be missing. */
  #clears: Clear[] = []

  /** Up to `reach` no sequence is in the journal. */
  constructor(private reach: number) {}

  get dead(): number {
    return this.records - this.live - this.held
  }

  /** A record gave a key a value; `replaced` is the version that it had, 0 for none. */
  put(sequence: number, payloadBytes: number, replaced: number): void {
    this.#count(payloadBytes)
    if (replaced !== 0) this.#unset(replaced)
    this.#set(sequence)
  }

  delete(payloadBytes: number, replaced: number): void {
    this.#count(payloadBytes)
    if (replaced !== 0) this.#unset(replaced)
  }

  clear(sequence: number, payloadBytes: number, time: number): void {
    this.#count(payloadBytes)
    this.#pages.clear()
    this.live = 0
    this.#clears.push({ sequence, time })
  }

  /** An opening has ended: what it gave to the map came from snapshots too. */
  begin(segments: readonly SegmentInfo[]): void {
    this.records = segments.reduce((sum, { records }) => sum + records, 0)
  }

  /** The newest clear up to a settled position; those before it are forgotten. */
  lastClear(position: number): Clear | undefined {
    const at = this.#clears.findLastIndex(({ sequence }) => sequence <= position)
    if (at > 0) this.#clears = this.#clears.slice(at)
    return this.#clears[Math.min(at, 0)]
  }

  /** Live records in a range of sequences, both inclusive. */
  liveWithin(first: number, last: number): number {
    let sum = 0
    for (const [number, { words, live }] of this.#pages) {
      const start = number * PAGE_RECORDS
      const from = Math.max(first - start, 0)
      const to = Math.min(last - start, PAGE_RECORDS - 1)
      if (from > to) continue
      sum += to - from === PAGE_RECORDS - 1 ? live : countBits(words, from, to)
    }
    return sum
  }

  /** Dead records of a segment that do not have to stay. */
  deadIn({ number, records, firstSequence, lastSequence }: SegmentInfo): number {
    const live = this.liveWithin(firstSequence, lastSequence)
    return Math.max(records - live - (this.#held.get(number) ?? 0), 0)
  }

  /** A segment stands for several now; `held` of its records are dead and stay. */
  rewritten(segments: readonly SegmentInfo[], records: number, held: number): void {
    for (const segment of segments) {
      this.records -= segment.records
      this.#hold(segment.number, 0)
    }
    this.records += records
    this.#hold(segments.at(-1)!.number, held)
  }

  /** What is dead in some segments stays, as rewriting them does not pay. */
  hold(segments: readonly SegmentInfo[]): void {
    for (const segment of segments) {
      const held = this.#held.get(segment.number) ?? 0
      this.#hold(segment.number, held + this.deadIn(segment))
    }
  }

  /** The journal lost its oldest segments: it begins behind `reach`. */
  trimmed(segments: readonly SegmentInfo[], reach: number): void {
    for (const segment of segments) {
      this.records -= segment.records
      this.#hold(segment.number, 0)
    }
    this.reach = reach
    for (const [number, page] of this.#pages) {
      const most = reach - number * PAGE_RECORDS
      if (most < 0) continue
      const last = Math.min(most, PAGE_RECORDS - 1)
      this.#drop(number, page, countBits(page.words, 0, last))
      clearBits(page.words, last)
    }
  }

  /** What had to stay may go now: snapshots went. */
  release(): void {
    this.#held.clear()
    this.held = 0
  }

  #count(payloadBytes: number): void {
    this.records++
    this.bytes += payloadBytes
  }

  #hold(number: number, held: number): void {
    this.held += held - (this.#held.get(number) ?? 0)
    if (held === 0) this.#held.delete(number)
    else this.#held.set(number, held)
  }

  #set(sequence: number): void {
    if (sequence <= this.reach) return
    const number = Math.floor(sequence / PAGE_RECORDS)
    let page = this.#pages.get(number)
    if (page === undefined)
      this.#pages.set(number, (page = { words: new Int32Array(PAGE_WORDS), live: 0 }))
    const bit = sequence % PAGE_RECORDS
    page.words[bit >>> 5]! |= 1 << (bit & 31)
    page.live++
    this.live++
  }

  #unset(sequence: number): void {
    const number = Math.floor(sequence / PAGE_RECORDS)
    const page = this.#pages.get(number)
    if (page === undefined) return
    const bit = sequence % PAGE_RECORDS
    const mask = 1 << (bit & 31)
    if ((page.words[bit >>> 5]! & mask) === 0) return
    page.words[bit >>> 5]! &= ~mask
    this.#drop(number, page, 1)
  }

  #drop(number: number, page: Page, count: number): void {
    page.live -= count
    this.live -= count
    if (page.live === 0) this.#pages.delete(number)
  }
}

/** Bits that are set from one to another, both inclusive. */
function countBits(words: Int32Array, from: number, to: number): number {
  let count = 0
  for (let word = from >>> 5; word <= to >>> 5; word++) {
    let bits = words[word]!
    if (word === from >>> 5) bits &= -1 << (from & 31)
    if (word === to >>> 5) bits &= -1 >>> (31 - (to & 31))
    bits -= (bits >>> 1) & 0x55555555
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
    count += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

/** Clears the bits up to one, inclusive. */
function clearBits(words: Int32Array, last: number): void {
  words.fill(0, 0, last >>> 5)
  words[last >>> 5]! &= (last & 31) === 31 ? 0 : -1 << ((last & 31) + 1)
}
