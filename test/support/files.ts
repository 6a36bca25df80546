/**
 * Every file of a store, those of its directories too: names, bytes, copies.
 */
import { DIRECTORY_DAMAGED, DIRECTORY_SNAPSHOTS, DIRECTORY_WAL } from '../../lib/format/names.js'
import type { FileEntry, Storage } from '../../lib/io/files.js'
import { readAll } from './level.js'

const DIRECTORIES = [DIRECTORY_WAL, DIRECTORY_SNAPSHOTS, DIRECTORY_DAMAGED]
/** They say nothing about the content. */
const UNTOLD = ['lock', 'log']

/** What lies in a storage and in the directories that journals and maps have. */
export async function everyFile(storage: Storage): Promise<FileEntry[]> {
  if (!(await storage.exists())) return []
  const top = await storage.list()
  const nested = DIRECTORIES.filter((directory) => top.some(({ name }) => name === directory))
  const below = await Promise.all(nested.map((directory) => storage.list(undefined, directory)))
  return [...top.filter(({ name }) => !DIRECTORIES.includes(name)), ...below.flat()]
}

/** Names and bytes of all files that say something. */
export async function bytesOfAll(storage: Storage): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { name, kind } of await everyFile(storage))
    if (!UNTOLD.includes(kind))
      found[name] = Buffer.from(await readAll(storage, name)).toString('latin1')
  return found
}

/** The names of files in which a text stands; LOG counts. */
export async function filesWith(storage: Storage, text: string): Promise<string[]> {
  const names: string[] = []
  for (const { name, kind } of await everyFile(storage)) {
    if (kind === 'lock') continue
    const bytes = Buffer.from(await readAll(storage, name))
    if (bytes.includes(text)) names.push(name)
  }
  return names
}
