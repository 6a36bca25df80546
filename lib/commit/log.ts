/**
 * The LOG: one line for each opening, recovery, rotation, background job, stall and error. No keys,
 * no values, no ids. `infoLog` sends the lines elsewhere or nowhere.
 */
import type { Storage } from '../io/files.js'

export interface LogOptions {
  readonly readOnly: boolean
  /** false: no LOG. A function gets the lines instead of the file. */
  readonly infoLog: boolean | ((line: string) => void)
}

/** Writes lines, and holds those of an opening that may still be refused and leave no trace. */
export class InfoLog {
  readonly #write: (line: string) => void
  #held: string[] | undefined = []

  constructor(storage: Storage, options: LogOptions) {
    this.#write = writerOf(storage, options)
  }

  line(line: string): void {
    if (this.#held) this.#held.push(line)
    else this.#write(line)
  }

  /** Opening is going to change the directory: lines are written from now on. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const line of held) this.#write(line)
  }
}

/** A function that writes a line and never throws. */
function writerOf(storage: Storage, { infoLog, readOnly }: LogOptions): (line: string) => void {
  if (typeof infoLog === 'function')
    return (line) => {
      try {
        infoLog(line)
      } catch {
        // A logger that throws must not break the store.
      }
    }
  return infoLog && !readOnly ? (line) => storage.log(line) : () => {}
}
