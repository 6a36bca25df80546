/**
 * Queues of words and of sizes that take no object per element.
 */

const LEAST = 64
/** An empty queue that grew beyond this gives its memory back. */
const KEEP = 4096

/** First in, first out; in a ring that grows. */
export class EntryQueue {
  #ring = new Int32Array(LEAST)
  #head = 0
  count = 0

  get first(): number {
    return this.#ring[this.#head]!
  }

  push(entry: number): void {
    if (this.count === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.count++) & (this.#ring.length - 1)] = entry
  }

  shift(): number {
    const entry = this.first
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    if (--this.count === 0 && this.#ring.length > KEEP) {
      this.#ring = new Int32Array(LEAST)
      this.#head = 0
    }
    return entry
  }

  #grow(): void {
    const grown = new Int32Array(this.#ring.length * 2)
    grown.set(this.#ring.subarray(this.#head))
    grown.set(this.#ring.subarray(0, this.#head), this.#ring.length - this.#head)
    this.#ring = grown
    this.#head = 0
  }
}

/** How many keys are there, now and at the settled position. */
export class SizeHistory {
  /** With everything that was called. */
  pending = 0
  settled = 0
  /** Versions that are not settled and changed the size, and the size behind each. */
  #versions = new Float64Array(LEAST)
  #sizes = new Float64Array(LEAST)
  #head = 0
  #end = 0

  /** Versions ascend; several changes may have the same. */
  add(change: number, version: number): void {
    this.pending += change
    if (this.#end > this.#head && this.#versions[this.#end - 1] === version) this.#end--
    else if (this.#end === this.#versions.length) this.#makeRoom()
    this.#versions[this.#end] = version
    this.#sizes[this.#end++] = this.pending
  }

  settle(version: number): void {
    let head = this.#head
    while (head < this.#end && this.#versions[head]! <= version) head++
    if (head === this.#head) return
    this.settled = this.#sizes[head - 1]!
    this.#head = head
    if (head < this.#end) return
    this.#head = this.#end = 0
    if (this.#versions.length > KEEP) this.#resize(LEAST)
  }

  #makeRoom(): void {
    const count = this.#end - this.#head
    this.#resize(count > this.#versions.length / 2 ? count * 2 : this.#versions.length)
  }

  #resize(length: number): void {
    const versions = new Float64Array(length)
    versions.set(this.#versions.subarray(this.#head, this.#end))
    const sizes = new Float64Array(length)
    sizes.set(this.#sizes.subarray(this.#head, this.#end))
    this.#end -= this.#head
    this.#head = 0
    this.#versions = versions
    this.#sizes = sizes
  }
}
