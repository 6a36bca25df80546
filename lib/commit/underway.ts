/**
 * Promises that closing waits for.
 */
export class Underway {
  readonly #promises = new Set<Promise<unknown>>()

  add<T>(promise: Promise<T>): Promise<T> {
    this.#promises.add(promise)
    const done = (): void => void this.#promises.delete(promise)
    promise.then(done, done)
    return promise
  }

  /** Settles when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#promises.size > 0) await Promise.allSettled(this.#promises)
  }
}
