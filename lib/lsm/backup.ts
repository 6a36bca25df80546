/**
 * Backup: a complete, sealed database beside this one, consistent as of the call.
 *
 * What was written before the call is flushed first, so that sealed tables are all there is to
 * take: they are hard-linked or copied, from an earlier backup where it has the very same table.
 * Then a MANIFEST, CURRENT, an empty journal and a seal are written, in the order of a creation.
 */
import { isSameFile, prepareTarget } from '../commit/backup.js'
import { StoreError } from '../errors.js'
import type { TableMeta } from '../format/edit.js'
import { compareInternalKeys } from '../format/key.js'
import { manifestName, tableName } from '../format/names.js'
import type { Storage } from '../io/files.js'
import { writeBare } from './bare.js'
import { readDirectory } from './recovery.js'
import { writeSeal } from './seal.js'
import type { TreeState } from './state.js'
import type { Version } from './version.js'

export interface BackupReport {
  /** Tables in the backup, and their bytes. */
  readonly tables: number
  readonly bytes: number
  /** How many of them were linked, copied, and taken from the earlier backup. */
  readonly linked: number
  readonly copied: number
  readonly reused: number
}

/** `version` holds every record that belongs to the backup, in tables. */
export async function backupVersion(
  state: TreeState,
  version: Version,
  lastSequence: number,
  target: Storage,
  since?: Storage,
): Promise<BackupReport> {
  const earlier = since === undefined ? new Map<number, TableMeta>() : await tablesOf(state, since)
  await prepareTarget(target)
  const count = { linked: 0, copied: 0, reused: 0 }
  const tables = version.levels.flat()
  const entries = await state.storage.list('table')
  const names = new Map(entries.map(({ number, name }) => [number, name]))
  for (const table of tables) {
    const name = names.get(table.number) ?? tableName(table.number)
    const reuse = await isSame(state, since, earlier.get(table.number), table, name)
    const how = await (reuse ? since! : state.storage).copyTo(target, name)
    if (reuse) count.reused++
    else count[how]++
  }
  await writeControlFiles(state, version, lastSequence, target)
  const bytes = tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { tables: tables.length, bytes, ...count }
}

/**
 * The backup of a store that is open read-only: its tables, journals and MANIFEST as they are,
 * which no writer can change meanwhile. CURRENT comes last.
 */
export async function backupFiles(state: TreeState, target: Storage): Promise<BackupReport> {
  const { storage } = state
  const { journals, manifest } = state.readOnlyFiles!
  await prepareTarget(target)
  const tables = state.levels.flat()
  const numbers = new Set(tables.map(({ number }) => number))
  const count = { linked: 0, copied: 0, reused: 0 }
  for (const { kind, number, name } of await storage.list()) {
    if (kind === 'table' && numbers.has(number)) count[await storage.copyTo(target, name)]++
    else if (kind === 'journal' && journals.includes(number)) await storage.copyTo(target, name)
  }
  await storage.copyTo(target, manifestName(manifest))
  await target.syncDirectory()
  await target.setCurrent(manifestName(manifest))
  const bytes = tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { tables: tables.length, bytes, ...count }
}

async function writeControlFiles(
  state: TreeState,
  version: Version,
  lastSequence: number,
  target: Storage,
): Promise<void> {
  const { plane } = state.options.choose(target)
  try {
    const { nextFileNumber } = state.manifest.state
    const { levels } = version
    const written = await writeBare(target, plane, { levels, nextFileNumber, lastSequence })
    await writeSeal(target, plane, written.journal, written.manifest)
  } finally {
    await plane.close()
  }
}

async function tablesOf(state: TreeState, since: Storage): Promise<Map<number, TableMeta>> {
  if (!(await since.exists()))
    throw new StoreError('CAIRN_MISSING', `the earlier backup ${since.location} does not exist`)
  const { plane } = state.options.choose(since)
  try {
    const { found } = await readDirectory(since, plane)
    const tables = found?.state.levels.flat() ?? []
    return new Map(tables.map((table) => [table.number, table]))
  } finally {
    await plane.close()
  }
}

/** Whether the earlier backup has the very same table: by its bounds, and then by every byte. */
async function isSame(
  state: TreeState,
  since: Storage | undefined,
  earlier: TableMeta | undefined,
  table: TableMeta,
  name: string,
): Promise<boolean> {
  const alike =
    since !== undefined &&
    earlier !== undefined &&
    earlier.sizeBytes === table.sizeBytes &&
    compareInternalKeys(earlier.smallest, table.smallest) === 0 &&
    compareInternalKeys(earlier.largest, table.largest) === 0
  return alike && isSameFile(state.storage, name, since)
}
