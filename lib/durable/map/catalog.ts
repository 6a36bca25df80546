/**
 * Catalog: the snapshots of a map store and what is known of each.
 *
 * Full and incremental ones share one series of numbers, which goes on from the highest that
 * stands in the directory, of damaged and temporary files too. So that no number comes twice, the
 * file with the highest one is never removed; a temporary one is emptied.
 * Format: docs/format/snapshot.md
 */
import { keepAside } from '../../commit/aside.js'
import { DIRECTORY_DAMAGED, DIRECTORY_SNAPSHOTS, snapshotName } from '../../format/names.js'
import { STORE_KIND_MAP } from '../../format/store.js'
import type { SegmentHeader } from '../../format/segment.js'
import type { StoreHome } from '../home.js'
import type { Damage } from '../options.js'
import { SegmentFileReader } from '../segments/reader.js'

export interface SnapshotFile {
  readonly number: number
  /** Its name in the storage: `snapshots/00000001.snapshot`. */
  readonly file: string
  /** Number of the snapshot that it stands on; 0 for a full one. */
  readonly base: number
  /** Position of that snapshot; 0 for none. */
  readonly basePosition: number
  /** Sequence up to which it says everything. */
  readonly position: number
  /** Microseconds since 1970. */
  readonly createdAt: number
  readonly bytes: number
  /** Undefined until somebody asked. */
  records: number | undefined
  /** It was read from its beginning to its end, and held. */
  isRead: boolean
  damage: Damage | undefined
}

/** What callers see of a snapshot. */
export interface SnapshotInfo {
  readonly number: number
  readonly kind: 'full' | 'incremental'
  /** Number of the snapshot that an incremental one stands on. */
  readonly base?: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Sequence of the newest change that it holds. */
  readonly position: number
  /** Of an incremental one the changes, deletions too. */
  readonly entries: number
  readonly bytes: number
  /** Relative to the store's directory. */
  readonly file: string
}

export class Catalog {
  /** By number, ascending; those whose header could be read. */
  files: SnapshotFile[] = []
  /** Names and numbers of files that say nothing: damaged from the start, or temporary. */
  #strays: { name: string; number: number; isTemporary: boolean }[] = []
  /** What could not be read when the directory was looked at. */
  readonly damage: Damage[] = []
  #lastNumber = 0
  /** Removed, but not durably: a crash brings them back. */
  #leaving: SnapshotFile[] = []
  /** Names were changed since the directory was last synced. */
  #isUntidy = false

  private constructor(private readonly home: StoreHome) {}

  /** Reads the headers of all snapshots. Changes nothing. */
  static async read(home: StoreHome): Promise<Catalog> {
    const catalog = new Catalog(home)
    const entries = await home.storage.list(undefined, DIRECTORY_SNAPSHOTS)
    entries.sort((a, b) => a.number - b.number)
    for (const { name, kind, number } of entries) {
      if (kind !== 'snapshot' && kind !== 'temporary') continue
      catalog.#lastNumber = number
      if (kind === 'temporary') catalog.#strays.push({ name, number, isTemporary: true })
      else await catalog.#look(name, number)
    }
    return catalog
  }

  /** Those that are whole as far as anybody knows. */
  get whole(): SnapshotFile[] {
    return this.files.filter(({ damage }) => damage === undefined)
  }

  /** A number that no snapshot had, and the name that goes with it. */
  next(): { number: number; file: string } {
    const number = ++this.#lastNumber
    return { number, file: `${DIRECTORY_SNAPSHOTS}/${snapshotName(number)}` }
  }

  /** All that an opening may find after a crash. */
  get lasting(): SnapshotFile[] {
    return [...this.#leaving, ...this.files]
  }

  /** Takes in a snapshot that has its name, be that durable or not. */
  add(snapshot: SnapshotFile, isDurable: boolean): void {
    this.files.push(snapshot)
    this.#isUntidy ||= !isDurable
  }

  find(number: number): SnapshotFile | undefined {
    return this.files.find((file) => file.number === number)
  }

  /** Keeps a copy of every damaged file, before anything is removed. */
  async keepDamaged(): Promise<void> {
    const damaged = this.files.filter(({ damage }) => damage !== undefined)
    const strays = this.#strays.filter(({ isTemporary }) => !isTemporary)
    const names = [...damaged.map(({ file }) => file), ...strays.map(({ name }) => name)]
    await keepAside(this.home.storage, DIRECTORY_DAMAGED, names)
  }

  /** Removes what an opening found and nobody needs: temporary files that were left behind. */
  async clean(): Promise<void> {
    const temporary = this.#strays.filter(({ isTemporary }) => isTemporary)
    if (temporary.length === 0) return
    const { storage } = this.home
    for (const { name, number } of temporary) {
      if (number !== this.#lastNumber) await this.#removeStray(name)
      else {
        const file = await storage.open(name)
        try {
          if (file.size() > 0) await file.truncate(0)
        } finally {
          await file.close()
        }
      }
    }
    await storage.syncDirectory()
  }

  /**
   * Removes snapshots durably, each before what it stands on, and strays with lower numbers than
   * the highest.
   */
  async remove(numbers: ReadonlySet<number>): Promise<void> {
    await this.#tidy()
    for (const file of this.files.filter(({ number }) => numbers.has(number)).reverse()) {
      await this.home.storage.remove(file.file)
      this.files = this.files.filter((other) => other !== file)
      this.#leaving.push(file)
      this.#isUntidy = true
      if (file.base !== 0) await this.#tidy()
    }
    for (const { name } of this.#strays.filter(({ number }) => number !== this.#lastNumber)) {
      await this.#removeStray(name)
      this.#isUntidy = true
    }
    await this.#tidy()
  }

  /** Whether this is the file that keeps its number from being used again. */
  isHighest({ number }: SnapshotFile): boolean {
    return number === this.#lastNumber
  }

  /** Makes durable what was removed, or got its name. */
  async #tidy(): Promise<void> {
    if (!this.#isUntidy) return
    await this.home.storage.syncDirectory()
    this.#leaving = []
    this.#isUntidy = false
  }

  async #removeStray(name: string): Promise<void> {
    await this.home.storage.remove(name)
    this.#strays = this.#strays.filter((stray) => stray.name !== name)
  }

  async #look(name: string, number: number): Promise<void> {
    const reader = await SegmentFileReader.open(this.home, name)
    try {
      const { header, bad, sizeBytes } = reader
      const fault = header === undefined ? bad?.reason : faultOf(header, number)
      if (header !== undefined && fault === undefined)
        this.files.push(snapshotFile(name, header, sizeBytes))
      else {
        this.#strays.push({ name, number, isTemporary: false })
        const reason = fault ?? 'it has no header'
        this.damage.push({ file: name, offset: bad?.offset ?? 0, bytes: sizeBytes, reason })
      }
    } finally {
      await reader.close()
    }
  }
}

/** What is known of a snapshot from its header. */
export function snapshotFile(name: string, header: SnapshotHeader, bytes: number): SnapshotFile {
  return {
    number: header.number,
    file: name,
    base: header.previousNumber,
    basePosition: header.previousSequence,
    position: header.lastSequence,
    createdAt: header.createdAt,
    bytes,
    records: undefined,
    isRead: false,
    damage: undefined,
  }
}

/** The fields of a header that say which snapshot this is. */
export type SnapshotHeader = Pick<
  SegmentHeader,
  'number' | 'previousNumber' | 'previousSequence' | 'lastSequence' | 'createdAt'
>

/** Why a header that is whole is not that of the snapshot with this number. */
function faultOf(header: SegmentHeader, number: number): string | undefined {
  const { previousNumber, previousSequence, firstSequence, lastSequence } = header
  if (!header.isSnapshot || header.storeKind !== STORE_KIND_MAP) return 'it is no snapshot'
  if (header.number !== number) return `it is snapshot ${header.number}`
  const isBased = previousNumber > 0 && previousNumber < number
  const fits = previousNumber === 0 ? previousSequence === 0 : isBased
  if (!fits || firstSequence !== previousSequence + 1 || lastSequence < previousSequence)
    return 'its header contradicts itself'
  return undefined
}

export function snapshotInfo(snapshot: SnapshotFile): SnapshotInfo {
  const { number, base, createdAt, position, records = 0, bytes, file } = snapshot
  const kind = base === 0 ? { kind: 'full' as const } : { kind: 'incremental' as const, base }
  return {
    number,
    ...kind,
    ...{ createdAt: Math.floor(createdAt / 1000), position, entries: records, bytes, file },
  }
}
