/**
 * Reclaimer: frees entries that nobody can read any more, a slice per turn.
 *
 * What settles is freed as it settles; what a pin held is freed here.
 */
import type { Entries } from '../entries/entries.js'

/** Entries of a slice: well below a millisecond. */
const SLICE_ENTRIES = 1024

export class Reclaimer {
  #isScheduled = false
  #closed = false
  readonly #run = (): void => {
    this.#isScheduled = false
    if (!this.#closed && this.entries.reclaim(SLICE_ENTRIES)) this.#schedule()
  }

  constructor(private readonly entries: Entries) {
    entries.onWork = () => this.#schedule()
  }

  close(): void {
    this.#closed = true
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#run)
  }
}
