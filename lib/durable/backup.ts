/**
 * Backup of a journal: a complete, sealed store beside this one, consistent as of the call.
 *
 * The segment that is written to is ended first, so that sealed ones are all there is to take. They
 * are hard-linked or copied, from an earlier backup where it has the very same file: a segment that
 * is closed is never written to again, only replaced. CAIRN-STORE comes behind the data and the
 * seal last, so that a backup that was cut short is seen.
 */
import { isSameFile, prepareTarget } from '../commit/backup.js'
import { sizeOf } from '../commit/file.js'
import { StoreError } from '../errors.js'
import { FILE_KEYS, FILE_STORE } from '../format/names.js'
import type { Storage } from '../io/files.js'
import { writeEnding } from './ending.js'
import type { StoreHome } from './home.js'
import type { SegmentInfo } from './options.js'

export interface BackupReport {
  /** Data files in the backup, and their bytes. */
  readonly files: number
  readonly bytes: number
  /** How many of them were linked, copied, and taken from the earlier backup. */
  readonly linked: number
  readonly copied: number
  readonly reused: number
}

/** What belongs to the backup: all of it closed, none of it removed before the end. */
export interface BackupContent {
  readonly segments: readonly SegmentInfo[]
  readonly nextSequence: number
  /** Other files that do not change: a map's snapshots. */
  readonly others?: readonly { readonly file: string; readonly bytes: number }[]
  /** Subdirectories that they lie in. */
  readonly folders?: readonly string[]
}

export async function backUp(
  home: StoreHome,
  content: BackupContent,
  target: Storage,
  since?: Storage,
): Promise<BackupReport> {
  if (since !== undefined && !(await since.exists()))
    throw new StoreError('CAIRN_MISSING', `the earlier backup ${since.location} does not exist`)
  await prepareTarget(target)
  for (const folder of content.folders ?? []) await target.makeDirectory(folder)
  const earlier = new Set((await listed(since, content)).map(({ name }) => name))
  const count = { linked: 0, copied: 0, reused: 0 }
  const files = [...content.segments, ...(content.others ?? [])]
  for (const { file } of files) {
    const reuse =
      since !== undefined && earlier.has(file) && (await isSameFile(home.storage, file, since))
    const how = await (reuse ? since : home.storage).copyTo(target, file)
    if (reuse) count.reused++
    else count[how]++
  }
  await target.syncDirectory()
  if (home.identity.encrypted) await home.storage.copyTo(target, FILE_KEYS)
  await home.storage.copyTo(target, FILE_STORE)
  await target.syncDirectory()
  const newest = content.segments.at(-1)
  // One that was left open has no end that could be told.
  if (newest?.sealed) {
    const { identity, keys, plane } = home
    const segmentBytes = await sizeOf(target, newest.file)
    const ending = { segment: newest.number, segmentBytes }
    const { nextSequence } = content
    await writeEnding({ identity, keys, plane, storage: target }, { ...ending, nextSequence })
  }
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), ...count }
}

async function listed(since: Storage | undefined, { folders = [] }: BackupContent) {
  if (since === undefined) return []
  const entries = await since.list()
  for (const folder of folders) entries.push(...(await since.list(undefined, folder)))
  return entries
}
