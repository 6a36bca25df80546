/**
 * Durations of one kind of work: their mean, and the 99th percentile of the latest thousand.
 */
const KEPT = 1024

export class Latencies {
  count = 0
  #sum = 0
  readonly #latest = new Float64Array(KEPT)

  add(milliseconds: number): void {
    this.#latest[this.count++ % KEPT] = milliseconds
    this.#sum += milliseconds
  }

  /** 0 while nothing was measured. */
  get averageMs(): number {
    return this.count === 0 ? 0 : this.#sum / this.count
  }

  get p99Ms(): number {
    const kept = Math.min(this.count, KEPT)
    if (kept === 0) return 0
    const sorted = this.#latest.slice(0, kept).sort()
    return sorted[Math.min(kept - 1, Math.floor(kept * 0.99))]!
  }

  reset(): void {
    this.count = 0
    this.#sum = 0
  }
}
