/**
 * A background job: at most one run at a time, and after a failure a pause before the next.
 *
 * Pauses double from FIRST_PAUSE_MS up to MOST_PAUSE_MS. A run never rejects: its failure goes to
 * `onFailure`.
 */

/** Calls `run` once after a delay in milliseconds, unless what it gives is called before. */
export type After = (delayMs: number, run: () => void) => () => void

const FIRST_PAUSE_MS = 1000
const MOST_PAUSE_MS = 60_000
/** What timers can count. */
const TIMER_MOST_MS = 2 ** 31 - 1

/** With the timers of Node, which hold no process alive. Longer delays end early. */
export const afterDelay: After = (delayMs, run) => {
  const timer = setTimeout(run, Math.min(delayMs, TIMER_MOST_MS))
  timer.unref()
  return () => clearTimeout(timer)
}

export interface JobSetup {
  readonly after: After
  readonly work: () => Promise<void>
  readonly onFailure: (error: unknown) => void
  /** A run has ended, or a pause: the job is idle again. */
  readonly onIdle: () => void
}

export class Job {
  #running: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #pauseMs = FIRST_PAUSE_MS
  #closed = false

  constructor(private readonly setup: JobSetup) {}

  /** Neither running nor pausing. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#cancel === undefined && !this.#closed
  }

  /** Runs the job, if it is idle. */
  start(): void {
    if (this.isIdle) this.#running = this.#run()
  }

  /** Settles when it does not run. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Nothing starts any more. */
  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  async #run(): Promise<void> {
    const { work, onFailure, onIdle } = this.setup
    try {
      await work()
      this.#pauseMs = FIRST_PAUSE_MS
    } catch (error) {
      if (!this.#closed) {
        this.#pause()
        onFailure(error)
      }
    } finally {
      this.#running = undefined
    }
    if (this.isIdle) onIdle()
  }

  #pause(): void {
    this.#cancel = this.setup.after(this.#pauseMs, () => {
      this.#cancel = undefined
      if (this.isIdle) this.setup.onIdle()
    })
    this.#pauseMs = Math.min(this.#pauseMs * 2, MOST_PAUSE_MS)
  }
}

/** Runs tasks one after the other. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const running = this.#last.then(task)
    this.#last = running.catch(() => {})
    return running
  }

  /** Settles when everything that was given to `run` has ended. */
  async settled(): Promise<void> {
    for (let last; last !== this.#last;) await (last = this.#last)
  }
}
