/**
 * A map on its journal, snapshots and upkeep, as a store opens it, with everything injected that
 * is not the same in two runs: clock, random source, timers.
 */
import { DIRECTORY_SNAPSHOTS } from '../../lib/format/names.js'
import { STORE_KIND_MAP } from '../../lib/format/store.js'
import { Entries, SCAN_START } from '../../lib/durable/entries/entries.js'
import { HASH_SEED_BYTES } from '../../lib/durable/entries/hash.js'
import { StoreHome } from '../../lib/durable/home.js'
import { DurableJournal } from '../../lib/durable/journal.js'
import { Catalog } from '../../lib/durable/map/catalog.js'
import { Changes } from '../../lib/durable/map/changes.js'
import type { After } from '../../lib/durable/map/job.js'
import { Ledger } from '../../lib/durable/map/ledger.js'
import type { MapParts } from '../../lib/durable/map/parts.js'
import { replayInto } from '../../lib/durable/map/replay.js'
import { journalReach, restart } from '../../lib/durable/map/restart.js'
import { Upkeep, type UpkeepOptions } from '../../lib/durable/map/upkeep.js'
import type { Damage, RecoveryMode, SyncMode } from '../../lib/durable/options.js'
import { secretOf } from '../../lib/durable/secret.js'
import type { Storage } from '../../lib/io/files.js'
import { selectPlane } from '../../lib/planes/select.js'
import type { PlaneName } from './planes.js'
import { random } from './random.js'

const START_US = 1_767_225_600_000_000

export interface SmallOptions extends UpkeepOptions {
  readonly sync: SyncMode
  readonly recovery: RecoveryMode
  readonly segmentBytes: number
  readonly segmentRecords: number
  readonly key?: Uint8Array
  /** Of the random source. */
  readonly seed: number
  /** Microseconds behind the start of time. */
  readonly now: number
}

/** Nothing happens by itself. */
const QUIET: SmallOptions = {
  ...{ sync: 'always', recovery: 'strict', segmentBytes: 1 << 20, segmentRecords: 100_000 },
  ...{ compactThreshold: Infinity, compactRatio: 0.3, snapshotEveryMs: 0 },
  ...{ snapshotJournalBytes: Infinity, keepSnapshots: 5, keepSnapshotsMs: 0, keepSegments: 3 },
  ...{ seed: 1, now: 0 },
}

/** Timers that a test lets go off. */
export class ManualTimers {
  readonly pending: { delayMs: number; run: () => void }[] = []
  readonly after: After = (delayMs, run) => {
    const timer = { delayMs, run }
    this.pending.push(timer)
    return () => {
      const at = this.pending.indexOf(timer)
      if (at >= 0) this.pending.splice(at, 1)
    }
  }

  /** Lets all go off that are set now. */
  fire(): void {
    for (const { run } of this.pending.splice(0)) run()
  }
}

export class SmallMap {
  readonly timers = new ManualTimers()
  readonly warnings: { action: string; error: unknown }[] = []
  /** What opening found in snapshots, and where it began. */
  position = 0
  damage: readonly Damage[] = []
  now: number
  parts!: MapParts
  changes!: Changes
  upkeep!: Upkeep

  private constructor(readonly options: SmallOptions) {
    this.now = START_US + options.now
  }

  static open(
    plane: PlaneName,
    storage: Storage,
    given: Partial<SmallOptions> = {},
  ): Promise<SmallMap> {
    const options = { ...QUIET, ...given }
    const map = new SmallMap(options)
    const next = random(options.seed)
    const home = {
      ...{ createIfMissing: true, errorIfExists: false, readOnly: false, lockTimeoutMs: 0 },
      ...{ infoLog: false, cipher: 'aes-256-gcm' as const },
      secret: options.key && secretOf(options.key),
      choose: (at: Storage) => selectPlane(plane, { storage: at, cacheBytes: 1, maxOpenTables: 1 }),
      clock: () => map.now,
      random: (bytes: number) => Uint8Array.from({ length: bytes }, () => next() * 256),
    }
    return StoreHome.open(storage, STORE_KIND_MAP, home, (opened) => map.#open(opened))
  }

  set(key: string, value: string): Promise<number> {
    return this.changes.set(key, value)
  }

  delete(key: string): Promise<boolean> {
    return this.changes.delete(key)
  }

  clear(): Promise<void> {
    return this.changes.clear()
  }

  /** Everything that is settled, in no order. */
  state(): Map<string, string> {
    const { entries } = this.parts
    const { hit } = entries
    const found = new Map<string, string>()
    entries.scan(SCAN_START, entries.settled, Infinity, () => {
      const { bytes } = hit.memory
      const text = (start: number, end: number): string => bytes.toString('utf8', start, end)
      found.set(text(hit.keyStart, hit.keyEnd), text(hit.valueStart, hit.valueEnd))
    })
    return found
  }

  async close(): Promise<void> {
    await this.upkeep.close()
    await this.parts.journal.close()
    await this.parts.home.close()
  }

  async #open(home: StoreHome): Promise<SmallMap> {
    const { options } = this
    const catalog = await Catalog.read(home)
    const reach = await journalReach(home)
    let entries!: Entries
    let ledger!: Ledger
    const receive = (position: number): ReturnType<typeof replayInto> => {
      entries = new Entries({ shards: 2, seed: home.random(HASH_SEED_BYTES) })
      ledger = new Ledger(reach === Infinity ? position : reach)
      return replayInto(entries, ledger, position)
    }
    const found = await restart(home, catalog, reach, receive, options.recovery === 'salvage')
    this.position = found.position
    this.damage = found.damage
    const journal = await DurableJournal.open(
      {
        ...{ home, folder: 'wal', syncIntervalMs: 1000 },
        ...{ position: found.position, synced: found.synced },
        ...{ segmentAgeMs: 3_600_000, batchRecords: 100, batchBytes: 1 << 20 },
        sync: options.sync,
        recovery: options.recovery,
        segmentBytes: options.segmentBytes,
        segmentRecords: options.segmentRecords,
      },
      replayInto(entries, ledger, found.position),
    )
    entries.settle(Math.max(journal.settledSequence, found.position))
    await home.storage.makeDirectory(DIRECTORY_SNAPSHOTS)
    if (options.recovery === 'salvage') await catalog.keepDamaged()
    await catalog.clean()
    this.parts = { home, journal, entries, ledger, catalog }
    this.changes = new Changes(journal, entries, ledger)
    this.upkeep = new Upkeep({
      parts: this.parts,
      options,
      after: this.timers.after,
      warn: (action, error) => void this.warnings.push({ action, error }),
    })
    journal.onSettled = (sequence) => {
      entries.settle(sequence)
      this.upkeep.notice()
    }
    this.upkeep.start()
    return this
  }
}
