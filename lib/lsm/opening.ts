/**
 * Opening: from a directory to a tree that takes writes, crash-safe at every step.
 *
 * Judge first, change afterwards: nothing is written before every journal has been read and
 * found sound. Then what the journals hold is flushed to tables, a new journal is created, and a
 * new MANIFEST names all of it; until CURRENT is replaced the old files stand untouched, and a
 * crash leaves a directory that opens as before. Obsolete files go last.
 * Creation: MANIFEST, directory, CURRENT, journal, directory, and only then an edit that names the
 * journal.
 * Format: docs/format/files.md
 */
import { keepAside } from '../commit/aside.js'
import { missing } from '../commit/claim.js'
import { StoreError } from '../errors.js'
import type { TableMeta } from '../format/edit.js'
import { DIRECTORY_LOST, FILE_SEAL, journalName, manifestName, tableName } from '../format/names.js'
import type { FileEntry } from '../io/files.js'
import type { Memtable } from '../plane.js'
import { JournalSet } from './journals.js'
import { Manifest, noPointers, type ManifestState } from './manifest.js'
import { SEQUENCE_SKIP } from './options.js'
import { readDirectory, type Directory, type FoundTree } from './recovery.js'
import { applyBatch, replayJournals, type Recovered, type Replayed } from './replay.js'
import type { TreeState } from './state.js'
import { applyEdit, emptyLevels, rangesFrom, VersionSet, type Levels } from './version.js'

/** Fills `state` from the directory; the lock is held. Gives what recovery found. */
export async function openDirectory(state: TreeState): Promise<Recovered> {
  try {
    return await openFound(state)
  } catch (error) {
    await state.journals?.close()
    await state.manifest?.close().catch(() => {})
    throw error
  }
}

async function openFound(state: TreeState): Promise<Recovered> {
  const directory = await readDirectory(state.storage, state.plane)
  const { found } = directory
  refuseByOptions(state, found)
  if (found === undefined) {
    state.infoLog.release()
    await createTree(state, directory)
    return { records: 0 }
  }
  const judged = await replay(state, found, () => {})
  state.infoLog.release()
  const recovered = state.options.readOnly
    ? await openReadOnly(state, found)
    : await reopen(state, directory, found, judged)
  state.log(`recovered: ${recovered.records} records of ${found.journals.length} journals`)
  const { records, torn, damage } = recovered
  return { records, ...(torn && { torn }), ...(damage && { damage }) }
}

function refuseByOptions(state: TreeState, found: FoundTree | undefined): void {
  const { options, storage } = state
  if (found === undefined && (!options.createIfMissing || options.readOnly))
    throw missing(storage.location)
  if (found !== undefined && options.errorIfExists)
    throw new StoreError('CAIRN_EXISTS', `${storage.location} exists (errorIfExists is true)`)
}

function replay(
  state: TreeState,
  found: FoundTree,
  onBatch: (batch: Uint8Array) => void | Promise<void>,
  onDrop = false,
): Promise<Replayed> {
  const { plane, options } = state
  return replayJournals(
    {
      plane,
      journals: found.journals,
      ours: found.ours,
      lastSequence: found.state.lastSequence,
      mode: options.recovery,
      ...(onDrop && options.onDrop && { onDrop: options.onDrop }),
    },
    onBatch,
  )
}

async function createTree(state: TreeState, directory: Directory): Promise<void> {
  const before: ManifestState = {
    levels: emptyLevels(),
    pointers: noPointers(),
    logNumber: 0,
    previousLogNumber: 0,
    nextFileNumber: directory.firstFreeNumber,
    lastSequence: 0,
  }
  // Numbers begin anew: a seal left by a store that stood here could name the files of this one.
  await state.storage.remove(FILE_SEAL)
  startManifest(state, before)
  await state.manifest.start({})
  state.active = state.plane.createMemtable()
  state.versions = versionsOf(state, before.levels)
  await startJournal(state)
  await state.manifest.commit({ logNumber: state.journals.number })
  await removeObsolete(state, directory.entries)
  state.log('created')
}

/** Replays into memory and leaves the directory as it is. */
async function openReadOnly(state: TreeState, found: FoundTree): Promise<Replayed> {
  const memtable = state.plane.createMemtable()
  const replayed = await replay(state, found, (batch) => applyBatch(memtable, batch), true)
  state.active = memtable
  state.readOnlyFiles = {
    journals: found.journals,
    manifest: found.manifestNumber,
    torn: replayed.torn,
  }
  state.lastSequence = state.published = replayed.lastSequence
  startManifest(state, found.state)
  state.versions = versionsOf(state, found.state.levels)
  return replayed
}

async function reopen(
  state: TreeState,
  directory: Directory,
  found: FoundTree,
  judged: Replayed,
): Promise<Replayed> {
  const firstFree = Math.max(found.state.nextFileNumber, directory.firstFreeNumber)
  state.lastSequence = judged.lastSequence
  const levels = await withProperties(state, found.state.levels)
  startManifest(state, { ...found.state, levels, nextFileNumber: firstFree })
  const flushed: TableMeta[] = []
  let memtable = state.plane.createMemtable()
  const flush = async (): Promise<void> => {
    flushed.push(...(await flushRecovered(state, found, flushed, memtable)))
    memtable.close()
    memtable = state.plane.createMemtable()
  }
  const replayed = await replay(
    state,
    found,
    async (batch) => {
      applyBatch(memtable, batch)
      if (memtable.bytes >= state.options.writeBufferBytes) await flush()
    },
    true,
  )
  if (memtable.entries > 0) await flush()
  // Sequences that were handed out and lost must not come again.
  const skip = found.ours && !found.sealed ? SEQUENCE_SKIP : 0
  state.lastSequence = replayed.lastSequence + skip
  state.published = state.lastSequence
  state.active = memtable
  if (replayed.damage || (replayed.torn && state.options.recovery !== 'strict'))
    await keepAside(state.storage, DIRECTORY_LOST, found.journals.map(journalName))
  await startJournal(state)
  const added = flushed.map((table) => ({ level: 0, table }))
  await state.manifest.start({ logNumber: state.journals.number, previousLogNumber: 0, added })
  state.versions = versionsOf(state, state.manifest.state.levels)
  await removeObsolete(state, directory.entries)
  return replayed
}

/** Flushes a memtable of recovered records to level 0; nothing names the table yet. */
async function flushRecovered(
  state: TreeState,
  found: FoundTree,
  flushed: readonly TableMeta[],
  memtable: Memtable,
): Promise<TableMeta[]> {
  const { options, manifest } = state
  const levels = applyEdit(found.state.levels, {
    added: flushed.map((table) => ({ level: 0, table })),
  })
  const tables = await state.plane.merge(
    {
      inputs: [[memtable]],
      snapshots: [state.lastSequence],
      outputs: await manifest.allocate(1),
      table: options.table,
      maxTableBytes: Number.MAX_SAFE_INTEGER,
      deeper: rangesFrom(levels, 0),
      grandparents: [],
      maxGrandparentBytes: Number.MAX_SAFE_INTEGER,
    },
    state.abort.signal,
  )
  await state.storage.syncDirectory()
  return tables
}

function startManifest(state: TreeState, before: ManifestState): void {
  const { storage, plane } = state
  const onReplaced = (number: number): void => void state.remove(manifestName(number))
  state.manifest = new Manifest(storage, plane, before, () => state.lastSequence, onReplaced)
}

async function startJournal(state: TreeState): Promise<void> {
  const { storage, plane, manifest, options } = state
  const allocate = async () => (await manifest.allocate(1))[0]!
  const { writeBufferBytes } = options
  state.journals = await JournalSet.create(storage, plane, allocate, writeBufferBytes)
}

function versionsOf(state: TreeState, levels: Levels): VersionSet {
  return new VersionSet(state.plane, levels, state.memtables, ({ number }) => {
    if (state.options.readOnly || state.abort.signal.aborted) return
    for (const suffix of ['ldb', 'sst'] as const) void state.remove(tableName(number, suffix))
  })
}

/** Reads what each table tells of itself, so that the picker finds deletions after reopening. */
async function withProperties(state: TreeState, levels: Levels): Promise<Levels> {
  const described = async (meta: TableMeta): Promise<TableMeta> => {
    if (meta.properties !== undefined) return meta
    const table = state.plane.openTable(meta)
    try {
      const properties = await table.properties()
      return properties ? { ...meta, properties } : meta
    } catch {
      // Damage is told by the read that meets it, and by verify().
      return meta
    } finally {
      table.close()
    }
  }
  const result: TableMeta[][] = []
  for (const tables of levels) {
    const row: TableMeta[] = []
    for (const table of tables) row.push(await described(table))
    result.push(row)
  }
  return result
}

/** Removes what stood in the directory and is named no more. */
async function removeObsolete(state: TreeState, entries: readonly FileEntry[]): Promise<void> {
  const { storage } = state
  const live = new Set(state.levels.flat().map(({ number }) => number))
  const isObsolete = ({ kind, number }: FileEntry): boolean => {
    if (kind === 'table') return !live.has(number)
    if (kind === 'journal') return number !== state.journals.number
    if (kind === 'manifest') return number !== state.manifest.number
    return kind === 'temporary' || kind === 'seal'
  }
  try {
    for (const { name } of entries.filter(isObsolete)) await storage.remove(name)
  } catch (error) {
    state.warn('remove obsolete files', error)
  }
}
