/**
 * Room for writes: when a group waits, and when it is refused instead of waiting for ever.
 *
 * A full memtable is rotated out; writers wait while the one before it is still being flushed or
 * level 0 holds LEVEL0_PAUSE_TABLES tables, and from LEVEL0_SLOW_TABLES on they are slowed by a
 * millisecond for every SLOW_BYTES (LevelDB: for every write, which costs a small synced write
 * many times its own duration and gives compaction no more room). When the background work that
 * would make room is failing, the waiting group is rejected with that failure: nothing of it was
 * written, and a retry may succeed.
 * Decides: wait, slow, refuse.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Compactor } from './compactor.js'
import { LEVEL0_PAUSE_TABLES, LEVEL0_SLOW_TABLES } from './options.js'
import type { TreeState } from './state.js'

const SLOW_MS = 1
const SLOW_BYTES = 64 * 1024

export class Throttle {
  /** Bytes written since the last delay. */
  #unslowedBytes = 0

  constructor(
    private readonly state: TreeState,
    private readonly compactor: Compactor,
  ) {}

  /** Whether the next group has to call `room` first. */
  get mustWait(): boolean {
    return this.#isFull || this.state.levels[0]!.length >= LEVEL0_SLOW_TABLES
  }

  get #isFull(): boolean {
    return this.state.active.bytes >= this.state.options.writeBufferBytes
  }

  /**
   * Settles when the active memtable takes another group, of `bytes`; rejects when it can not
   * come to that.
   */
  async room(bytes: number): Promise<void> {
    const { state } = this
    if (state.levels[0]!.length >= LEVEL0_SLOW_TABLES && !state.options.serial)
      this.#unslowedBytes += bytes
    if (this.#unslowedBytes >= SLOW_BYTES) {
      this.#unslowedBytes = 0
      if (!this.#isFull) await this.#waiting(() => delay(SLOW_MS))
    }
    while (this.#isFull) {
      const { flushes, compactions } = this.compactor
      const crowded = state.levels[0]!.length >= LEVEL0_PAUSE_TABLES
      if (state.frozen === undefined && !crowded) {
        await this.compactor.rotate()
        continue
      }
      const { failure } = state.frozen === undefined ? compactions : flushes
      if (failure !== undefined) throw failure
      if (state.poison !== undefined) throw state.poison
      state.paused = true
      await this.#waiting(() => this.compactor.change())
      state.paused = false
    }
  }

  async #waiting(wait: () => Promise<unknown>): Promise<void> {
    const { counters } = this.state
    const start = performance.now()
    await wait()
    counters.writeDelayCount++
    counters.writeDelayMs += performance.now() - start
  }
}
