/**
 * Room for writes: when a group waits, and when it is refused instead of waiting for ever.
 *
 * A full memtable is rotated out; writers wait while the one before it is still being flushed or
 * level 0 holds LEVEL0_PAUSE_TABLES tables. From LEVEL0_SLOW_TABLES on they are slowed by the
 * bytes that they write, the more the nearer the pause is, so that a load settles at the pace of
 * compaction instead of running into the pause again and again (LevelDB slows every write alike,
 * which costs a small synced write many times its own duration). When the background work that
 * would make room is failing, the waiting group is rejected with that failure: nothing of it was
 * written, and a retry may succeed.
 * Decides: wait, slow, refuse.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Compactor } from './compactor.js'
import { LEVEL0_PAUSE_TABLES, LEVEL0_SLOW_TABLES } from './options.js'
import type { TreeState } from './state.js'

/** What may be written for each millisecond of delay, for each table below the pause. */
const SLOW_BYTES = 64 * 1024
/** No group is delayed longer than this. */
const SLOW_MOST_MS = 20

/** Bytes that may be written for each millisecond of delay when level 0 holds so many tables. */
export function bytesPerDelay(tables: number): number {
  if (tables < LEVEL0_SLOW_TABLES) return Infinity
  return SLOW_BYTES * Math.max(1, LEVEL0_PAUSE_TABLES - tables)
}

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
    if (!state.options.serial) await this.#slow(bytes)
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

  async #slow(bytes: number): Promise<void> {
    const most = bytesPerDelay(this.state.levels[0]!.length)
    this.#unslowedBytes = most === Infinity ? 0 : this.#unslowedBytes + bytes
    const delayMs = Math.min(Math.floor(this.#unslowedBytes / most), SLOW_MOST_MS)
    if (delayMs < 1) return
    this.#unslowedBytes %= most
    if (!this.#isFull) await this.#waiting(() => delay(delayMs))
  }

  async #waiting(wait: () => Promise<unknown>): Promise<void> {
    const { counters } = this.state
    const start = performance.now()
    await wait()
    counters.writeDelayCount++
    counters.writeDelayMs += performance.now() - start
  }
}
