/**
 * Slices: how background work shares the event loop.
 *
 * Work looks at `isOver` between its steps and rests when it says so: until the next turn, behind
 * everything that waits. A rest is also where work ends that nobody wants any more.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SLICE_MS } from '../../commit/turns.js'
import { StoreError } from '../../errors.js'

/** Steps of less than a microsecond between two looks at the clock, which costs as much. */
export const STEPS_PER_LOOK = 16

export class Slices {
  /** How long it has rested, by the clock that it was given. */
  restedUs = 0
  #start = performance.now()

  /** `clock` tells microseconds. */
  constructor(
    private readonly signal?: AbortSignal,
    private readonly clock: () => number = () => 0,
  ) {}

  /** Cancelled work must rest, too. */
  get isOver(): boolean {
    return this.signal?.aborted === true || performance.now() - this.#start >= SLICE_MS
  }

  /** CAIRN_ABORTED when the work has been cancelled. */
  async rest(): Promise<void> {
    const begun = this.clock()
    await nextTurn()
    this.restedUs += this.clock() - begun
    if (this.signal?.aborted) throw new StoreError('CAIRN_ABORTED', 'the store is closing')
    this.#start = performance.now()
  }
}
