/**
 * Repair: makes a directory open again from whatever tables and journals it still holds.
 *
 * Everything that can be read is merged into fresh, sorted tables, each record at its sequence;
 * then damaged files are kept in lost/, a new MANIFEST names the tables, and only after CURRENT is
 * durable do old files go. A MANIFEST that is whole tells which files count; without one all do.
 * Decides: which files count, and the level of the result.
 */
import { keepAside } from '../commit/aside.js'
import { missing } from '../commit/claim.js'
import type { ChoosePlane, Damage } from '../commit/told.js'
import { StoreError } from '../errors.js'
import type { TableMeta } from '../format/edit.js'
import { internalKey, KEY_SEQUENCE_MAX, KEY_TYPE_VALUE } from '../format/key.js'
import { DIRECTORY_LOST, parseFileName } from '../format/names.js'
import type { FileEntry, Storage } from '../io/files.js'
import type { DataPlane, Memtable, TableOptions } from '../plane.js'
import { writeBare } from './bare.js'
import { listEntries } from './entries.js'
import { sizeOf } from '../commit/file.js'
import type { ManifestState } from './manifest.js'
import { FILE_NUMBER_MAX, LEVELS, levelBytesLimit, OUTPUTS_MOST, SEQUENCE_SKIP } from './options.js'
import { readManifest } from './recovery.js'
import { applyBatch, replayJournals } from './replay.js'
import { bytesOf, emptyLevels } from './version.js'

export interface RepairOptions {
  readonly lockTimeoutMs: number
  readonly choose: ChoosePlane
  readonly writeBufferBytes: number
  readonly table: TableOptions
  readonly maxTableBytes: number
}

export interface RepairReport {
  /** Tables and journals that were read. */
  readonly tables: number
  readonly journals: number
  /** Keys that the repaired database holds. */
  readonly records: number
  /** What could not be read; the files lie in lost/. */
  readonly dropped: readonly Damage[]
}

/** CAIRN_MISSING when there is nothing to repair, CAIRN_LOCKED while the store is open. */
export async function repair(storage: Storage, options: RepairOptions): Promise<RepairReport> {
  if (!(await storage.exists())) throw missing(storage.location)
  const lock = await storage.lock({ readOnly: false, timeoutMs: options.lockTimeoutMs })
  try {
    const { plane } = options.choose(storage)
    try {
      return await new Repair(storage, plane, options).run()
    } finally {
      await plane.close()
    }
  } finally {
    await lock.release()
  }
}

class Repair {
  readonly #dropped: Damage[] = []
  /** A whole MANIFEST tells which files count. */
  #trusts = false
  #nextNumber = 0
  #lastSequence = 0

  constructor(
    private readonly storage: Storage,
    private readonly plane: DataPlane,
    private readonly options: RepairOptions,
  ) {}

  async run(): Promise<RepairReport> {
    // A number beyond the limit was never ours: such a file is left alone.
    const found = await listEntries(this.storage)
    const entries = found.filter(({ number }) => number <= FILE_NUMBER_MAX)
    const foreign = entries.find(({ name }) => /^(IDENTITY|OPTIONS-\d+)$/.test(name))
    if (foreign)
      throw new StoreError('CAIRN_FORMAT_VERSION', `${foreign.name} is a file of RocksDB`, {
        file: foreign.name,
      })
    this.#nextNumber = 1 + entries.reduce((most, { number }) => Math.max(most, number), 0)
    const { tables, journals } = await this.#whatCounts(entries)
    if (tables.length === 0 && journals.length === 0 && !entries.some((e) => e.kind === 'manifest'))
      throw missing(this.storage.location)
    const recovered: TableMeta[] = []
    for (const { number } of journals) recovered.push(...(await this.#rescueJournal(number)))
    const sources = [...(await this.#describe(tables)), ...recovered]
    const merged = await this.#mergeAll(sources)
    await this.#keepDamaged(entries)
    await this.#install(merged)
    await this.#clean(entries, recovered)
    return {
      tables: tables.length,
      journals: journals.length,
      records: merged.reduce((sum, table) => sum + (table.properties?.entries ?? 0), 0),
      dropped: this.#dropped,
    }
  }

  /** Live files by the newest whole MANIFEST whose files all exist; every file without one. */
  async #whatCounts(
    entries: readonly FileEntry[],
  ): Promise<{ tables: FileEntry[]; journals: FileEntry[] }> {
    const byNumber = (a: FileEntry, b: FileEntry): number => a.number - b.number
    const tables = entries.filter(({ kind }) => kind === 'table').sort(byNumber)
    const journals = entries.filter(({ kind }) => kind === 'journal').sort(byNumber)
    const state = await this.#trusted(entries)
    if (state === undefined) return { tables, journals }
    this.#trusts = true
    this.#lastSequence = state.lastSequence
    const live = new Set(state.levels.flat().map(({ number }) => number))
    const { logNumber, previousLogNumber } = state
    return {
      tables: tables.filter(({ number }) => live.has(number)),
      journals: journals.filter((j) => j.number >= logNumber || j.number === previousLogNumber),
    }
  }

  async #trusted(entries: readonly FileEntry[]): Promise<ManifestState | undefined> {
    const has = (kind: FileEntry['kind'], number: number): boolean =>
      entries.some((entry) => entry.kind === kind && entry.number === number)
    const manifests = entries.filter(({ kind }) => kind === 'manifest')
    const current = parseFileName((await this.storage.getCurrent())?.trimEnd() ?? '')
    const newest = manifests.reduce((most, { number }) => Math.max(most, number), -1)
    const number = current.kind === 'manifest' ? current.number : newest
    if (!has('manifest', number)) return undefined
    try {
      const read = await readManifest(this.plane, number)
      if ('initial' in read || read.cut !== undefined) return undefined
      const { levels, logNumber, previousLogNumber } = read.state
      const whole =
        levels.flat().every((table) => has('table', table.number)) &&
        [logNumber, previousLogNumber].every((log) => log === 0 || has('journal', log))
      return whole ? read.state : undefined
    } catch (error) {
      if (error instanceof StoreError && error.code === 'CAIRN_CORRUPTION') return undefined
      throw error
    }
  }

  /** Every valid batch of a journal, flushed to tables that nothing names yet. */
  async #rescueJournal(number: number): Promise<TableMeta[]> {
    const tables: TableMeta[] = []
    let memtable = this.plane.createMemtable()
    const flush = async (): Promise<void> => {
      tables.push(...(await this.#flush(memtable)))
      memtable.close()
      memtable = this.plane.createMemtable()
    }
    const replayed = await replayJournals(
      {
        plane: this.plane,
        journals: [number],
        ours: false,
        lastSequence: 0,
        mode: 'salvage',
        everything: true,
        onDrop: (damage) => this.#dropped.push(damage),
      },
      async (batch) => {
        applyBatch(memtable, batch)
        if (memtable.bytes >= this.options.writeBufferBytes) await flush()
      },
    )
    if (memtable.entries > 0) await flush()
    memtable.close()
    this.#lastSequence = Math.max(this.#lastSequence, replayed.lastSequence)
    return tables
  }

  #flush(memtable: Memtable): Promise<TableMeta[]> {
    // Everything lies above sequence 0: nothing is dropped before all is merged.
    return this.#merge([[memtable]], [this.#nextNumber++], Number.MAX_SAFE_INTEGER, 0)
  }

  async #mergeAll(sources: readonly TableMeta[]): Promise<TableMeta[]> {
    const tables = sources.map((meta) => this.plane.openTable(meta))
    const { maxTableBytes } = this.options
    const most = Math.min(Math.ceil(bytesOf(sources) / maxTableBytes) * 4 + 1, OUTPUTS_MOST)
    const outputs = Array.from({ length: most }, () => this.#nextNumber++)
    try {
      const runs = tables.map((table) => [table])
      return await this.#merge(runs, outputs, maxTableBytes)
    } finally {
      for (const table of tables) table.close()
    }
  }

  async #merge(
    inputs: Parameters<DataPlane['createView']>[0],
    outputs: readonly number[],
    maxTableBytes: number,
    newest = KEY_SEQUENCE_MAX,
  ): Promise<TableMeta[]> {
    if (inputs.length === 0) return []
    const tables = await this.plane.merge(
      {
        inputs,
        outputs,
        maxTableBytes,
        snapshots: [newest],
        table: this.options.table,
        deeper: [],
        grandparents: [],
        maxGrandparentBytes: Number.MAX_SAFE_INTEGER,
        onDamage: (damage) => this.#dropped.push(damage),
      },
      new AbortController().signal,
    )
    await this.storage.syncDirectory()
    return tables
  }

  /** What a merge needs to know of tables whose MANIFEST may be gone. */
  async #describe(tables: readonly FileEntry[]): Promise<TableMeta[]> {
    const metas: TableMeta[] = []
    for (const { name, number } of tables) {
      const sizeBytes = await sizeOf(this.storage, name)
      const bound = internalKey(new Uint8Array(0), 0, KEY_TYPE_VALUE)
      metas.push({ number, sizeBytes, smallest: bound, largest: bound })
    }
    return metas
  }

  async #install(tables: readonly TableMeta[]): Promise<void> {
    const largest = tables.map((table) => table.properties?.largestSequence ?? 0)
    const lastSequence = Math.max(this.#lastSequence, ...largest) + SEQUENCE_SKIP
    const level = levelFor(bytesOf(tables))
    const levels = emptyLevels().map((none, i) => (i === level ? tables : none))
    await writeBare(this.storage, this.plane, {
      levels,
      nextFileNumber: this.#nextNumber,
      lastSequence,
    })
  }

  /** Copies what is damaged to lost/, while everything still stands. */
  async #keepDamaged(entries: readonly FileEntry[]): Promise<void> {
    const damaged = new Set(this.#dropped.map(({ file }) => file))
    const names = entries.map(({ name }) => name).filter((name) => damaged.has(name))
    if (!this.#trusts)
      for (const { name, kind } of entries) if (kind === 'manifest') names.push(name)
    await keepAside(this.storage, DIRECTORY_LOST, names)
  }

  /** Removes what the new MANIFEST does not name. */
  async #clean(entries: readonly FileEntry[], recovered: readonly TableMeta[]): Promise<void> {
    const gone = new Set(['table', 'journal', 'manifest', 'temporary', 'seal'])
    for (const { name, kind } of entries) if (gone.has(kind)) await this.storage.remove(name)
    for (const { name, number } of await this.storage.list('table'))
      if (recovered.some((table) => table.number === number)) await this.storage.remove(name)
    await this.storage.syncDirectory()
  }
}

/** The first level, below 0, that takes so many bytes without being due at once. */
function levelFor(bytes: number): number {
  let level = 1
  while (level < LEVELS - 1 && bytes > levelBytesLimit(level)) level++
  return level
}
