/**
 * How long the event loop is held: three clocks beside whatever is measured.
 *
 * A timer of 5 ms, checked against `performance.now`, tells how late it came; Node's own monitor
 * looks every millisecond; and the same timer in a thread that does nothing else tells how late a
 * timer comes on this machine anyway. Two things are taken off each lateness: how long the thread
 * waited for a processor that others had, where the system tells it, and how long V8's collector
 * stopped it, which is told apart. What is left is our doing.
 */
import { readFileSync } from 'node:fs'
import { createHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
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
  /** The same without the collector, and without waits for a processor where they are known. */
  readonly ownP999Ms: number
  readonly ownMaxMs: number
  /** The longest stop of V8's collector, and all of them together. */
  readonly collectorMaxMs: number
  readonly collectorMs: number
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

/** From when to when, by `performance.now`. */
interface Stretch {
  readonly start: number
  readonly end: number
}

/** Between two ticks of the timer. */
interface Tick extends Stretch {
  readonly lateMs: number
  readonly waitedMs: number
}

/** Measures from `start` to `stop`, as often as one likes; `take` gives what all of them saw. */
export class LoopWatch {
  readonly #most = new Float64Array(new SharedArrayBuffer(8))
  readonly #thread = new Worker(IDLE_THREAD, { eval: true, workerData: this.#most.buffer })
  readonly #collector = new PerformanceObserver((list) => this.#stopped(list.getEntries()))
  #monitor = monitorEventLoopDelay({ resolution: MONITOR_MS })
  #ticks: Tick[] = []
  #stops: Stretch[] = []
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
    this.#collector.observe({ entryTypes: ['gc'] })
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
    this.#stopped(this.#collector.takeRecords())
    this.#collector.disconnect()
    const monitor = this.#monitor
    this.#monitorMaxMs = Math.max(this.#monitorMaxMs, monitor.max / 1e6 - MONITOR_MS)
    this.#monitorP999Ms = Math.max(this.#monitorP999Ms, monitor.percentile(99.9) / 1e6 - MONITOR_MS)
    this.#seconds += seconds
    this.#idleThreadMaxMs = Math.max(this.#idleThreadMaxMs, this.#most[0]!)
  }

  /** What was seen since the last `take`. */
  take(): Lateness {
    const late = createHistogram()
    const own = createHistogram()
    for (const tick of this.#ticks) {
      late.record(micros(tick.lateMs))
      own.record(micros(tick.lateMs - tick.waitedMs - overlapMs(tick, this.#stops)))
    }
    const stops = this.#stops.map(({ start, end }) => end - start)
    const lateness = {
      seconds: this.#seconds,
      ticks: late.count,
      p50Ms: late.percentile(50) / 1000,
      p99Ms: late.percentile(99) / 1000,
      p999Ms: late.percentile(99.9) / 1000,
      maxMs: late.max / 1000,
      ownP999Ms: own.percentile(99.9) / 1000,
      ownMaxMs: own.max / 1000,
      collectorMaxMs: Math.max(0, ...stops),
      collectorMs: stops.reduce((sum, ms) => sum + ms, 0),
      monitorP999Ms: this.#monitorP999Ms,
      monitorMaxMs: this.#monitorMaxMs,
      idleThreadMaxMs: this.#idleThreadMaxMs,
    }
    this.#ticks = []
    this.#stops = []
    this.#monitorMaxMs = this.#monitorP999Ms = this.#idleThreadMaxMs = this.#seconds = 0
    return lateness
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
  }

  #tick(): void {
    const now = performance.now()
    const waitedMs = waitedForProcessorMs()
    this.#ticks.push({
      start: this.#before,
      end: now,
      lateMs: now - this.#before - INTERVAL_MS,
      waitedMs: waitedMs - this.#waitedMs,
    })
    this.#before = now
    this.#waitedMs = waitedMs
  }

  #stopped(entries: readonly { startTime: number; duration: number }[]): void {
    for (const { startTime, duration } of entries)
      this.#stops.push({ start: startTime, end: startTime + duration })
  }
}

/** How much of `whole` the `parts`, which are in order of time, cover. */
function overlapMs(whole: Stretch, parts: readonly Stretch[]): number {
  let covered = 0
  for (const { start, end } of parts) {
    if (start >= whole.end) break
    covered += Math.max(0, Math.min(end, whole.end) - Math.max(start, whole.start))
  }
  return covered
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
