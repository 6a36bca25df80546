/**
 * scan: a walk over a whole view that shows, per user key, the newest version at a sequence.
 *
 * Forward: the first version at or below the sequence decides its key; what follows of that key is
 * passed over. Reverse: versions of a key come oldest first, so each is written to the page in
 * place of the one before it and counts when the next key comes. Entries go straight from blocks
 * and memtables into the page's columns.
 *
 * Within one `next` nothing else runs; between two, memtables may grow and tables may be read.
 * A call that passes over SKIP_BUDGET entries without showing one answers COLD, so that a stretch
 * of deletions never holds the event loop; `load` then lets others run first.
 * Twin: native/view/scan.cc
 */
import { KEY_TYPE_SEEK, KEY_TYPE_VALUE, compareBytes } from '../format/key.js'
import { trailerHigh, trailerLow } from '../format/key.js'
import { COLD, GROW } from '../plane.js'
import type { Cursor, Page, ScanBounds } from '../plane.js'
import { copyBytes } from '../table/block.js'
import type { EntryCursor } from './entries.js'
import { Lane, placeLane, replaceFirst } from './lane.js'
import type { OwnSource, TypescriptView } from './view.js'

const SKIP_BUDGET = 16384
const WORD_MAX = 0xffffffff
const NO_BYTES = new Uint8Array(0)

export function scan(view: TypescriptView, bounds: ScanBounds, at: number): Cursor {
  const open = (source: OwnSource): EntryCursor =>
    source.kind === 'memtable' ? source.cursor() : source.cursor(bounds.fillCache ?? true)
  const reverse = bounds.reverse ?? false
  const lanes = view.ownRuns.map((run, age) => new Lane(run, age, reverse, open))
  return new ScanCursor(lanes, bounds, at)
}

/** A bound: `open` when the key itself is outside. */
interface Bound {
  readonly key: Uint8Array
  readonly open: boolean
}

function bound(key: Uint8Array | undefined, inclusive: boolean | undefined): Bound | undefined {
  return key === undefined ? undefined : { key: copyOf(key), open: !(inclusive ?? true) }
}

/** A copy also of a Buffer, whose own `slice` shares its bytes. */
function copyOf(key: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(key)
}

class ScanCursor implements Cursor {
  needed = 0
  readonly #lanes: readonly Lane[]
  /** Lanes that stand at an entry, in order; those with a pending move wait in `#cold`. */
  #order: Lane[] = []
  #cold: Lane[] = []
  readonly #reverse: boolean
  readonly #keys: boolean
  readonly #values: boolean
  /** The bound that the walk begins at and the one that ends it. */
  readonly #start: Bound | undefined
  readonly #stop: Bound | undefined
  readonly #atHigh: number
  readonly #atLow: number
  #ended = false
  #tired = false
  /** Forward: the key that was decided last, if any; reverse: the key of `#held`. */
  #key: Uint8Array = new Uint8Array(64)
  #keyLength = -1
  /** Reverse, between calls: the version that stands for its key so far. */
  #held: { value: Uint8Array; type: number } | undefined

  constructor(lanes: readonly Lane[], bounds: ScanBounds, at: number) {
    this.#lanes = lanes
    this.#reverse = bounds.reverse ?? false
    this.#keys = bounds.keys ?? true
    this.#values = bounds.values ?? true
    const lower = bound(bounds.lower, bounds.lowerInclusive)
    const upper = bound(bounds.upper, bounds.upperInclusive)
    this.#start = this.#reverse ? upper : lower
    this.#stop = this.#reverse ? lower : upper
    this.#atHigh = trailerHigh(at)
    this.#atLow = trailerLow(at, KEY_TYPE_SEEK)
    this.#begin(this.#start)
  }

  seek(target: Uint8Array): void {
    const start = this.#start
    if (start !== undefined) {
      const order = compareBytes(target, 0, target.length, start.key, 0, start.key.length)
      if (this.#reverse ? order >= 0 : order <= 0) return this.#begin(start)
    }
    this.#begin({ key: copyOf(target), open: false })
  }

  next(page: Page, limit: number): number {
    const room = Math.floor(Math.min(limit, page.ends.length >>> 1))
    if (!(room >= 1)) throw new RangeError('a page needs room for one entry')
    if (this.#cold.length > 0 && !this.#resume()) return COLD
    this.#tired = false
    return this.#reverse ? this.#nextReverse(page, room) : this.#nextForward(page, room)
  }

  async load(): Promise<void> {
    if (this.#tired) await new Promise((resolve) => setImmediate(resolve))
    await Promise.all(this.#cold.map((lane) => lane.load()))
  }

  close(): void {
    this.#ended = true
    this.#order = []
    this.#cold = []
    this.#held = undefined
    for (const lane of this.#lanes) lane.close()
  }

  /** Sends every lane to where the walk begins; those that need a block first go to `#cold`. */
  #begin(from: Bound | undefined): void {
    this.#ended = false
    this.#held = undefined
    this.#keyLength = -1
    this.#order = []
    this.#cold = []
    for (const lane of this.#lanes)
      this.#settle(lane, from === undefined ? lane.toEdge() : this.#send(lane, from))
    // A key that is outside counts as decided: all its versions are passed over.
    if (!this.#reverse && from?.open === true) this.#keepKey(from.key, 0, from.key.length)
  }

  #send(lane: Lane, from: Bound): boolean {
    if (!this.#reverse) return lane.seek(from.key, this.#atHigh, this.#atLow)
    if (from.open) return lane.seek(from.key, WORD_MAX, WORD_MAX)
    // Behind every version of the key: before the next possible key.
    const behind = new Uint8Array(from.key.length + 1)
    behind.set(from.key)
    return lane.seek(behind, WORD_MAX, WORD_MAX)
  }

  #resume(): boolean {
    const cold = this.#cold
    this.#cold = []
    for (const lane of cold) this.#settle(lane, lane.resume())
    return this.#cold.length === 0
  }

  #settle(lane: Lane, ready: boolean): void {
    if (!ready) this.#cold.push(lane)
    else if (lane.valid) placeLane(this.#order, lane, 0)
  }

  /** Moves the first lane on and puts it in order; false when it waits for a block. */
  #step(): boolean {
    const lane = this.#order[0]!
    if (!lane.step()) {
      this.#order.shift()
      this.#cold.push(lane)
      return false
    }
    if (!lane.valid) this.#order.shift()
    else if (this.#order.length > 1) replaceFirst(this.#order)
    return true
  }

  #visible(entry: EntryCursor): boolean {
    return entry.high < this.#atHigh || (entry.high === this.#atHigh && entry.low <= this.#atLow)
  }

  /** Whether a key lies behind the bound that ends the walk. */
  #behindStop(bytes: Uint8Array, start: number, end: number): boolean {
    const stop = this.#stop
    if (stop === undefined) return false
    const order = compareBytes(bytes, start, end, stop.key, 0, stop.key.length)
    if (order === 0) return stop.open
    return this.#reverse ? order < 0 : order > 0
  }

  #sameKey(entry: EntryCursor): boolean {
    const { keyBytes, keyStart, keyEnd } = entry
    const length = this.#keyLength
    if (keyEnd - keyStart !== length) return false
    const key = this.#key
    // The ends of neighbouring keys differ first.
    for (let i = length - 1; i >= 0; i--) if (key[i] !== keyBytes[keyStart + i]) return false
    return true
  }

  #keepKey(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2)
    copyBytes(this.#key, 0, bytes, start, end)
    this.#keyLength = length
  }

  /** Bytes that an entry takes in a page. */
  #sizeOf(entry: EntryCursor): number {
    return (
      (this.#keys ? entry.keyEnd - entry.keyStart : 0) +
      (this.#values ? entry.valueEnd - entry.valueStart : 0)
    )
  }

  /** Writes an entry as number `index` of the page, at `end`; gives the end behind it. */
  #write(page: Page, index: number, end: number, entry: EntryCursor): number {
    const { bytes, ends } = page
    if (this.#keys) {
      copyBytes(bytes, end, entry.keyBytes, entry.keyStart, entry.keyEnd)
      end += entry.keyEnd - entry.keyStart
    }
    ends[2 * index] = end
    if (this.#values) {
      copyBytes(bytes, end, entry.valueBytes, entry.valueStart, entry.valueEnd)
      end += entry.valueEnd - entry.valueStart
    }
    ends[2 * index + 1] = end
    return end
  }

  #nextForward(page: Page, room: number): number {
    let count = 0
    let end = 0
    let skipped = 0
    while (!this.#ended && this.#order.length > 0) {
      const entry = this.#order[0]!.cursor!
      if (this.#visible(entry) && !this.#sameKey(entry)) {
        if (this.#behindStop(entry.keyBytes, entry.keyStart, entry.keyEnd)) {
          this.#ended = true
          break
        }
        if ((entry.low & 0xff) === KEY_TYPE_VALUE) {
          if (count === room) return count
          const size = this.#sizeOf(entry)
          if (size > page.bytes.length - end) {
            this.needed = size
            return count > 0 ? count : GROW
          }
          end = this.#write(page, count++, end, entry)
          skipped = 0
        }
        this.#keepKey(entry.keyBytes, entry.keyStart, entry.keyEnd)
      }
      if (!this.#step()) return count > 0 ? count : COLD
      if (++skipped > SKIP_BUDGET) return this.#tire(count)
    }
    return count
  }

  #tire(count: number): number {
    if (count > 0) return count
    this.#tired = true
    return COLD
  }

  /**
   * The page's entry number `count`, from `end` to `heldEnd`, is the version that stands for
   * `#key` so far; `type` is its type, -1 when there is none.
   */
  #nextReverse(page: Page, room: number): number {
    let count = 0
    let end = 0
    let heldEnd = 0
    let type = -1
    let skipped = 0
    if (this.#held !== undefined) {
      heldEnd = this.#unhold(page)
      if (heldEnd < 0) return GROW
      type = this.#held.type
      this.#held = undefined
    }
    for (;;) {
      const entry = this.#ended ? undefined : this.#order[0]?.cursor
      const same = entry !== undefined && this.#sameKey(entry)
      if (!same && type >= 0) {
        if (type === KEY_TYPE_VALUE) {
          count++
          end = heldEnd
          skipped = 0
        }
        type = -1
        this.#keyLength = -1
      }
      if (entry === undefined) return count
      if (this.#visible(entry)) {
        if (!same) {
          if (count === room) return count
          if (this.#behindStop(entry.keyBytes, entry.keyStart, entry.keyEnd)) {
            this.#ended = true
            continue
          }
        }
        // A newer version takes the place of the one that was held, if there was one.
        if ((entry.low & 0xff) === KEY_TYPE_VALUE) {
          const size = this.#sizeOf(entry)
          if (size > page.bytes.length - end) {
            this.needed = size
            this.#keyLength = -1
            return count > 0 ? count : GROW
          }
          heldEnd = this.#write(page, count, end, entry)
        }
        if (!same) this.#keepKey(entry.keyBytes, entry.keyStart, entry.keyEnd)
        type = entry.low & 0xff
      }
      const ready = this.#step()
      if (ready && ++skipped <= SKIP_BUDGET) continue
      if (type >= 0) this.#hold(page, count, type)
      return ready ? this.#tire(count) : count > 0 ? count : COLD
    }
  }

  /** Keeps the page's entry `index`, which stands for its key so far, for the next call. */
  #hold(page: Page, index: number, type: number): void {
    const value =
      type === KEY_TYPE_VALUE && this.#values
        ? Uint8Array.prototype.slice.call(
            page.bytes,
            page.ends[2 * index],
            page.ends[2 * index + 1],
          )
        : NO_BYTES
    this.#held = { value, type }
  }

  /** Writes what is held as entry 0 of the page; gives its end, -1 when it does not fit. */
  #unhold(page: Page): number {
    const { value, type } = this.#held!
    if (type !== KEY_TYPE_VALUE) return 0
    const keyLength = this.#keys ? this.#keyLength : 0
    this.needed = keyLength + value.length
    if (this.needed > page.bytes.length) return -1
    copyBytes(page.bytes, 0, this.#key, 0, keyLength)
    copyBytes(page.bytes, keyLength, value, 0, value.length)
    page.ends[0] = keyLength
    page.ends[1] = this.needed
    return this.needed
  }
}
