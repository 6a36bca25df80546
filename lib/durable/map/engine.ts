/**
 * MapEngine: a map in memory over a journal, with its snapshots and their upkeep.
 *
 * Opening begins with the newest snapshot that is whole and streams the journal behind it. Reads
 * see settled changes only.
 * Stands on: Entries (memory), DurableJournal, Changes (writes), Upkeep (snapshots, compaction)
 */
import { Verification, type VerifyReport } from '../../commit/told.js'
import { StoreError } from '../../errors.js'
import type { Datum } from '../../format/batch.js'
import { DIRECTORY_SNAPSHOTS, DIRECTORY_WAL } from '../../format/names.js'
import type { Storage } from '../../io/files.js'
import { Entries, type ShardStats } from '../entries/entries.js'
import type { EntryHit } from '../entries/generation.js'
import { HASH_SEED_BYTES } from '../entries/hash.js'
import type { BackupReport } from '../backup.js'
import type { StoreHome } from '../home.js'
import { DurableJournal } from '../journal.js'
import { withDamage, type JournalSetup, type RecordSink, type Recovered } from '../options.js'
import { Catalog, type SnapshotInfo } from './catalog.js'
import { Changes, type BatchChange, type Decision } from './changes.js'
import { afterDelay, type After } from './job.js'
import { Ledger } from './ledger.js'
import type { MapParts } from './parts.js'
import { Reclaimer } from './reclaimer.js'
import { replayInto } from './replay.js'
import { journalReach, restart } from './restart.js'
import type { MapStats } from './stats.js'
import { Upkeep, type CompactionReport, type UpkeepOptions } from './upkeep.js'

export interface MapOptions
  extends UpkeepOptions, Omit<JournalSetup, 'home' | 'folder' | 'position' | 'synced'> {
  /** How many parts the map has at first; rounded up to a power of two. */
  readonly shards: number
  /** Timers of the upkeep; Node's without it. */
  readonly after?: After
}

export class MapEngine {
  /** What opening found. */
  readonly recovered: Recovered
  /** Hears of failures that no caller waits for. */
  onWarning: (error: Error) => void = () => {}
  readonly #home: StoreHome
  readonly #journal: DurableJournal
  readonly #entries: Entries
  readonly #ledger: Ledger
  readonly #changes: Changes
  readonly #upkeep: Upkeep
  readonly #reclaimer: Reclaimer
  #lastError: Error | undefined
  #closing: Promise<void> | undefined

  private constructor(
    parts: MapParts,
    { after = afterDelay, ...options }: MapOptions,
    recovered: Recovered,
  ) {
    const { home, journal, entries, ledger } = parts
    this.recovered = recovered
    this.#home = home
    this.#journal = journal
    this.#entries = entries
    this.#ledger = ledger
    this.#changes = new Changes(journal, entries, ledger)
    this.#reclaimer = new Reclaimer(entries)
    const warn = (action: string, error: unknown): void => this.#warn(action, error as Error)
    this.#upkeep = new Upkeep({ parts, options, after, warn })
    journal.onSettled = (sequence) => {
      entries.settle(sequence)
      this.#upkeep.notice()
    }
    journal.onWarning = (error) => this.#warn('write the journal', error)
  }

  /**
   * Opens the map in a directory that is claimed. CAIRN_CORRUPTION, CAIRN_FORMAT_VERSION,
   * CAIRN_WRONG_KEY; nothing is changed then. The home is the caller's until this settles.
   */
  static async open(home: StoreHome, options: MapOptions): Promise<MapEngine> {
    const salvage = options.recovery === 'salvage'
    const catalog = await Catalog.read(home)
    const reach = await journalReach(home)
    let received: Received | undefined
    const receive = (position: number): RecordSink => {
      const seed = home.random(HASH_SEED_BYTES)
      const entries = new Entries({ shards: options.shards, seed })
      // Without a segment the journal goes on behind the snapshot.
      const ledger = new Ledger(reach === Infinity ? position : reach)
      received = { entries, ledger, sink: replayInto(entries, ledger, position) }
      return received.sink
    }
    const found = await restart(home, catalog, reach, receive, salvage)
    const { position, damage, synced } = found
    const { entries, ledger, sink } = received!
    const setup = { ...options, home, folder: DIRECTORY_WAL, position, synced } as const
    const journal = await DurableJournal.open(setup, sink)
    // Not up to numbers that are skipped: a snapshot's position is a record that there was.
    entries.settle(journal.foundSequence)
    const parts = { home, journal, entries, ledger, catalog }
    const engine = new MapEngine(parts, options, withDamage(journal.recovered, damage))
    try {
      await engine.#begin(catalog, salvage)
    } catch (error) {
      await engine.close()
      throw error
    }
    return engine
  }

  /** Keys that are settled. */
  get size(): number {
    this.#refuseClosed()
    return this.#entries.size
  }

  get shardCount(): number {
    this.#refuseClosed()
    return this.#entries.shardCount
  }

  shardStats(): ShardStats[] {
    this.#refuseClosed()
    return this.#entries.shardStats()
  }

  /** The settled entry of a key, to be read before anything else is called. */
  find(key: Datum): EntryHit | undefined {
    this.#refuseClosed()
    const entries = this.#entries
    return entries.find(key, entries.settled) ? entries.hit : undefined
  }

  /** Shows entries to `visit`, which must not call the map: settled ones, or those of a pinned
   * position. See Entries.scan. */
  scan(
    from: number,
    most: number,
    visit: (hit: EntryHit) => void,
    position?: number,
  ): number | undefined {
    this.#refuseClosed()
    const entries = this.#entries
    return entries.scan(from, position ?? entries.settled, most, () => visit(entries.hit))
  }

  /** Keeps the settled state readable until `unpin`; gives its position. */
  pin(): number {
    this.#refuseClosed()
    const { settled } = this.#entries
    this.#entries.pin(settled)
    return settled
  }

  unpin(position: number): void {
    this.#entries.unpin(position)
  }

  set(key: Datum, value: Datum): Promise<number> {
    return this.#ifOpen() ?? this.#then(this.#changes.set(key, value))
  }

  delete(key: Datum): Promise<boolean> {
    return this.#ifOpen() ?? this.#then(this.#changes.delete(key))
  }

  change<T>(key: Datum, value: Datum, decide: Decision<T>): Promise<T> {
    return this.#ifOpen() ?? this.#then(this.#changes.change(key, value, decide))
  }

  clear(): Promise<void> {
    return this.#ifOpen() ?? this.#then(this.#changes.clear())
  }

  batch(changes: readonly BatchChange[]): Promise<void> {
    return this.#ifOpen() ?? this.#then(this.#changes.batch(changes))
  }

  sync(): Promise<void> {
    return this.#ifOpen() ?? this.#journal.sync()
  }

  compact(): Promise<CompactionReport> {
    return this.#ifWritable() ?? this.#upkeep.compact()
  }

  snapshot(incremental: boolean): Promise<SnapshotInfo> {
    return this.#ifWritable() ?? this.#upkeep.snapshot(incremental)
  }

  snapshots(): Promise<SnapshotInfo[]> {
    return this.#ifOpen() ?? this.#upkeep.list()
  }

  pruneSnapshots(keep: number): Promise<number> {
    return this.#ifWritable() ?? this.#upkeep.prune(keep)
  }

  restore(number: number, target: Storage): Promise<void> {
    return this.#ifOpen() ?? this.#upkeep.restore(number, target)
  }

  verify(): Promise<VerifyReport> {
    const report = new Verification()
    return this.#ifOpen() ?? this.#upkeep.verify(report).then(() => report.finish())
  }

  backup(target: Storage, since?: Storage): Promise<BackupReport> {
    return this.#ifOpen() ?? this.#upkeep.backup(target, since)
  }

  stats(): MapStats {
    const { records: writes, ...journal } = this.#journal.stats()
    const lastError = this.#lastError ?? journal.lastError
    return {
      ...journal,
      writes,
      ...this.#upkeep.counts,
      entries: this.#entries.size,
      memoryBytes: this.#entries.memoryBytes,
      deadRecords: this.#ledger.dead,
      cipher: this.#home.keys?.cipher ?? 'none',
      ...(lastError && { lastError }),
    }
  }

  resetStats(): void {
    this.#journal.resetStats()
    this.#upkeep.resetCounts()
  }

  /** Waits for what is under way, seals and lets go of all but the home. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #begin(catalog: Catalog, salvage: boolean): Promise<void> {
    const { damage } = this.recovered
    if (this.#home.readOnly) {
      this.#ledger.begin(this.#journal.segments())
      return
    }
    await this.#home.storage.makeDirectory(DIRECTORY_SNAPSHOTS)
    if (salvage) await catalog.keepDamaged()
    await catalog.clean()
    this.#upkeep.start()
    // What was lost stays lost: from here on a snapshot says what there is.
    if (salvage && damage !== undefined) await this.#upkeep.snapshot(false)
  }

  /** Under the serial schedule every background job ends before the next operation. */
  #then<T>(change: Promise<T>): Promise<T> {
    return this.#home.serial ? change.finally(() => this.#upkeep.settled()) : change
  }

  async #close(): Promise<void> {
    await this.#upkeep.close()
    // Callers that waited for room have their turn before the journal refuses them.
    await this.#journal.barrier(async () => {}).catch(() => {})
    await this.#journal.close()
    this.#reclaimer.close()
  }

  #warn(action: string, error: Error): void {
    this.#lastError = error
    this.#home.log(`could not ${action}: ${error.message}`)
    // Later: a listener that throws must not break off engine work.
    queueMicrotask(() => this.onWarning(error))
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw notOpen()
  }

  #ifOpen(): Promise<never> | undefined {
    return this.#closing === undefined ? undefined : Promise.reject(notOpen())
  }

  #ifWritable(): Promise<never> | undefined {
    const refusal = this.#closing === undefined ? this.#journal.refusal() : notOpen()
    return refusal && Promise.reject(refusal)
  }
}

interface Received {
  readonly entries: Entries
  readonly ledger: Ledger
  readonly sink: RecordSink
}

/** What the journal found, and what was wrong with snapshots. */
function notOpen(): StoreError {
  return new StoreError('CAIRN_NOT_OPEN', 'the store is closed')
}
