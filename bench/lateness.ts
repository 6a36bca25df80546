/**
 * How long the event loop is held: three clocks beside whatever is measured.
 *
 * A timer of 5 ms, checked against `performance.now`, tells how late it came; Node's own monitor
 * looks every millisecond; and the same timer in a thread that does nothing else tells how late a
 * timer comes on this machine anyway. Where the system tells how long a thread waited for a
 * processor that others had, that much is taken off each lateness: what is left is our doing.
 */
import { readFileSync } from 'node:fs'
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'

const INTERVAL_MS = 5
const MONITOR_MS = 1

export interface Lateness {
  readonly seconds: number
  readonly ticks: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** The same without the waits for a processor; equal to them where these are not known. */
  readonly ownP999Ms: number
  readonly ownMaxMs: number
  /** The greatest of those of all stretches. */
  readonly monitorP999Ms: number
  readonly monitorMaxMs: number
  /** Of the thread that does nothing. */
  readonly idleThreadMaxMs: number
}

const IDLE_THREAD = `
const { workerData } = require('node:worker_threads')
const most = new Float64Array(workerData)
let before = performance.now()
setInterval(() => {
  const now = performance.now()
  most[0] = Math.max(most[0], now - before - ${INTERVAL_MS})
  before = now
}, ${INTERVAL_MS})
`

/** Measures from `start` to `stop`, as often as one likes; `take` gives what all of them saw. */
export class LoopWatch {
  readonly #most = new Float64Array(new SharedArrayBuffer(8))
  readonly #thread = new Worker(IDLE_THREAD, { eval: true, workerData: this.#most.buffer })
  #monitor = monitorEventLoopDelay({ resolution: MONITOR_MS })
  readonly #late = createHistogram()
  readonly #own = createHistogram()
  #timer: NodeJS.Timeout | undefined
  #monitorMaxMs = 0
  #monitorP999Ms = 0
  #idleThreadMaxMs = 0
  #seconds = 0
  #startedAt = 0
  #before = 0
  #waitedMs = 0

  /** Settles when the thread runs and the loop has come to rest. */
  async start(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 50))
    this.#most[0] = 0
    this.#waitedMs = waitedForProcessorMs()
    this.#startedAt = this.#before = performance.now()
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS)
    // A new one each time: an old one would take the time since it was stopped for a delay.
    this.#monitor = monitorEventLoopDelay({ resolution: MONITOR_MS })
    this.#monitor.enable()
  }

  async stop(): Promise<void> {
    const seconds = (performance.now() - this.#startedAt) / 1000
    // The wait that was still going on counts as well: a turn of the loop for both timers.
    await new Promise((resolve) => setTimeout(resolve, 2 * MONITOR_MS))
    clearInterval(this.#timer)
    this.#tick()
    this.#monitor.disable()
    const monitor = this.#monitor
    this.#monitorMaxMs = Math.max(this.#monitorMaxMs, monitor.max / 1e6 - MONITOR_MS)
    this.#monitorP999Ms = Math.max(this.#monitorP999Ms, monitor.percentile(99.9) / 1e6 - MONITOR_MS)
    this.#seconds += seconds
    this.#idleThreadMaxMs = Math.max(this.#idleThreadMaxMs, this.#most[0]!)
  }

  /** What was seen since the last `take`. */
  take(): Lateness {
    const late = this.#late
    const own = this.#own
    const lateness = {
      seconds: this.#seconds,
      ticks: late.count,
      p50Ms: late.percentile(50) / 1000,
      p99Ms: late.percentile(99) / 1000,
      p999Ms: late.percentile(99.9) / 1000,
      maxMs: late.max / 1000,
      ownP999Ms: own.percentile(99.9) / 1000,
      ownMaxMs: own.max / 1000,
      monitorP999Ms: this.#monitorP999Ms,
      monitorMaxMs: this.#monitorMaxMs,
      idleThreadMaxMs: this.#idleThreadMaxMs,
    }
    late.reset()
    own.reset()
    this.#monitorMaxMs = this.#monitorP999Ms = this.#idleThreadMaxMs = this.#seconds = 0
    return lateness
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
  }

  #tick(): void {
    const now = performance.now()
    const late = now - this.#before - INTERVAL_MS
    const waitedMs = waitedForProcessorMs()
    this.#late.record(micros(late))
    this.#own.record(micros(late - (waitedMs - this.#waitedMs)))
    this.#before = now
    this.#waitedMs = waitedMs
  }
}

/** A histogram begins at 1. */
function micros(ms: number): number {
  return Math.max(1, Math.round(ms * 1000))
}

/** How long this process' first thread has waited for a processor in all; Linux tells it. */
function waitedForProcessorMs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
