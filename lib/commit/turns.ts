/**
 * When the groups of a turn are committed: in a microtask behind the calls of the turn, and now
 * and then in the next turn instead, so that the event loop gets its share.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long engine work may hold the event loop before it lets timers run. */
export const SLICE_MS = 4
/** Groups scheduled in one turn of the event loop between two looks at the clock. */
const GROUPS_PER_LOOK = 4
/** Records gone through between two looks. */
const RECORDS_PER_LOOK = 4096

export class Turns {
  /** When the current turn of the event loop first ran a commit; 0 in a fresh turn. */
  #start = 0
  /** Groups that the current turn has scheduled. */
  #groups = 0
  readonly #end = (): void => {
    this.#start = 0
    this.#groups = 0
  }

  /** Calls `start` once, soon. */
  schedule(start: () => void): void {
    // Reading the clock costs as much as a small write.
    if (this.#groups++ % GROUPS_PER_LOOK === 0) {
      const now = performance.now()
      if (this.#start === 0) {
        this.#start = now
        setImmediate(this.#end)
      } else if (now - this.#start > SLICE_MS) {
        this.#groups = 0
        setImmediate(start)
        return
      }
    }
    queueMicrotask(start)
  }
}

/** Lets the event loop run now and then while many records are gone through. */
export class Slice {
  #count = 0
  #start = performance.now()

  /** To be asked once for each record. */
  isDue(): boolean {
    return ++this.#count % RECORDS_PER_LOOK === 0 && performance.now() - this.#start > SLICE_MS
  }

  async rest(): Promise<void> {
    await nextTurn()
    this.#start = performance.now()
  }
}
