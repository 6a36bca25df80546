/**
 * What stands in the directory of a key-value store.
 *
 * A directory that says it is a journal or map store is refused whatever else lies in it; a file
 * that only has a name of theirs is nobody's, and left alone.
 */
import { StoreError } from '../errors.js'
import { FILE_STORE, isDurableName } from '../format/names.js'
import type { FileEntry, Storage } from '../io/files.js'

/** Everything in the directory. CAIRN_FORMAT_VERSION when it is another kind of store. */
export async function listEntries(storage: Storage): Promise<FileEntry[]> {
  const entries = await storage.list()
  if (entries.some(({ kind }) => kind === 'store'))
    throw new StoreError(
      'CAIRN_FORMAT_VERSION',
      `the directory is not a key-value store: it holds '${FILE_STORE}' of a journal or map store`,
      { file: FILE_STORE },
    )
  return entries.map((entry) =>
    isDurableName(entry.name) ? { name: entry.name, kind: 'unknown', number: 0 } : entry,
  )
}
