/**
 * Zeros ahead of a journal's records, where small syncs follow one another.
 *
 * A sync of bytes that lie over zeros need not make a new size durable, which takes longer than
 * the bytes. So small syncs, from the second in a row on, find zeros there: whenever a group has
 * grown the file, a step of zeros is written behind it, and the sync that the group waits for
 * covers them too.
 * Format: docs/format/journal.md (zeros). Decides: when and how many.
 */
import type { JournalWriter } from '../plane.js'

/** Zeros are written in steps of a share of a journal's usual length, within bounds. */
const STEP_SHARE = 1 / 32
const STEP_LEAST_BYTES = 512
const STEP_MOST_BYTES = 128 * 1024
/** When a sync covers more, to write its bytes twice costs what zeros save. */
const SYNC_MOST_BYTES = 32 * 1024

export class ZerosAhead {
  readonly #stepBytes: number
  /** Up to where the journal was last synced, and how much of it that sync covered. */
  #syncedTo = 0
  #syncedBytes = Infinity
  /** Up to where it has zeros. */
  #paddedTo = 0

  /** `usualBytes`: about how long a journal gets. */
  constructor(usualBytes: number) {
    const step = Math.ceil(usualBytes * STEP_SHARE)
    this.#stepBytes = Math.min(Math.max(step, STEP_LEAST_BYTES), STEP_MOST_BYTES)
  }

  /** Goes on in a new journal; the habit of small syncs lasts. */
  restart(): void {
    this.#syncedTo = 0
    this.#paddedTo = 0
  }

  /** Syncs, behind zeros where they pay. Nothing is appended until the promise is there. */
  sync(writer: JournalWriter): Promise<void> {
    const { position } = writer
    const before = this.#syncedBytes
    this.#syncedBytes = position - this.#syncedTo
    this.#syncedTo = position
    const isSmall = Math.max(before, this.#syncedBytes) <= SYNC_MOST_BYTES
    if (position <= this.#paddedTo || !isSmall) return writer.sync()
    const step = this.#stepBytes
    this.#paddedTo = (Math.floor(position / step) + 2) * step
    return writer.pad(this.#paddedTo).then(() => writer.sync())
  }
}
