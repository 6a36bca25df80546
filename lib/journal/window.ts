/**
 * JournalWindow: some whole blocks of a journal in memory, out of a file that is never slurped.
 *
 * Invariant: `bytes[0 .. end - start)` are bytes [start, end) of the file; `start` is that of a
 * block and `end` that of a block or of the file, so a fragment lies inside or outside, not both.
 * Stands on: io/files.ts
 * Twin: native/journal/window
 */
import { StoreError } from '../errors.js'
import { JOURNAL_BLOCK_BYTES } from '../format/journal.js'
import type { StorageFile } from '../io/files.js'

const WINDOW_BYTES = 8 * JOURNAL_BLOCK_BYTES

export class JournalWindow {
  /** Of the file when it was opened, or as much of it as is wanted; what is appended later is not
   * seen. */
  readonly sizeBytes: number
  readonly bytes: Uint8Array
  start = 0
  end = 0
  readonly #file: StorageFile

  /** Nothing behind byte `end` is read. */
  constructor(file: StorageFile, end: number) {
    this.sizeBytes = Math.min(file.size(), end)
    this.bytes = new Uint8Array(Math.min(WINDOW_BYTES, this.sizeBytes))
    this.#file = file
  }

  /** Whether the block of this byte is here. */
  has(offset: number): boolean {
    return offset >= this.start && offset < this.end
  }

  /** Brings the block of byte `offset`, which is in the file, and some behind it. CAIRN_IO. */
  async load(offset: number): Promise<void> {
    const start = offset - (offset % JOURNAL_BLOCK_BYTES)
    const length = Math.min(this.bytes.length, this.sizeBytes - start)
    this.end = this.start
    const got = await this.#file.read(this.bytes.subarray(0, length), start)
    if (got < length) {
      const { name } = this.#file
      const message = `${name} ends at byte ${start + got} and had ${this.sizeBytes} when opened`
      throw new StoreError('CAIRN_IO', message, { file: name, offset: start + got })
    }
    this.start = start
    this.end = start + length
    // A storage in memory reads without leaving the turn; what is due must run between windows.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
