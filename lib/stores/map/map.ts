/**
 * DurableMap: a map in memory whose changes are journaled, compacted and snapshotted.
 *
 * What a map does with keys and values is in MapOperations; here is its life, and its upkeep.
 * Stands on: MapEngine
 */
import type { PlaneInfo, VerifyReport } from '../../commit/told.js'
import type { BackupReport } from '../../durable/backup.js'
import type { ShardStats } from '../../durable/entries/entries.js'
import type { SnapshotInfo } from '../../durable/map/catalog.js'
import type { MapStats } from '../../durable/map/stats.js'
import type { CompactionReport } from '../../durable/map/upkeep.js'
import type { Recovered } from '../../durable/options.js'
import { secretOf, type SecretInput } from '../../durable/secret.js'
import type { Storage } from '../../io/files.js'
import type { RekeyOptions } from '../journal/journal.js'
import { flag, integer, readLocation, type Given } from '../options.js'
import { Place, storageFor } from '../place.js'
import type { DurableMapDriver, MapWrites, SnapshotOptions } from './driver.js'
import { LocalDriver } from './local.js'
import { openMap, rekeyMap, type OpenMap } from './open.js'
import { MapOperations } from './operations.js'
import { readMapSettings, type MapOptions, type MapSettings } from './options.js'

const COUNT_MAX = 2 ** 31 - 1

/**
 * A map whose changes survive. Keys have up to 64 KiB, values up to 64 MiB; none bytes are fine.
 *
 * Reads are answered from memory and see settled changes. Conditions are judged in the order of
 * the calls, against everything that was called before.
 *
 * Errors: TypeError and RangeError for wrong arguments, else StoreError. Events: `recovered`
 * (Recovered) once after an opening that has something to tell, `warning` (Error) when background
 * work fails.
 */
export class DurableMap<K = string, V = Buffer>
  extends MapOperations<K, V>
  implements MapWrites<K, V>
{
  /** What opening found. */
  readonly recovered: Recovered
  /** The data plane, how it does its I/O, and why it was chosen. */
  readonly plane: PlaneInfo
  /** The same map as an interface that other engines can have too. */
  readonly driver: DurableMapDriver<K, V>
  readonly #opened: OpenMap
  /** The storage that this opening made and must close. */
  readonly #ownStorage: Storage | undefined
  #closing: Promise<void> | undefined

  private constructor(opened: OpenMap, ownStorage: Storage | undefined, settings: MapSettings) {
    super(opened.engine, settings)
    const { engine, home } = opened
    this.recovered = engine.recovered
    this.plane = home.info
    this.driver = new LocalDriver(this, this.walks())
    this.#opened = opened
    this.#ownStorage = ownStorage
    engine.onWarning = (error) => void this.emit('warning', error)
    const { torn, damage } = engine.recovered
    if (torn !== undefined || damage !== undefined)
      setImmediate(() => this.emit('recovered', this.recovered))
  }

  /**
   * Opens the map in `directory`, or makes it. CAIRN_MISSING, CAIRN_EXISTS, CAIRN_LOCKED,
   * CAIRN_CORRUPTION, CAIRN_FORMAT_VERSION, CAIRN_WRONG_KEY, CAIRN_READ_ONLY, CAIRN_IO; nothing
   * is changed then.
   */
  static async open<K = string, V = Buffer>(
    directory: string,
    options: MapOptions = {},
  ): Promise<DurableMap<K, V>> {
    readLocation("The first argument 'directory'", directory)
    const settings = readMapSettings(options)
    const storage = storageFor(directory, settings)
    const own = typeof settings.storage === 'string' ? storage : undefined
    try {
      return new DurableMap<K, V>(await openMap(storage, settings), own, settings)
    } catch (error) {
      await own?.close()
      throw error
    }
  }

  /**
   * Gives the store another key or passphrase; with `deep`, its data get a new store key, too. A
   * crash at any step leaves it readable with one of the two. CAIRN_WRONG_KEY when `oldKey` is not
   * the store's.
   */
  static async rekey(
    directory: string,
    oldKey: SecretInput,
    newKey: SecretInput,
    options: RekeyOptions = {},
  ): Promise<void> {
    readLocation("The first argument 'directory'", directory)
    const given = options as Given
    const settings = readMapSettings(given)
    const deep = flag(given, 'deep', false)
    const secrets = { from: secretOf(oldKey), to: secretOf(newKey), deep }
    const storage = storageFor(directory, settings)
    try {
      await rekeyMap(storage, settings, secrets)
    } finally {
      if (typeof settings.storage === 'string') await storage.close()
    }
  }

  get location(): string {
    return this.#opened.home.storage.location
  }

  /** Parts of the map: each is split when it has 65,536 keys. */
  get shardCount(): number {
    return this.engine.shardCount
  }

  shardStats(): ShardStats[] {
    return this.engine.shardStats()
  }

  /** Settles when everything acknowledged before the call survives power loss. */
  async sync(): Promise<void> {
    await this.engine.sync()
  }

  /** Makes the journal hold only what matters; sizes are those of the journal, in bytes. */
  compact(): Promise<CompactionReport> {
    return this.engine.compact()
  }

  /** Settles when the state as of the call is on disk and was read back. */
  async snapshot(options: SnapshotOptions = {}): Promise<SnapshotInfo> {
    return this.engine.snapshot(flag(options as Given, 'incremental', false))
  }

  /** Restore points that are whole, oldest first. */
  snapshots(): Promise<SnapshotInfo[]> {
    return this.engine.snapshots()
  }

  /** Keeps the newest `keepCount` snapshots and what they stand on; gives how many went. */
  async pruneSnapshots(keepCount: number): Promise<number> {
    return this.engine.pruneSnapshots(integer({ keepCount }, 'keepCount', 1, 1, COUNT_MAX))
  }

  /** Makes a snapshot's state a store of its own. CAIRN_NOT_FOUND, CAIRN_EXISTS. */
  async restore(number: number, directory: string | Storage): Promise<void> {
    const wanted = integer({ number }, 'number', 0, 1, Number.MAX_SAFE_INTEGER)
    const target = new Place("The second argument 'directory'", directory)
    try {
      await this.engine.restore(wanted, target.storage)
    } finally {
      await target.close()
    }
  }

  /** Reads and checks everything; rejects only when it can not read. */
  verify(): Promise<VerifyReport> {
    return this.engine.verify()
  }

  /**
   * A complete copy in a directory that is new or empty (CAIRN_EXISTS). What the earlier backup
   * `since` has already is taken from there.
   */
  async backup(
    directory: string | Storage,
    options: { since?: string | Storage | undefined } = {},
  ): Promise<BackupReport> {
    const target = new Place("The first argument 'directory'", directory)
    const { since } = options
    const earlier = since === undefined ? undefined : new Place("The option 'since'", since)
    try {
      return await this.engine.backup(target.storage, earlier?.storage)
    } finally {
      await target.close()
      await earlier?.close()
    }
  }

  stats(): MapStats {
    return this.engine.stats()
  }

  /** Begins all counters anew. */
  resetStats(): void {
    this.engine.resetStats()
  }

  /** Waits for what is under way and lets go of everything. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#opened.engine.close()
    await this.#opened.home.close()
    await this.#ownStorage?.close()
  }
}
