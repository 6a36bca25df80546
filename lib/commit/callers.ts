/**
 * Callers that wait because too much waits already, let go in the order in which they came.
 */
export class WaitingCallers {
  #waiting: (() => void)[] = []
  /** How many have waited, and how long altogether. */
  count = 0
  waitedMs = 0

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Runs `again` when its turn comes, and gives what it gives. */
  add<T>(again: () => Promise<T>): Promise<T> {
    this.count++
    const begun = performance.now()
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        this.waitedMs += performance.now() - begun
        try {
          void again().then(resolve, reject)
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Lets callers go until `isFull` says stop. */
  drain(isFull: () => boolean): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const [i, again] of waiting.entries()) {
      if (isFull()) {
        this.#waiting = [...waiting.slice(i), ...this.#waiting]
        return
      }
      again()
    }
  }
}
