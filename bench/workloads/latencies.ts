/** How long single operations took: collected one by one, told as percentiles. */
import type { Timing } from './bench.js'

export const PERCENTILES = ['p50', 'p99', 'p99.9', 'max'] as const
export type Percentile = (typeof PERCENTILES)[number]

const FIRST_ROOM = 1 << 16
const SHARES: Readonly<Record<Exclude<Percentile, 'max'>, number>> = {
  p50: 0.5,
  p99: 0.99,
  'p99.9': 0.999,
}

export class Latencies {
  #ms = new Float64Array(FIRST_ROOM)
  #count = 0

  add(ms: number): void {
    if (this.#count === this.#ms.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#ms)
      this.#ms = larger
    }
    this.#ms[this.#count++] = ms
  }

  /** Runs `operation` and adds how long it took. */
  async time(operation: () => unknown): Promise<void> {
    const started = performance.now()
    await operation()
    this.add(performance.now() - started)
  }

  /** One row for each percentile. */
  timings(workload: string, variant: string): Timing[] {
    const sorted = this.#ms.subarray(0, this.#count).sort()
    const last = sorted.length - 1
    const row = (percentile: Percentile, at: number): Timing => {
      return { workload, variant, percentile, unit: 'µs', figure: sorted[at]! * 1000 }
    }
    const shares = Object.entries(SHARES) as [Percentile, number][]
    return [
      ...shares.map(([name, share]) => row(name, Math.min(last, Math.floor(last * share)))),
      row('max', last),
    ]
  }
}
