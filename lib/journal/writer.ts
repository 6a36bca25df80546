/**
 * Writes the records of a journal or MANIFEST, framed.
 *
 * A record is cut into fragments that never cross a block; what is framed goes to the end of the
 * file and nothing is written twice. The first failed write or sync poisons the writer: what the
 * file then holds is unknown until it is read again, and a sync that is tried again can report
 * pages as durable that the system has dropped. For the same reason one sync runs at a time: of
 * two on one file only one is told of a failure.
 *
 * Zeros behind the end are no part of the journal: writing and cutting them may fail. Nothing is
 * appended meanwhile, so that none of them lands on a record.
 * Format: docs/format/journal.md
 * Twin: native/journal/writer
 */
import { crc32c } from '../checksum/crc32c.js'
import { StoreError, ioError } from '../errors.js'
import { checkSeed, maskCrc } from '../format/checksum.js'
import { putFixed32 } from '../format/coding.js'
import {
  JOURNAL_BLOCK_BYTES,
  JOURNAL_FRAGMENT_MAX_BYTES,
  JOURNAL_HEADER_BYTES,
  JOURNAL_KIND_FIRST,
  JOURNAL_KIND_FULL,
  JOURNAL_KIND_LAST,
  JOURNAL_KIND_MIDDLE,
} from '../format/journal.js'
import type { Storage, StorageFile } from '../io/files.js'
import type { JournalWriter } from '../plane.js'

/** Large records are written in pieces of so many blocks: 1 MiB, under 2 ms to frame. */
const PIECE_BLOCKS = 32
/** So much of a record fits into its first piece wherever that begins. */
const FIRST_PIECE_BYTES = (PIECE_BLOCKS - 1) * JOURNAL_FRAGMENT_MAX_BYTES
const SCRATCH_BYTES = 64 * 1024
/** A larger scratch buffer is not kept. */
const SCRATCH_KEEP_BYTES = 2 * 1024 * 1024
const ZEROS = new Uint8Array(256 * 1024)

/** Creates the file, empty; CAIRN_EXISTS when there is one. The directory sync is the caller's. */
export async function createJournal(storage: Storage, name: string): Promise<JournalWriter> {
  return new FileJournalWriter(await storage.create(name))
}

/** Bytes that a record of `length` takes at `position` of a file, padding before it included. */
export function framedBytes(position: number, length: number): number {
  const room = JOURNAL_BLOCK_BYTES - (position % JOURNAL_BLOCK_BYTES)
  const padding = room < JOURNAL_HEADER_BYTES ? room : 0
  const first = (padding > 0 ? JOURNAL_BLOCK_BYTES : room) - JOURNAL_HEADER_BYTES
  const more = length > first ? Math.ceil((length - first) / JOURNAL_FRAGMENT_MAX_BYTES) : 0
  return padding + length + JOURNAL_HEADER_BYTES * (1 + more)
}

class FileJournalWriter implements JournalWriter {
  readonly name: string
  #file: StorageFile
  #position = 0
  /** The checksum that those of fragments continue. */
  #seed = 0
  /** Where the zeros end that may stand behind the records. */
  #padded = 0
  #scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES)
  #failure: StoreError | undefined
  /** The large append, or the change of what is behind, under way; never rejects. */
  #changing: Promise<void> | undefined
  /** The sync under way, and the one that waits for its end; neither is handed out unawaited. */
  #syncing: Promise<void> | undefined
  #queued: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(file: StorageFile) {
    this.name = file.name
    this.#file = file
  }

  get position(): number {
    return this.#position
  }

  /** Throws what the write failed with (CAIRN_IO, CAIRN_NO_SPACE); CAIRN_POISONED from then on. */
  append(record: Uint8Array, mark?: Uint8Array): void {
    this.#checkIdle()
    const markBytes = mark === undefined ? 0 : framedBytes(this.#position, mark.length)
    const total = markBytes + framedBytes(this.#position + markBytes, record.length)
    const into = this.#room(total)
    if (mark !== undefined) this.#frame(into, 0, this.#position, mark, 0, mark.length)
    this.#frame(into, markBytes, this.#position + markBytes, record, 0, record.length)
    try {
      this.#file.writeSync(into.subarray(0, total), this.#position)
    } catch (error) {
      throw this.#fail('write', error)
    }
    this.#position += total
  }

  /** As `append`; the caller's bytes are free when it returns. */
  async appendLarge(record: Uint8Array, mark?: Uint8Array): Promise<void> {
    this.#checkIdle()
    // The first piece is framed at once, the others while the caller may change its bytes.
    const own = record.length <= FIRST_PIECE_BYTES ? record : new Uint8Array(record)
    return this.#change(this.#pieces(own, mark))
  }

  reseed(seed: number): void {
    checkSeed(seed)
    this.#checkIdle()
    this.#seed = seed
  }

  /** Never rejects for what the storage fails with. */
  async pad(end: number): Promise<void> {
    if (!Number.isSafeInteger(end) || end < 0) throw new RangeError(`no end of a file: ${end}`)
    this.#checkIdle()
    return this.#change(this.#endAt(Math.max(end, this.#position)))
  }

  /** Never tried again after a failure: the error itself, CAIRN_POISONED from then on. */
  async sync(): Promise<void> {
    this.#check()
    if (this.#queued !== undefined) return this.#queued
    if (this.#syncing === undefined) return this.#beginSync()
    // The one under way may have begun before the newest bytes: all who come now share the next.
    const next = () => {
      this.#queued = undefined
      this.#checkHealthy()
      return this.#beginSync()
    }
    this.#queued = this.#syncing.then(next, next)
    return this.#queued
  }

  /** Idempotent; waits for what is under way, whose callers are told of its failure. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#changing, this.#queued ?? this.#syncing])
    if (this.#failure === undefined) await this.#endAt(this.#position)
    await this.#file.close()
  }

  #change(work: Promise<void>): Promise<void> {
    const settled = () => {
      this.#changing = undefined
    }
    this.#changing = work.then(settled, settled)
    return work
  }

  /** Grows the file with zeros or cuts them off; `end` is not before the position. */
  async #endAt(end: number): Promise<void> {
    const begin = Math.max(this.#padded, this.#position)
    try {
      if (end < this.#padded) await this.#cut(end)
      for (let at = begin; at < end; at = this.#padded) {
        const length = Math.min(ZEROS.length, end - at)
        this.#padded = at + length
        await this.#file.write(ZEROS.subarray(0, length), at)
      }
    } catch {
      // What could be written of the zeros may be room that a record needs.
      if (begin < end) await this.#cut(begin).catch(() => {})
    }
  }

  async #cut(end: number): Promise<void> {
    await this.#file.truncate(end)
    this.#padded = end
  }

  async #pieces(record: Uint8Array, mark?: Uint8Array): Promise<void> {
    let buffer: Uint8Array | undefined
    let from = 0
    let end: number
    do {
      if (from > 0) await turn()
      this.#checkHealthy()
      const markBytes = from > 0 || !mark ? 0 : framedBytes(this.#position, mark.length)
      const at = this.#position + markBytes
      end = Math.min(record.length, from + pieceLength(at))
      const room = JOURNAL_BLOCK_BYTES * (PIECE_BLOCKS + 1) + markBytes
      buffer ??= new Uint8Array(Math.min(room, markBytes + framedBytes(at, record.length)))
      if (markBytes > 0) this.#frame(buffer, 0, this.#position, mark!, 0, mark!.length)
      const bytes = buffer.subarray(0, this.#frame(buffer, markBytes, at, record, from, end))
      try {
        await this.#file.write(bytes, this.#position)
      } catch (error) {
        throw this.#fail('write', error)
      }
      this.#position += bytes.length
      from = end
    } while (end < record.length)
  }

  /**
   * Frames `record[from .. end)` for `position` of the file into `into[at..]`; gives the end there.
   * `from` and `end` are the record's own, or where a fragment of it begins or fills its block.
   */
  #frame(
    into: Uint8Array,
    at: number,
    position: number,
    record: Uint8Array,
    from: number,
    end: number,
  ): number {
    let room = JOURNAL_BLOCK_BYTES - (position % JOURNAL_BLOCK_BYTES)
    let begun = from > 0
    for (;;) {
      if (room < JOURNAL_HEADER_BYTES) {
        into.fill(0, at, at + room)
        at += room
        room = JOURNAL_BLOCK_BYTES
      }
      const length = Math.min(room - JOURNAL_HEADER_BYTES, end - from)
      const ends = from + length === record.length
      const whole = ends && !begun
      into[at + 4] = length
      into[at + 5] = length >>> 8
      if (whole) into[at + 6] = JOURNAL_KIND_FULL
      else if (ends) into[at + 6] = JOURNAL_KIND_LAST
      else into[at + 6] = begun ? JOURNAL_KIND_MIDDLE : JOURNAL_KIND_FIRST
      into.set(whole ? record : record.subarray(from, from + length), at + JOURNAL_HEADER_BYTES)
      const next = at + JOURNAL_HEADER_BYTES + length
      putFixed32(into, at, maskCrc(crc32c(into, this.#seed, at + 6, next)))
      at = next
      from += length
      room -= JOURNAL_HEADER_BYTES + length
      begun = true
      if (from === end) return at
    }
  }

  #beginSync(): Promise<void> {
    const done = () => {
      this.#syncing = undefined
    }
    const work = this.#file.sync().catch((error: unknown) => {
      throw this.#fail('sync', error)
    })
    this.#syncing = work
    work.then(done, done)
    return work
  }

  #room(total: number): Uint8Array {
    if (total <= this.#scratch.length) return this.#scratch
    if (total > SCRATCH_KEEP_BYTES) return new Uint8Array(total)
    this.#scratch = new Uint8Array(Math.min(2 * total, SCRATCH_KEEP_BYTES))
    return this.#scratch
  }

  #fail(action: string, error: unknown): StoreError {
    if (this.#failure !== undefined) return this.#poisoned()
    this.#failure = ioError(action, this.name, error)
    return this.#failure
  }

  #poisoned(): StoreError {
    const message = `${this.name} takes no more writes since one failed; open the store again`
    return new StoreError('CAIRN_POISONED', message, { file: this.name, cause: this.#failure })
  }

  #checkHealthy(): void {
    if (this.#failure !== undefined) throw this.#poisoned()
  }

  #check(): void {
    if (this.#closing !== undefined)
      throw new StoreError('CAIRN_NOT_OPEN', `${this.name} is closed`, { file: this.name })
    this.#checkHealthy()
  }

  #checkIdle(): void {
    this.#check()
    if (this.#changing !== undefined) throw new TypeError('an append overlaps with a large one')
  }
}

/** Lets the event loop run what is due. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Bytes of a record that go into a piece which begins at `position` and ends with a block. */
function pieceLength(position: number): number {
  const room = JOURNAL_BLOCK_BYTES - (position % JOURNAL_BLOCK_BYTES)
  const first = Math.max(room - JOURNAL_HEADER_BYTES, 0)
  return first + (PIECE_BLOCKS - 1) * JOURNAL_FRAGMENT_MAX_BYTES
}
