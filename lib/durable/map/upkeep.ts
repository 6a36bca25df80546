/**
 * Upkeep: compaction and snapshots of an open map, asked for or by themselves.
 *
 * One of them runs at a time: each reads what another would take away. One that runs by itself
 * and fails is told, and tried again later; closing cancels it. What a caller asked for ends.
 * Decides: when they run, and what goes afterwards.
 */
import type { Verification } from '../../commit/told.js'
import { DIRECTORY_SNAPSHOTS, DIRECTORY_WAL } from '../../format/names.js'
import type { Storage } from '../../io/files.js'
import type { BackupReport } from '../backup.js'
import type { SegmentInfo } from '../options.js'
import { snapshotInfo, type SnapshotFile, type SnapshotInfo } from './catalog.js'
import { compactSegments } from './compaction.js'
import { checkSnapshot, countRecords } from './content.js'
import { Job, OneByOne, type After } from './job.js'
import type { MapParts } from './parts.js'
import { restoreSnapshot } from './restore.js'
import { journalCut, kept, type Retention } from './retention.js'
import { choose, isDue, type CompactionLimits } from './selection.js'
import { Slices } from './slices.js'
import { takeSnapshot } from './taking.js'

export interface UpkeepOptions extends CompactionLimits, Retention {
  /** A snapshot is taken when the newest is so old and something changed; 0 for never. */
  readonly snapshotEveryMs: number
  /** And when so much was journaled since. */
  readonly snapshotJournalBytes: number
  /** Segments that are never deleted, the newest ones. */
  readonly keepSegments: number
}

export interface UpkeepSetup {
  readonly parts: MapParts
  readonly options: UpkeepOptions
  readonly after: After
  /** Hears of failures that no caller waits for. */
  readonly warn: (action: string, error: unknown) => void
}

/** What became of a compaction, in bytes of the journal. */
export interface CompactionReport {
  readonly beforeBytes: number
  readonly afterBytes: number
}

/** Counts since the opening; times are milliseconds since 1970, 0 for never. */
export interface UpkeepCounts {
  compactions: number
  /** Full ones, and incremental ones. */
  snapshots: number
  incrementalSnapshots: number
  /** Bytes of all of them. */
  snapshotBytes: number
  /** Bytes that compactions took off the journal. */
  savedBytes: number
  lastCompactionAt: number
  lastSnapshotAt: number
}

/** A compaction that ran by itself is followed by a pause of so many times its work. */
const PAUSE_FACTOR = 2

export class Upkeep {
  counts = noCounts()
  readonly #queue = new OneByOne()
  readonly #compactions: Job
  readonly #snapshots: Job
  readonly #abort = new AbortController()
  /** `ledger.bytes` when the newest full snapshot was taken. */
  #snapshotBytes = 0
  /** The newest full snapshot is older than it may be. */
  #isOld = false
  /** When compaction may start by itself again, in microseconds. */
  #notBefore = 0
  #cancelTimer: (() => void) | undefined
  readonly #openedAt: number
  #closed = false

  constructor(private readonly setup: UpkeepSetup) {
    this.#openedAt = setup.parts.home.clock()
    const job = (action: string, work: () => Promise<void>): Job =>
      new Job({
        after: setup.after,
        work: () => this.#queue.run(work),
        onFailure: (error) => setup.warn(action, error),
        onIdle: () => this.notice(),
      })
    this.#compactions = job('compact the journal', () => this.#compactIfDue())
    this.#snapshots = job('take a snapshot', () => this.#snapshotIfDue())
  }

  /** Counts what an opening found, and begins to do things by itself. */
  start(): void {
    const { journal, ledger } = this.setup.parts
    const segments = journal.segments()
    ledger.begin(segments)
    const { position = 0 } = this.#newestFull ?? {}
    const unsaved = segments.filter(({ lastSequence }) => lastSequence > position)
    this.#snapshotBytes = ledger.bytes - sumBytes(unsaved)
    this.#arm()
    this.notice()
  }

  /** Something was settled: starts what is due. */
  notice(): void {
    const { parts, options } = this.setup
    const { ledger, journal } = parts
    const mayCompact = isDue(ledger, options) && this.#compactions.isIdle
    const maySnapshot = this.#isSnapshotDue() && this.#snapshots.isIdle
    if ((!mayCompact && !maySnapshot) || journal.refusal() !== undefined) return
    if (mayCompact && parts.home.clock() >= this.#notBefore) this.#compactions.start()
    if (maySnapshot) this.#snapshots.start()
  }

  /** Makes the journal hold only what matters. */
  compact(): Promise<CompactionReport> {
    return this.#queue.run(async () => {
      const { journal } = this.setup.parts
      await journal.rotate()
      const before = sumBytes(journal.segments())
      const saved = await this.#compact(await this.#closedSegments(), new Slices())
      return { beforeBytes: before, afterBytes: before - saved }
    })
  }

  snapshot(incremental: boolean): Promise<SnapshotInfo> {
    return this.#queue.run(() => this.#snapshot(incremental, new Slices()))
  }

  /** All that are whole, oldest first. */
  list(): Promise<SnapshotInfo[]> {
    const { home, catalog } = this.setup.parts
    return this.#queue.run(async () => {
      for (const file of catalog.whole)
        if (file.records === undefined) await countRecords(home, file)
      return catalog.whole.map(snapshotInfo)
    })
  }

  /** Keeps the newest `keepSnapshots`, and what they stand on; gives how many went. */
  prune(keepSnapshots: number): Promise<number> {
    return this.#queue.run(() => this.#retain({ keepSnapshots, keepSnapshotsMs: 0 }))
  }

  restore(number: number, target: Storage): Promise<void> {
    const { home, catalog } = this.setup.parts
    return this.#queue.run(() => restoreSnapshot(home, catalog, number, target, new Slices()))
  }

  /** Checks every segment and every snapshot. */
  verify(report: Verification): Promise<void> {
    const { home, journal, catalog } = this.setup.parts
    return this.#queue.run(async () => {
      await journal.verify(report)
      report.damage.push(...catalog.damage)
      for (const file of catalog.files) {
        const damage = await checkSnapshot(home, file, new Slices())
        report.file(file.bytes, file.records ?? 0)
        if (damage !== undefined) report.damage.push(damage)
      }
    })
  }

  /** A complete copy: the journal as of now, and the snapshots that are whole. */
  backup(target: Storage, since?: Storage): Promise<BackupReport> {
    const { journal, catalog } = this.setup.parts
    const folders = [DIRECTORY_WAL, DIRECTORY_SNAPSHOTS]
    return this.#queue.run(() =>
      journal.backup(target, since, () => ({ others: catalog.whole, folders })),
    )
  }

  resetCounts(): void {
    this.counts = noCounts()
  }

  /** Settles when nothing runs. Never rejects. */
  async settled(): Promise<void> {
    await this.#queue.settled()
    await this.#compactions.settled()
    await this.#snapshots.settled()
  }

  /** Cancels what runs by itself, waits for what was asked for. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelTimer?.()
    this.#compactions.close()
    this.#snapshots.close()
    this.#abort.abort()
    await this.settled()
  }

  get #slices(): Slices {
    const { serial, clock } = this.setup.parts.home
    // Rests are no part of a schedule that has to be the same everywhere.
    return new Slices(this.#abort.signal, serial ? undefined : clock)
  }

  async #compactIfDue(): Promise<void> {
    const { parts, options, after } = this.setup
    const { journal, ledger, home } = parts
    if (this.#closed || !isDue(ledger, options)) return
    const start = home.clock()
    const chosen = choose(journal.segments(), ledger, options)
    if (chosen.at(-1)?.number === journal.segments().at(-1)?.number) await journal.rotate()
    const numbers = new Set(chosen.map(({ number }) => number))
    const closed = (await this.#closedSegments()).filter(({ number }) => numbers.has(number))
    const slices = this.#slices
    await this.#compact(closed, slices)
    const pause = (home.clock() - start - slices.restedUs) * PAUSE_FACTOR
    this.#notBefore = home.clock() + pause
    if (pause <= 0 || this.#closed) return
    // The timer tells the end: by the clock it may come a little early, and nobody asks again.
    after(Math.ceil(pause / 1000), () => {
      this.#notBefore = 0
      this.notice()
    })
  }

  /** Gives the bytes that were saved. */
  async #compact(segments: readonly SegmentInfo[], slices: Slices): Promise<number> {
    if (segments.length === 0) return 0
    const { parts } = this.setup
    const { beforeBytes, afterBytes } = await compactSegments(parts, segments, slices)
    const saved = beforeBytes - afterBytes
    if (saved === 0) return 0
    const { counts } = this
    counts.compactions++
    counts.savedBytes += saved
    counts.lastCompactionAt = Math.floor(parts.home.clock() / 1000)
    const names = segments.map(({ number }) => number).join(' ')
    parts.home.log(`compacted: segments ${names}, ${beforeBytes} to ${afterBytes} bytes`)
    return saved
  }

  async #closedSegments(): Promise<SegmentInfo[]> {
    const { journal, entries } = this.setup.parts
    const closed = await journal.closedSegments()
    return closed.filter((segment) => segment.lastSequence <= entries.settled)
  }

  get #newestFull(): SnapshotFile | undefined {
    return this.setup.parts.catalog.whole.findLast(({ base }) => base === 0)
  }

  #isSnapshotDue(): boolean {
    const { parts, options } = this.setup
    if (parts.ledger.bytes - this.#snapshotBytes >= options.snapshotJournalBytes) return true
    return this.#isOld && parts.entries.settled > (this.#newestFull?.position ?? 0)
  }

  async #snapshotIfDue(): Promise<void> {
    if (!this.#closed && this.#isSnapshotDue()) await this.#snapshot(false, this.#slices)
  }

  /** Has the time told when the newest full snapshot is old. */
  #arm(): void {
    const { parts, options, after } = this.setup
    const { snapshotEveryMs } = options
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#isOld = false
    if (snapshotEveryMs === 0 || this.#closed) return
    const now = parts.home.clock() / 1000
    const due = (this.#newestFull?.createdAt ?? this.#openedAt) / 1000 + snapshotEveryMs
    // A clock that was set back makes nobody wait longer.
    const delay = Math.min(Math.max(due - now, 0), snapshotEveryMs)
    this.#cancelTimer = after(Math.ceil(delay), () => {
      this.#cancelTimer = undefined
      this.#isOld = parts.home.clock() / 1000 >= due
      if (this.#isOld) this.notice()
      else this.#arm()
    })
  }

  async #snapshot(incremental: boolean, slices: Slices): Promise<SnapshotInfo> {
    const { parts, options, warn } = this.setup
    const { bytes } = parts.ledger
    const snapshot = await takeSnapshot(parts, incremental, slices)
    const info = snapshotInfo(snapshot)
    const { counts } = this
    if (info.kind === 'incremental') counts.incrementalSnapshots++
    else {
      counts.snapshots++
      this.#snapshotBytes = bytes
      this.#arm()
    }
    counts.snapshotBytes += info.bytes
    counts.lastSnapshotAt = info.createdAt
    parts.home.log(`snapshot: ${info.file}, ${info.entries} entries, ${info.bytes} bytes`)
    try {
      await this.#trim()
      await this.#retain(options)
    } catch (error) {
      warn('remove what a snapshot made needless', error)
    }
    return info
  }

  /** Deletes the journal up to the second newest full snapshot that was read back. */
  async #trim(): Promise<void> {
    const { parts, options } = this.setup
    const { journal, ledger, catalog } = parts
    const before = journal.segments()
    const cut = journalCut(catalog.whole)
    if (cut === 0) return
    try {
      await journal.trim(cut + 1, options.keepSegments)
    } finally {
      // What is gone is gone, whatever failed behind it.
      const count = before.findIndex(({ number }) => number === journal.segments()[0]!.number)
      if (count > 0) ledger.trimmed(before.slice(0, count), before[count]!.firstSequence - 1)
    }
  }

  /** Deletes the snapshots that are not kept; gives how many. */
  async #retain(retention: Retention): Promise<number> {
    const { home, catalog, ledger } = this.setup.parts
    const keep = kept(catalog.files, retention, home.clock())
    const gone = catalog.files.filter((file) => !keep.has(file.number) && !catalog.isHighest(file))
    await catalog.remove(new Set(gone.map(({ number }) => number)))
    if (gone.length > 0) ledger.release()
    return gone.length
  }
}

function noCounts(): UpkeepCounts {
  return {
    ...{ compactions: 0, snapshots: 0, incrementalSnapshots: 0, snapshotBytes: 0 },
    ...{ savedBytes: 0, lastCompactionAt: 0, lastSnapshotAt: 0 },
  }
}

function sumBytes(segments: readonly SegmentInfo[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}
