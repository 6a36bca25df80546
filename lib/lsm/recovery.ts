/**
 * Recovery: judges a directory and reads the state of the tree, without changing a byte.
 *
 * A directory is new (nothing there, or half-made by a creation that was cut short), a database,
 * or refused. Of a database every file that the MANIFEST names must exist; a MANIFEST tail is cut
 * only when it is the last record and what remains is complete.
 * Format: docs/format/files.md, manifest.md. Decides: new, database, or which error.
 */
import { corruption, StoreError } from '../errors.js'
import { FormatError } from '../format/coding.js'
import { decodeEdit, type VersionEdit } from '../format/edit.js'
import { KEY_COMPARATOR } from '../format/key.js'
import {
  FILE_CURRENT,
  journalName,
  manifestName,
  parseFileName,
  tableName,
} from '../format/names.js'
import type { FileEntry, Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { listEntries } from './entries.js'
import { sizeOf } from '../commit/file.js'
import { isOurs, noPointers, type ManifestState } from './manifest.js'
import { FILE_NUMBER_MAX } from './options.js'
import { checkSeal, readSeal } from './seal.js'
import { applyEdit, emptyLevels, findDisorder, type Levels } from './version.js'

/** A database as its MANIFEST tells it, with the files checked. */
export interface FoundTree {
  readonly state: ManifestState
  readonly manifestNumber: number
  readonly ours: boolean
  /** Numbers of the live journals, ascending. */
  readonly journals: readonly number[]
  /** A clean close left exactly these files. */
  readonly sealed: boolean
}

export interface Directory {
  readonly entries: readonly FileEntry[]
  /** One above every number in the directory. */
  readonly firstFreeNumber: number
  /** Undefined when the directory is new or half-made. */
  readonly found?: FoundTree
}

/** Reads what stands in the directory. Changes nothing, whatever it finds. */
export async function readDirectory(storage: Storage, plane: DataPlane): Promise<Directory> {
  const entries = await listEntries(storage)
  const firstFreeNumber = 1 + entries.reduce((most, { number }) => Math.max(most, number), 0)
  const beyond = entries.find(({ number }) => number > FILE_NUMBER_MAX)
  if (beyond) throw corruption(beyond.name, 0, 'no store counts that far; move the file away')
  const manifest = await currentManifest(storage, entries)
  if (typeof manifest !== 'number') {
    await refuseUnlessNew(plane, entries, manifest.reason)
    return { entries, firstFreeNumber }
  }
  const seal = await readSeal(storage, plane)
  const mine = seal?.manifest.number === manifest ? seal : undefined
  if (mine && !has(entries, 'journal', mine.journal.number))
    throw corruption(journalName(mine.journal.number), 0, 'the journal is missing; run repair')
  const read = await readManifest(plane, manifest)
  if ('initial' in read) {
    await refuseUnlessNew(plane, entries, read.initial)
    return { entries, firstFreeNumber }
  }
  const sealed = mine !== undefined && (await checkSeal(storage, plane, mine))
  await checkTables(storage, entries, read.state.levels, read.cut)
  const journals = liveJournals(entries, read.state)
  return {
    entries,
    firstFreeNumber,
    found: { state: read.state, manifestNumber: manifest, ours: read.ours, journals, sealed },
  }
}

function has(entries: readonly FileEntry[], kind: FileEntry['kind'], number: number): boolean {
  return entries.some((entry) => entry.kind === kind && entry.number === number)
}

/** The number that CURRENT names, or why there is none that can be used. */
async function currentManifest(
  storage: Storage,
  entries: readonly FileEntry[],
): Promise<number | { reason: string }> {
  const text = await storage.getCurrent()
  if (text === undefined) return (await goleveldbCurrent(storage, entries)) ?? { reason: 'missing' }
  const { kind, number } = parseFileName(text.slice(0, -1))
  if (!text.endsWith('\n') || kind !== 'manifest') return { reason: 'does not name a MANIFEST' }
  if (!has(entries, 'manifest', number))
    return { reason: `names ${manifestName(number)}, which is missing` }
  return number
}

/** goleveldb leaves CURRENT.<n> or CURRENT.bak behind a crash; they count for the newest. */
async function goleveldbCurrent(
  storage: Storage,
  entries: readonly FileEntry[],
): Promise<number | undefined> {
  const manifests = entries.filter((entry) => entry.kind === 'manifest')
  const newest = manifests.reduce((most, { number }) => Math.max(most, number), -1)
  for (const { name } of entries) {
    if (!/^CURRENT\.(\d+|bak)$/.test(name)) continue
    const file = await storage.open(name)
    try {
      const bytes = new Uint8Array(64)
      const text = Buffer.from(bytes.subarray(0, await file.read(bytes, 0))).toString()
      if (text === `${manifestName(newest)}\n`) return newest
    } finally {
      await file.close()
    }
  }
  return undefined
}

/** Half-made: no table and no journal that holds a valid batch. Anything else is refused. */
async function refuseUnlessNew(
  plane: DataPlane,
  entries: readonly FileEntry[],
  reason: string,
): Promise<void> {
  const table = entries.find(({ kind }) => kind === 'table')
  const full = table ?? (await findFullJournal(plane, entries))
  if (full) throw corruption(FILE_CURRENT, 0, `${reason}, but ${full.name} holds data; run repair`)
  const foreign = entries.find(
    ({ kind, name }) => kind === 'unknown' && !name.startsWith('.') && !name.startsWith('lost'),
  )
  // The lock is taken and a LOG may stand anywhere: they do not make a directory ours.
  const known = entries.some(({ kind }) => !['unknown', 'lock', 'log'].includes(kind))
  if (foreign && !known)
    throw new StoreError(
      'CAIRN_FORMAT_VERSION',
      `the directory is not a database: it holds '${foreign.name}'; choose an empty one`,
      { file: foreign.name },
    )
}

async function findFullJournal(
  plane: DataPlane,
  entries: readonly FileEntry[],
): Promise<FileEntry | undefined> {
  for (const entry of entries) {
    if (entry.kind !== 'journal') continue
    const reader = await plane.openJournal(entry.name)
    try {
      // 13 bytes and more: a batch with a record in it, never a mark.
      if ((await reader.findRecord(0, 13)) !== undefined) return entry
    } finally {
      await reader.close()
    }
  }
  return undefined
}

interface ReadManifest {
  readonly state: ManifestState
  readonly ours: boolean
  /** A torn last record was left out, at this offset. */
  readonly cut?: number
}

/** Applies every edit. `initial` says why nothing usable was written yet. */
export async function readManifest(
  plane: DataPlane,
  number: number,
): Promise<ReadManifest | { initial: string }> {
  const name = manifestName(number)
  const reader = await plane.openJournal(name)
  try {
    const fold = new EditFold(name)
    for (;;) {
      const record = await reader.next()
      if (record === undefined) break
      fold.add(record.bytes, record.offset)
    }
    const { verdict } = reader
    const bad = verdict?.kind === 'bad' ? verdict : undefined
    if (bad && (await reader.findRecord(bad.offset + 1, 1)) !== undefined)
      throw corruption(name, bad.offset, `${bad.reason}; run repair`)
    const incomplete = fold.incomplete()
    if (incomplete !== undefined) return { initial: `${name} ${incomplete}` }
    // Zeros stood for an edit here: a MANIFEST has none ahead.
    const cut = verdict?.kind === 'end' ? verdict.zerosFrom : bad?.offset
    return { state: fold.state(), ours: fold.ours, ...(cut !== undefined && { cut }) }
  } finally {
    await reader.close()
  }
}

/** Folds edits into a state. */
class EditFold {
  #levels: Levels = emptyLevels()
  readonly #pointers = noPointers()
  #edit: VersionEdit = {}
  #count = 0
  ours = false

  constructor(private readonly file: string) {}

  add(bytes: Uint8Array, offset: number): void {
    const edit = this.#decode(bytes, offset)
    if (this.#count++ === 0) this.ours = isOurs(edit)
    if (edit.comparator !== undefined && edit.comparator !== KEY_COMPARATOR)
      throw new StoreError(
        'CAIRN_FORMAT_VERSION',
        `${this.file} needs the comparator '${edit.comparator}', which is not supported`,
        { file: this.file, offset },
      )
    try {
      this.#levels = applyEdit(this.#levels, edit)
    } catch (error) {
      throw corruption(this.file, offset, (error as Error).message)
    }
    for (const { level, key } of edit.compactPointers ?? []) this.#pointers[level] = key
    this.#edit = { ...this.#edit, ...edit }
  }

  /** What the MANIFEST lacks, in words. */
  incomplete(): string | undefined {
    if (this.#count === 0) return 'holds no edit'
    if (this.#edit.comparator === undefined) return 'names no comparator'
    if (this.#edit.nextFileNumber === undefined) return 'has no next file number'
    if (this.#edit.logNumber === undefined) return 'has no log number'
    if (this.#edit.lastSequence === undefined) return 'has no last sequence'
    return undefined
  }

  state(): ManifestState {
    const disorder = findDisorder(this.#levels)
    if (disorder !== undefined) throw corruption(this.file, 0, `${disorder}; run repair`)
    if (this.#edit.nextFileNumber! > FILE_NUMBER_MAX)
      throw corruption(this.file, 0, 'its next file number is out of range; run repair')
    return {
      levels: this.#levels,
      pointers: this.#pointers,
      logNumber: this.#edit.logNumber!,
      previousLogNumber: this.#edit.previousLogNumber ?? 0,
      nextFileNumber: this.#edit.nextFileNumber!,
      lastSequence: this.#edit.lastSequence!,
    }
  }

  #decode(bytes: Uint8Array, offset: number): VersionEdit {
    try {
      return decodeEdit(bytes)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      if (error.message.startsWith('unknown tag'))
        throw new StoreError(
          'CAIRN_FORMAT_VERSION',
          `${this.file} was written by another engine or a newer format: ${error.message}`,
          { file: this.file, offset },
        )
      throw corruption(this.file, offset + error.offset, error.message)
    }
  }
}

/** Every table must exist with the size that the MANIFEST tells. */
async function checkTables(
  storage: Storage,
  entries: readonly FileEntry[],
  levels: Levels,
  cut: number | undefined,
): Promise<void> {
  const names = new Set(entries.map(({ name }) => name))
  const lost = cut === undefined ? '' : ` (its MANIFEST is damaged at byte ${cut})`
  for (const table of levels.flat()) {
    const name = names.has(tableName(table.number))
      ? tableName(table.number)
      : tableName(table.number, 'sst')
    if (!names.has(name))
      throw corruption(tableName(table.number), 0, `the table is missing${lost}; run repair`)
    const sizeBytes = await sizeOf(storage, name)
    if (sizeBytes !== table.sizeBytes)
      throw corruption(
        name,
        Math.min(sizeBytes, table.sizeBytes),
        `the table has ${sizeBytes} bytes, not ${table.sizeBytes}; run repair`,
      )
  }
}

/** Journals from the log number on, and the previous one; the named ones must exist. */
function liveJournals(entries: readonly FileEntry[], state: ManifestState): number[] {
  const { logNumber, previousLogNumber } = state
  for (const named of [previousLogNumber, logNumber])
    if (named !== 0 && !has(entries, 'journal', named))
      throw corruption(journalName(named), 0, 'the journal is missing; run repair')
  return entries
    .filter(({ kind, name, number }) => kind === 'journal' && name === journalName(number))
    .map(({ number }) => number)
    .filter((number) => number >= logNumber || number === previousLogNumber)
    .sort((a, b) => a - b)
}
