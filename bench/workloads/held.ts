/** Rows about the event loop: for how long something held it, as three clocks saw it. */
import { LoopWatch, type Lateness } from '../lateness.js'
import type { Bench } from './bench.js'

export const HELD = 'event loop held by the program'

/** `beside` names what was going on, where a workload has several of it. */
export function heldRows(bench: Bench, workload: string, lateness: Lateness, beside = ''): void {
  const { ownMaxMs, maxMs, collectorMaxMs } = lateness
  const row = (what: string, ms: number): void => bench.row(workload, beside + what, 'ms', ms)
  row(HELD, ownMaxMs)
  row('event loop late in all', maxMs)
  row("longest stop of V8's collector", collectorMaxMs)
}

/** What the clocks saw while `work` went on. */
export async function latenessOf(work: () => Promise<unknown>): Promise<Lateness> {
  const watch = new LoopWatch()
  await watch.start()
  try {
    await work()
  } finally {
    await watch.stop()
    await watch.close()
  }
  return watch.take()
}
