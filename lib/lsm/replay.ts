/**
 * Replay: what the live journals hold, judged by durable marks.
 *
 * Journals are read in order. At the first bad record, hole or sequence gap every later byte and
 * every later journal is searched for a complete mark with a higher sequence: found, the bytes
 * before it had been synced, so this is damage; not found, it is a torn tail, and everything
 * behind it is dropped. Journals that LevelDB wrote carry no marks: there a complete later record
 * is the evidence. The same call with the same files gives the same answer, so that opening can
 * judge first and change the disk afterwards.
 * Format: docs/format/journal.md. Decides: torn or damaged.
 */
import type { Damage } from '../commit/told.js'
import { corruption } from '../errors.js'
import { BATCH_HEADER_BYTES, checkBatch, batchCount, batchSequence } from '../format/batch.js'
import { FormatError } from '../format/coding.js'
import { journalName } from '../format/names.js'
import type { DataPlane, JournalReader, JournalRecord, Memtable } from '../plane.js'
import type { RecoveryMode } from './options.js'

/** What opening found in the journals. */
export interface Recovered {
  /** Puts and deletes replayed. */
  readonly records: number
  /** Where the journals were cut: the last writes before a crash, never synced. */
  readonly torn?: Damage
  /** Skipped by `recovery: 'salvage'`. */
  readonly damage?: readonly Damage[]
}

export interface ReplayInput {
  readonly plane: DataPlane
  /** Numbers of the live journals, ascending. */
  readonly journals: readonly number[]
  /** Whether the MANIFEST that names them was written by cairndb. */
  readonly ours: boolean
  /** The newest sequence that the MANIFEST tells. */
  readonly lastSequence: number
  readonly mode: RecoveryMode
  /** For a repair: every valid batch counts, behind gaps and torn places too. */
  readonly everything?: boolean
  readonly onDrop?: (damage: Damage) => void
}

export interface Replayed extends Recovered {
  /** The newest sequence seen, or the MANIFEST's. */
  readonly lastSequence: number
}

interface Bad {
  readonly offset: number
  readonly reason: string
  /** A well-formed frame around a malformed batch: no crash writes that. */
  readonly rot: boolean
  /** The record itself is whole; something before it is missing. */
  readonly gap?: boolean
}

/** Gives every good batch to `onBatch`, in order. CAIRN_CORRUPTION for damage. */
export async function replayJournals(
  input: ReplayInput,
  onBatch: (batch: Uint8Array) => void | Promise<void>,
): Promise<Replayed> {
  const replay = new Replay(input, onBatch)
  for (let i = 0; i < input.journals.length; i++) if (!(await replay.journal(i))) break
  return replay.result()
}

/** Applies a whole batch. */
export function applyBatch(memtable: Memtable, batch: Uint8Array): void {
  const count = batchCount(batch)
  for (let from = 0; from < count;) from = memtable.apply(batch, from, count)
}

class Replay {
  #records = 0
  #last: number
  /** The sequence that the next batch of ours must have; unknown after foreign or skipped ones. */
  #expected: number | undefined
  /** A batch was seen. A journal is left only after a write, so an empty older one lost it. */
  #begun = false
  /** The gap before the next batch has been told. */
  #gapTold = false
  #torn: Damage | undefined
  readonly #damage: Damage[] = []

  constructor(
    private readonly input: ReplayInput,
    private readonly onBatch: (batch: Uint8Array) => void | Promise<void>,
  ) {
    this.#last = input.lastSequence
  }

  result(): Replayed {
    return {
      records: this.#records,
      lastSequence: this.#last,
      ...(this.#torn && { torn: this.#torn }),
      ...(this.#damage.length > 0 && { damage: this.#damage }),
    }
  }

  /** Replays the i-th journal; false when everything behind it is dropped. */
  async journal(i: number): Promise<boolean> {
    const reader = await this.input.plane.openJournal(journalName(this.input.journals[i]!))
    try {
      let ours = this.input.ours
      for (;;) {
        const record = await reader.next()
        if (record?.offset === 0 && isMark(record.bytes)) ours = true
        const bad = record ? this.#judge(record, ours, i) : badEnd(reader)
        if (bad === undefined) {
          if (record === undefined) return true
          await this.#deliver(record.bytes, ours)
        } else if (!(await this.#dropOrResume(i, reader, bad, ours))) {
          return false
        }
      }
    } finally {
      await reader.close()
    }
  }

  #judge(record: JournalRecord, ours: boolean, i: number): Bad | undefined {
    const { bytes, offset } = record
    try {
      checkBatch(bytes)
    } catch (error) {
      if (error instanceof FormatError) return { offset, reason: error.message, rot: true }
      throw error
    }
    if (!ours || this.input.everything || this.#gapTold) return undefined
    const sequence = batchSequence(bytes)
    const gap =
      this.#expected === undefined
        ? offset === 0 && !this.#begun && (i > 0 || sequence > this.input.lastSequence + 1)
        : sequence !== this.#expected
    return gap ? { offset, reason: 'sequence gap', rot: false, gap } : undefined
  }

  async #deliver(batch: Uint8Array, ours: boolean): Promise<void> {
    const count = batchCount(batch)
    const next = batchSequence(batch) + count
    this.#begun = true
    this.#expected = ours ? next : undefined
    this.#gapTold = false
    if (count === 0) return
    this.#records += count
    this.#last = Math.max(this.#last, next - 1)
    await this.onBatch(batch)
  }

  /** Throws for damage; true when reading goes on behind it; false for a torn tail. */
  async #dropOrResume(i: number, reader: JournalReader, bad: Bad, ours: boolean): Promise<boolean> {
    const { mode, everything } = this.input
    const found = bad.rot ? 'its checksum holds' : await this.#evidence(i, reader, bad, ours)
    const dropped = {
      file: reader.name,
      offset: bad.offset,
      bytes: reader.sizeBytes - bad.offset,
      reason: bad.reason,
    }
    if ((found === undefined && !everything) || mode === 'prefix') {
      this.#torn = dropped
      return false
    }
    if (mode === 'strict')
      throw corruption(reader.name, bad.offset, `${bad.reason}, yet ${found!}; run repair`)
    const from = bad.offset + 1
    const next = bad.gap ? bad.offset : await reader.findRecord(from, BATCH_HEADER_BYTES)
    this.#gapTold = bad.gap === true
    const skipped = { ...dropped, bytes: (next ?? reader.sizeBytes) - bad.offset }
    this.#damage.push(skipped)
    this.input.onDrop?.(skipped)
    this.#begun = true
    this.#expected = undefined
    reader.resume(next ?? reader.sizeBytes)
    return true
  }

  /** What proves that the bad bytes had been whole once, in words. */
  async #evidence(
    i: number,
    reader: JournalReader,
    bad: Bad,
    ours: boolean,
  ): Promise<string | undefined> {
    const above = this.#expected ?? -1
    const here = ours
      ? (await reader.findMark(bad.offset, above))?.offset
      : await reader.findRecord(bad.offset + 1, BATCH_HEADER_BYTES)
    if (here !== undefined) return evidence(reader.name, here, ours)
    for (const number of this.input.journals.slice(i + 1)) {
      const later = await this.input.plane.openJournal(journalName(number))
      try {
        const at = ours
          ? (await later.findMark(0, above))?.offset
          : await later.findRecord(0, BATCH_HEADER_BYTES)
        if (at !== undefined) return evidence(later.name, at, ours)
      } finally {
        await later.close()
      }
    }
    return undefined
  }
}

function evidence(file: string, offset: number, ours: boolean): string {
  return ours
    ? `the mark at byte ${offset} of ${file} says that it was synced`
    : `a complete record follows at byte ${offset} of ${file}`
}

function isMark(batch: Uint8Array): boolean {
  return batch.length === BATCH_HEADER_BYTES && batchCount(batch) === 0
}

function badEnd(reader: JournalReader): Bad | undefined {
  const { verdict } = reader
  return verdict?.kind === 'bad' ? { ...verdict, rot: false } : undefined
}
