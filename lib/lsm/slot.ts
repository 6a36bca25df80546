/**
 * A slot for one kind of background job: at most one runs, and a failed one is tried again later.
 *
 * The pauses between tries double up to RETRY_MOST_MS. The timer holds no process alive.
 */
import { RETRY_FIRST_MS, RETRY_MOST_MS } from './options.js'

export class Slot {
  #running = false
  #failure: Error | undefined
  #retryMs = RETRY_FIRST_MS
  #timer: NodeJS.Timeout | undefined

  /** `onFailure` hears of each failure; `onEnd` is called after each job and before each retry. */
  constructor(
    private readonly onFailure: (error: unknown) => void,
    private readonly onEnd: () => void,
  ) {}

  get isRunning(): boolean {
    return this.#running
  }

  /** Nothing runs and no pause after a failure is under way. */
  get isFree(): boolean {
    return !this.#running && this.#timer === undefined
  }

  /** Why the last job failed; undefined once one has succeeded. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Runs a job; never rejects, gives the failure instead. The slot must not be running. */
  async run(job: () => Promise<void>): Promise<Error | undefined> {
    this.#running = true
    try {
      await job()
      this.#failure = undefined
      this.#retryMs = RETRY_FIRST_MS
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.onFailure(error)
      this.#pause()
    }
    this.#running = false
    const failure = this.#failure
    this.onEnd()
    return failure
  }

  /** Ends the pause after a failure: whoever asks for the job does not wait for the timer. */
  retry(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.onEnd()
  }

  /** Drops the pause; nothing is retried after this. */
  close(): void {
    clearTimeout(this.#timer)
  }

  #pause(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.onEnd()
    }, this.#retryMs)
    this.#timer.unref()
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS)
  }
}
