/**
 * The journals of an open tree: the one written to, the one before it, and the one ahead.
 *
 * Invariant: a synced acknowledgement covers every journal, older ones included. After a sync
 * that covered everything, the next group begins with a mark in the same write. The next journal
 * is created, and its directory synced, before it is needed.
 * Format: docs/format/journal.md (marks). Stands on: commit/zeros
 */
import { ZerosAhead } from '../commit/zeros.js'
import { markBatch } from '../format/batch.js'
import { journalName } from '../format/names.js'
import type { Storage } from '../io/files.js'
import type { DataPlane, JournalWriter } from '../plane.js'
import { JOURNAL_INLINE_BYTES } from './options.js'

interface NumberedJournal {
  readonly number: number
  readonly writer: JournalWriter
}

export class JournalSet {
  #current: NumberedJournal
  /** Settles when the rotated-out journal is synced; none once it is. */
  #older: Promise<void> | undefined
  /** Settles when it is closed too, and never rejects. */
  #olderClosed: Promise<void> = Promise.resolve()
  #ahead: Promise<NumberedJournal> | undefined
  /** Bytes were appended to the current journal since its last sync. */
  #dirty = false
  #markDue = true
  /** Where the large record that is under way, or failed, began. */
  #largeFrom: number | undefined
  readonly #zeros: ZerosAhead
  /** Why the rotated-out journal could not be synced: nothing is taken from then on. */
  #failure: Error | undefined
  syncs = 0

  constructor(
    private readonly storage: Storage,
    private readonly plane: DataPlane,
    private readonly allocate: () => Promise<number>,
    current: NumberedJournal,
    writeBufferBytes: number,
  ) {
    this.#current = current
    this.#zeros = new ZerosAhead(writeBufferBytes)
  }

  /** `writeBufferBytes`: about how long a journal gets. */
  static async create(
    storage: Storage,
    plane: DataPlane,
    allocate: () => Promise<number>,
    writeBufferBytes: number,
  ): Promise<JournalSet> {
    const first = await createJournal(storage, plane, allocate)
    return new JournalSet(storage, plane, allocate, first, writeBufferBytes)
  }

  get number(): number {
    return this.#current.number
  }

  /** Bytes of the whole records in the current journal. */
  get position(): number {
    return this.#largeFrom ?? this.#current.writer.position
  }

  /**
   * Writes a batch, with the mark that is due. Small ones are with the operating system on
   * return; large ones when the promise settles.
   */
  append(batch: Uint8Array, sequence: number): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure
    const mark = this.#markDue ? markBatch(sequence) : undefined
    this.#markDue = false
    this.#dirty = true
    if (batch.length > JOURNAL_INLINE_BYTES) return this.#appendLarge(batch, mark)
    this.#current.writer.append(batch, mark)
    return undefined
  }

  async #appendLarge(batch: Uint8Array, mark?: Uint8Array): Promise<void> {
    this.#largeFrom = this.position
    await this.#current.writer.appendLarge(batch, mark)
    this.#largeFrom = undefined
  }

  /** Settles when everything appended before the call survives power loss. */
  async sync(): Promise<void> {
    this.syncs++
    const older = this.#older
    const own = this.#dirty ? this.#zeros.sync(this.#current.writer) : undefined
    this.#dirty = false
    if (older !== undefined) await Promise.all([older, own])
    else await own
    if (!this.#dirty && this.#current.writer.position > 0) this.#markDue = true
  }

  #leave(writer: JournalWriter): void {
    const before = this.#older
    const dirty = this.#dirty
    const synced = (async () => {
      await before
      if (dirty) await writer.sync()
    })()
    this.#older = synced
    const settled = (): void => {
      if (this.#older === synced) this.#older = undefined
    }
    synced.then(settled, (error: unknown) => {
      this.#failure ??= error as Error
    })
    // What is synced stays so, whatever closing says.
    const close = (): Promise<void> => writer.close().catch(() => {})
    const closedBefore = this.#olderClosed
    this.#olderClosed = synced.then(close, close).then(() => closedBefore)
  }

  /** Creates the next journal now, so that a rotation need not wait for the disk. */
  prepare(): void {
    this.#ahead ??= createJournal(this.storage, this.plane, this.allocate)
    // A failure is reported by the rotation that wants the journal.
    this.#ahead.catch(() => {})
  }

  /** Goes on in the next journal; the old one is synced and closed in the background. */
  async rotate(): Promise<void> {
    this.prepare()
    const ahead = this.#ahead!
    let next: NumberedJournal
    try {
      next = await ahead
    } finally {
      this.#ahead = undefined
    }
    this.#leave(this.#current.writer)
    this.#current = next
    this.#zeros.restart()
    this.#dirty = false
    this.#markDue = true
  }

  /** Settles when the rotated-out journal is synced and closed. */
  async olderClosed(): Promise<void> {
    await this.#older
    await this.#olderClosed
  }

  /** A clean end: everything synced, a mark behind it, nothing behind that, synced. */
  async finish(nextSequence: number): Promise<void> {
    await this.sync()
    const { writer } = this.#current
    if (writer.position > 0) {
      writer.append(markBatch(nextSequence))
      await writer.pad(0)
      await writer.sync()
    }
  }

  /** Closes what is open and removes the journal ahead. Never rejects. */
  async close(): Promise<void> {
    await this.#olderClosed
    await this.#current.writer.close().catch(() => {})
    try {
      const ahead = await this.#ahead
      await ahead?.writer.close()
      if (ahead) await this.storage.remove(journalName(ahead.number))
    } catch {
      // The next opening removes it.
    }
  }
}

async function createJournal(
  storage: Storage,
  plane: DataPlane,
  allocate: () => Promise<number>,
): Promise<NumberedJournal> {
  const number = await allocate()
  const writer = await plane.createJournal(journalName(number))
  try {
    await storage.syncDirectory()
  } catch (error) {
    await writer.close().catch(() => {})
    throw error
  }
  return { number, writer }
}
