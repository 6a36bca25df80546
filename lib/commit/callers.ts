/**
 * Callers that wait because too much waits already, let go in the order in which they came.
 *
 * What is let go asks no more whether it must wait; what it calls in turn does, and comes behind
 * all who wait.
 */

/** Those who were let go are forgotten when they are so many, or all. */
const FORGET_MOST = 1024

export class WaitingCallers {
  #waiting: ((() => void) | undefined)[] = []
  /** Those before it were let go. */
  #next = 0
  /** How many have waited, and how long altogether. */
  count = 0
  waitedMs = 0

  get isEmpty(): boolean {
    return this.#next === this.#waiting.length
  }

  /** Runs `work` when its turn comes, and gives what it gives. */
  add<T>(work: () => Promise<T>): Promise<T> {
    this.count++
    const begun = performance.now()
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        this.waitedMs += performance.now() - begun
        try {
          void work().then(resolve, reject)
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Lets callers go until `isFull` says stop. */
  drain(isFull: () => boolean): void {
    while (!this.isEmpty && !isFull()) {
      const go = this.#waiting[this.#next]!
      // What it holds may be large.
      this.#waiting[this.#next++] = undefined
      go()
    }
    if (!this.isEmpty && this.#next < FORGET_MOST) return
    this.#waiting.splice(0, this.#next)
    this.#next = 0
  }
}
