/**
 * DurableJournal: the engine of journal stores, and what a map stands on.
 *
 * Records get their sequences at the call, are written and synced in groups, one commit at a
 * time, and settle in the order of their calls. The first failed write or sync ends all writing;
 * no sequence that a caller was given ever names another record.
 * Stands on: committer (writes), segments, recovery
 */
import type { Verification } from '../commit/told.js'
import { sizeOf } from '../commit/file.js'
import { Underway } from '../commit/underway.js'
import { StoreError, corruption } from '../errors.js'
import { SEGMENT_REWRITTEN, SEGMENT_UNSYNCED } from '../format/segment.js'
import type { Storage } from '../io/files.js'
import { backUp, type BackupContent, type BackupReport } from './backup.js'
import { Committer } from './committer.js'
import { removeEnding, writeEnding } from './ending.js'
import {
  withDamage,
  type JournalSetup,
  type RecordSink,
  type Recovered,
  type Reservation,
  type SegmentInfo,
} from './options.js'
import { readRecords, type JournalEntry } from './reading.js'
import { mend } from './recovery/mend.js'
import { replayChain, type Replayed } from './recovery/replay.js'
import { verifySegments } from './verify.js'
import { Reservations } from './reservations.js'
import type { Segment } from './segments/segment.js'
import type { SegmentFileReader } from './segments/reader.js'
import { SegmentSet } from './segments/set.js'
import { SegmentFileWriter } from './segments/writer.js'
import { journalStats, type JournalStats } from './stats.js'

export class DurableJournal {
  /** What opening found. */
  readonly recovered: Recovered
  /** Up to here opening found, or knew, everything. Numbers may be skipped behind it. */
  readonly foundSequence: number
  readonly #setup: JournalSetup
  readonly #segments: SegmentSet
  readonly #committer: Committer
  readonly #reservations: Reservations
  readonly #underway = new Underway()
  readonly #readers = new Set<SegmentFileReader>()
  /** Settles when nobody takes files away, or counts on their staying. */
  #files: Promise<unknown> = Promise.resolve()
  /** What a clean close left stands as it was. */
  #isEnded: boolean
  #lastError: Error | undefined
  #closing: Promise<void> | undefined
  /** Called with the failure of background work: a sync by the timer, a removal, the poison. */
  onWarning: (error: Error) => void = () => {}

  private constructor(setup: JournalSetup, replayed: Replayed, segments: readonly Segment[]) {
    const { recovered, nextNumber, nextSequence, lastSequence } = replayed
    this.recovered = withDamage(recovered, setup.home.damage)
    this.foundSequence = lastSequence
    this.#setup = setup
    const { dropped, rewrite } = replayed.changes
    this.#isEnded = replayed.clean && dropped.length === 0 && rewrite.length === 0
    this.#segments = new SegmentSet(setup, { segments, nextNumber, lastSequence })
    this.#committer = new Committer(setup, this.#segments, nextSequence - 1)
    this.#reservations = new Reservations(this.#committer, setup.home.clock, nextSequence - 1)
    this.#committer.onFailure = (action, error) => this.#warn(action, error)
  }

  /**
   * Judges and replays what is there, in one pass: `sink` gets every record of the chain behind
   * `setup.position`, in order, before it is known whether opening will succeed. Rejects with
   * CAIRN_CORRUPTION or CAIRN_FORMAT_VERSION, and then nothing was changed.
   */
  static async open(setup: JournalSetup, sink: RecordSink = () => {}): Promise<DurableJournal> {
    const { home, folder } = setup
    for (const damage of home.damage) setup.onDrop?.(damage)
    const replayed = await replayChain(setup, sink)
    let { segments } = replayed
    if (!home.readOnly) {
      home.changing()
      if (folder !== '') await home.storage.makeDirectory(folder)
      segments = await mend(home, replayed, setup.recovery)
    }
    const { records, torn, damage } = replayed.recovered
    home.log(
      `recovered: ${records} records of ${segments.length} segments` +
        (torn ? `, torn at byte ${torn.offset} of ${torn.file}` : '') +
        (damage ? `, ${damage.length} damaged places` : ''),
    )
    return new DurableJournal(setup, replayed, segments)
  }

  /** The newest sequence that was given to a record. */
  get lastSequence(): number {
    return this.#reservations.lastSequence
  }

  /** The newest sequence whose record, and all before it, are settled. */
  get settledSequence(): number {
    return this.#committer.settled
  }

  /** Of the newest settled record that is there; 0 before the first. */
  get newestSequence(): number {
    const newest = this.#segments.all.findLast(({ records }) => records > 0)
    return Math.min(newest?.lastSequence ?? 0, this.settledSequence)
  }

  /** Of the oldest record that is there; lastSequence + 1 when none is. */
  get firstSequence(): number {
    const first = this.#segments.all.find(({ records }) => records > 0)
    return first?.firstSequence ?? this.#reservations.lastSequence + 1
  }

  /** Called with each new settledSequence, before the promises of its records resolve. */
  set onSettled(listener: (sequence: number) => void) {
    this.#committer.onSettled = listener
  }

  /** Why no write is taken: CAIRN_NOT_OPEN, CAIRN_READ_ONLY, CAIRN_POISONED. */
  refusal(): StoreError | undefined {
    if (this.#closing) return new StoreError('CAIRN_NOT_OPEN', 'the store is closed')
    if (this.#setup.home.readOnly)
      return new StoreError('CAIRN_READ_ONLY', 'the store is open read-only')
    return this.#committer.poison
  }

  /** QUEUE_MAX_BYTES wait: go through `whenRoom`. */
  get mustWait(): boolean {
    return this.#committer.mustWait
  }

  /** Runs `work` when there is room, in the order of the calls; rejects with a refusal by then. */
  whenRoom<T>(work: () => Promise<T>): Promise<T> {
    return this.#committer.callers.add(() => {
      const refusal = this.refusal()
      return refusal ? Promise.reject(refusal) : work()
    })
  }

  /**
   * Room for one record, to be filled before anything else is called. Only when `refusal()` gave
   * none. CAIRN_LIMIT for a payload above 64 MiB leaves no trace.
   */
  reserve(payloadBytes: number): Reservation {
    return this.#reservations.reserve(payloadBytes)
  }

  /**
   * The next `records` reservations, `payloadBytes` altogether, are one group: whole or absent.
   * CAIRN_LIMIT when they are too large for one.
   */
  together(records: number, payloadBytes: number): void {
    this.#reservations.together(records, payloadBytes)
  }

  /** Settles when everything reserved before the call survives power loss. */
  sync(): Promise<void> {
    const refusal = this.refusal()
    return refusal ? Promise.reject(refusal) : this.#committer.sync()
  }

  /** Runs `task` between two commits, behind every record that was reserved before. */
  barrier(task: () => Promise<void>): Promise<void> {
    const refusal = this.refusal()
    if (refusal) return Promise.reject(refusal)
    const { callers } = this.#committer
    return callers.isEmpty
      ? this.#committer.barrier(task)
      : callers.add(() => this.#committer.barrier(task))
  }

  /** Ends the current segment: what is reserved later goes to a new one. `ended` runs between. */
  async rotate(ended: () => void = () => {}): Promise<void> {
    await this.barrier(async () => {
      this.#segments.leave()
      ended()
    })
    try {
      await this.#segments.olderClosed()
    } catch (error) {
      throw this.#committer.fail('sync the journal', error)
    }
  }

  /**
   * Deletes whole segments whose records are all below `before`, oldest first; never the newest
   * `keep`. Gives how many. What remains is synced before.
   */
  trim(before: number, keep = 1): Promise<number> {
    return this.#alone(() => this.#trim(before, Math.max(keep, 1)))
  }

  /** Oldest first; the last one may be the one that is written to. */
  segments(): SegmentInfo[] {
    return this.#segments.all.map((segment) => segment.info())
  }

  /**
   * Records from..to inclusive that were settled at the call. CAIRN_MISSING for what was trimmed,
   * before or meanwhile. Payloads are copies.
   */
  read(from: number, to: number): AsyncGenerator<JournalEntry> {
    const { home, recovery } = this.#setup
    const reading = {
      home,
      segments: () => this.#segments.all,
      open: this.#readers,
      // A writer has written anew what it salvaged.
      skipsDamage: recovery === 'salvage' && home.readOnly,
    }
    return readRecords(reading, from, Math.min(to, this.settledSequence))
  }

  /** Those that nothing is written to any more, once what they were left with is sealed. */
  async closedSegments(): Promise<SegmentInfo[]> {
    const closed = [...this.#segments.closed]
    await this.#segments.olderClosed()
    return closed.map((segment) => segment.info())
  }

  /**
   * The writer of a segment that takes the place of these, which are neighbours and closed.
   */
  rewrite(segments: readonly SegmentInfo[]): Promise<SegmentFileWriter> {
    const found = this.#neighbours(segments)
    const [first, last] = [found[0]!.header, found.at(-1)!]
    return SegmentFileWriter.create(this.#setup.home, last.file, {
      isSnapshot: false,
      flags: SEGMENT_REWRITTEN | (last.header.flags & SEGMENT_UNSYNCED),
      number: last.number,
      previousNumber: first.previousNumber,
      firstSequence: first.firstSequence,
      previousSequence: first.previousSequence,
      lastSequence: last.chainLast,
      reservedSequence: Math.max(...found.map(({ header }) => header.reservedSequence)),
      createdAt: first.createdAt,
    })
  }

  /**
   * Finishes the writer, gives its file the name of the last of the segments that it was made for
   * and removes the others. A crash in between is harmless.
   */
  replace(writer: SegmentFileWriter): Promise<SegmentInfo> {
    return this.#alone(() => this.#replace(writer))
  }

  /** Checks every segment as far as it reached at the call. */
  verify(report: Verification): Promise<void> {
    const { home } = this.#setup
    return this.#alone(() => verifySegments(home, this.#segments.all, report))
  }

  /**
   * A complete copy as of the call. `others` gives what else belongs to it, once nothing is taken
   * away any more. CAIRN_EXISTS unless the target is empty.
   */
  backup(
    target: Storage,
    since?: Storage,
    others?: () => Pick<BackupContent, 'others' | 'folders'>,
  ): Promise<BackupReport> {
    const { home } = this.#setup
    const [damaged] = (home.readOnly && this.recovered.damage) || []
    if (damaged) {
      const reason = `${damaged.reason}; a copy would hold that too: salvage it first, for writing`
      return Promise.reject(corruption(damaged.file, damaged.offset, reason))
    }
    let newest = Infinity
    let nextSequence = this.settledSequence + 1
    const ended = home.readOnly
      ? Promise.resolve()
      : this.rotate(() => {
          newest = this.#segments.closed.at(-1)?.number ?? 0
          nextSequence = this.settledSequence + 1
        })
    return this.#alone(async () => {
      await ended
      const closed = this.#segments.closed.filter(({ number }) => number <= newest)
      const segments = closed.map((segment) => segment.info())
      return backUp(home, { segments, nextSequence, ...others?.() }, target, since)
    }, ended)
  }

  stats(): JournalStats {
    return journalStats(this.#committer, this.#segments, this.#lastError)
  }

  resetStats(): void {
    this.#committer.resetCounters()
    this.#segments.syncs = 0
    this.#segments.rotations = 0
  }

  /** Waits for what is under way, seals and lets go of the files. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#underway.settled()
    await this.#committer.close()
    const segments = this.#segments
    try {
      if (this.#committer.poison === undefined && !this.#setup.home.readOnly) await this.#end()
    } catch (error) {
      this.#warn('close cleanly', error)
    }
    await segments.close()
    // Of iterators that nobody goes on with.
    for (const reader of this.#readers) await reader.close().catch(() => {})
  }

  /** Runs what takes files away, or needs them to stay, one after the other. */
  #alone<T>(work: () => Promise<T>, begun?: Promise<void>): Promise<T> {
    // Its failure is the work's, too.
    begun?.catch(() => {})
    if (this.#closing)
      return Promise.reject(new StoreError('CAIRN_NOT_OPEN', 'the store is closed'))
    const done = this.#files.then(work, work)
    this.#files = done
    return this.#underway.add(done)
  }

  /** A clean end: everything sealed and synced, and said so. */
  async #end(): Promise<void> {
    const segments = this.#segments
    segments.leave()
    await segments.olderClosed()
    const newest = segments.closed.at(-1)
    if (newest === undefined || (this.#isEnded && !segments.isBegun)) return
    const nextSequence = this.#reservations.lastSequence + 1
    // As it is: zeros that could not be cut off may stand behind the seal.
    const segmentBytes = await sizeOf(this.#setup.home.storage, newest.file)
    await writeEnding(this.#setup.home, { segment: newest.number, segmentBytes, nextSequence })
  }

  async #replace(writer: SegmentFileWriter): Promise<SegmentInfo> {
    await writer.finish()
    // What a clean close said of the newest segment is no longer so.
    if (this.#isEnded) await removeEnding(this.#setup.home)
    this.#isEnded = false
    return this.#segments.replace(writer, this.#setup.home)
  }

  async #trim(before: number, keep: number): Promise<number> {
    const refusal = this.refusal()
    if (refusal) throw refusal
    if (this.#trimmable(before, keep) === 0) return 0
    await this.#committer.sync()
    return this.#segments.remove(this.#trimmable(before, keep), this.#setup.home)
  }

  /** How many of the oldest segments hold nothing from `before` on. */
  #trimmable(before: number, keep: number): number {
    const { closed, all } = this.#segments
    const most = Math.min(closed.length, all.length - keep)
    let count = 0
    while (count < most && closed[count]!.lastSequence < before) count++
    return count
  }

  #neighbours(infos: readonly SegmentInfo[]): Segment[] {
    const { closed } = this.#segments
    const from = closed.findIndex(({ number }) => number === infos[0]?.number)
    const found = closed.slice(from, from + infos.length)
    const fit = found.every(({ number }, i) => number === infos[i]!.number)
    if (from >= 0 && infos.length > 0 && found.length === infos.length && fit) return found
    throw new TypeError('only neighbours that are closed can be rewritten')
  }

  #warn(action: string, error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error))
    this.#lastError = cause
    this.#setup.home.log(`error: could not ${action}: ${cause.message}`)
    // Later: a listener that throws must not break off engine work.
    queueMicrotask(() => this.onWarning(cause))
  }
}
