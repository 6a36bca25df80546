/**
 * Directories: made 0700 with their parents, and synced, so that they survive power loss.
 *
 * A directory survives when the one that it lies in was synced after it was made. Errors are the
 * system's, or CAIRN_EXISTS where something else stands in the way.
 */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { StoreError } from '../errors.js'
import { FILE_CURRENT } from '../format/names.js'

const DIRECTORY_MODE = 0o700
/** Given by file systems that have no sync of directories. */
const NO_DIRECTORY_SYNC = ['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP']

export function errnoOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code
}

export function notDirectory(name: string): StoreError {
  return new StoreError('CAIRN_EXISTS', `${name} exists and is not a directory`, { file: name })
}

/**
 * Makes a directory with its missing parents. Whoever did this before may have died between a
 * creation and its sync, so the deepest one found is synced into its parent too, unless a store
 * stands in it.
 */
export async function createPath(path: string): Promise<void> {
  const missing: string[] = []
  let found = path
  while (!(await isDirectory(found))) {
    missing.unshift(found)
    found = dirname(found)
  }
  if (missing.length > 0 || !fs.existsSync(join(found, FILE_CURRENT))) {
    await syncEntries(dirname(found)).catch((error: unknown) => {
      // Not ours, and not to be read; then somebody else made what is in it.
      if (errnoOf(error) !== 'EACCES') throw error
    })
  }
  for (const each of missing) {
    await makeOne(each)
    await syncEntries(dirname(each))
  }
  if (!(await isDirectory(path))) throw notDirectory(path)
}

/** Whether a directory stands there; CAIRN_EXISTS when something else does. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await fs.promises.stat(path)).isDirectory()) return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && dirname(path) !== path) return false
    throw error
  }
  throw notDirectory(path)
}

export async function makeOne(path: string): Promise<void> {
  try {
    await fs.promises.mkdir(path, DIRECTORY_MODE)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return
    throw error
  }
  await fs.promises.chmod(path, DIRECTORY_MODE)
}

/** Makes the entries of a directory survive power loss, where the system can. */
export function syncEntries(path: string): Promise<void> {
  if (process.platform === 'win32') return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (error: unknown) => {
      if (!error || NO_DIRECTORY_SYNC.includes(String(errnoOf(error)))) resolve()
      else reject(error)
    }
    fs.open(path, fs.constants.O_RDONLY | (fs.constants.O_DIRECTORY ?? 0), (error, fd) => {
      if (error) return reject(error)
      fs.fsync(fd, (failure) => fs.close(fd, (late) => settle(failure ?? late)))
    })
  })
}
