/**
 * Storage in a directory of the file system.
 *
 * Directories are 0700 and files 0600 whatever the umask; nothing but regular files is opened and
 * no symbolic link is followed below the directory. What a name says about durability is kept
 * here: a subdirectory that this object changed is synced before the directory itself, so that a
 * file that moved down is never in neither. LOG is opened for each line: lines are rare, and so
 * there is nothing to let go of.
 */
import fs from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FILE_LOG, FILE_LOG_OLD } from '../format/names.js'
import { FILE_MODE, createDescriptor, openDescriptor, openDescriptorSync } from './descriptor.js'
import { pathOf, placeOf } from './descriptor.js'
import type { LockOptions, Storage, StorageFile, StorageLock } from './files.js'
import { heldUntil, lockDirectory } from './lock.js'
import { BaseStorage, logLine, nameParts, plainName, systemError } from './storage.js'
import type { NameFound } from './storage.js'
import { createPath, errnoOf, makeOne, notDirectory, syncEntries } from './tree.js'

const LOG_BYTES = 1 << 20
const LOG_FLAGS =
  fs.constants.O_WRONLY |
  fs.constants.O_CREAT |
  fs.constants.O_APPEND |
  (fs.constants.O_NOFOLLOW ?? 0) |
  (fs.constants.O_NONBLOCK ?? 0)
/** A scanner or an indexer of Windows holds a file for a moment. */
const WINDOWS_RETRIES = 10
const WINDOWS_BUSY = ['EPERM', 'EBUSY', 'EACCES']

/** A Storage in `directory`, which need not exist yet. TypeError when that is not a path. */
export function diskStorage(directory: string): Storage {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0'))
    throw new TypeError('the directory of a store must be a path')
  return new DiskStorage(resolve(directory))
}

class DiskStorage extends BaseStorage {
  readonly kind = 'disk'
  readonly location: string
  /** Subdirectories with creations, renames or removals that are not synced. */
  readonly #changed = new Set<string>()
  #writers = 0
  #readers = 0
  #rotate = true

  constructor(location: string) {
    super()
    this.location = location
  }

  async createDirectory(): Promise<void> {
    try {
      await createPath(this.location)
    } catch (error) {
      throw systemError('create directory', this.location, error)
    }
  }

  async exists(): Promise<boolean> {
    try {
      const stat = await fs.promises.stat(this.location)
      if (!stat.isDirectory()) throw notDirectory(this.location)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
      throw systemError('look at', this.location, error)
    }
  }

  async lock(options: LockOptions): Promise<StorageLock> {
    const lock = await lockDirectory(this.location, options)
    const count = (by: number) => {
      if (options.readOnly) this.#readers += by
      else this.#writers += by
    }
    count(1)
    if (!options.readOnly) this.#rotate = true
    return heldUntil(async () => {
      count(-1)
      await lock.release()
    })
  }

  async open(name: string): Promise<StorageFile> {
    return openDescriptor(this.location, name)
  }

  openSync(name: string): StorageFile {
    return openDescriptorSync(this.location, name)
  }

  async create(name: string): Promise<StorageFile> {
    const file = await createDescriptor(this.location, name)
    this.#change(name)
    return file
  }

  async remove(name: string): Promise<void> {
    const path = pathOf(this.location, name)
    try {
      await fs.promises.unlink(path)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return
      throw systemError('remove', name, error)
    }
    this.#change(name)
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [pathOf(this.location, from), pathOf(this.location, to)]
    try {
      await retryOnWindows(() => fs.promises.rename(source, target))
    } catch (error) {
      throw systemError('rename', from, error)
    }
    this.#change(from)
    this.#change(to)
  }

  async removeDirectory(): Promise<void> {
    try {
      await fs.promises.rmdir(this.location)
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(String(errnoOf(error)))) return
      throw systemError('remove directory', this.location, error)
    }
  }

  async makeDirectory(name: string): Promise<void> {
    const path = join(this.location, plainName(name))
    try {
      await makeOne(path)
      // Not followed: what lies in a store does not lead out of it.
      if (!(await fs.promises.lstat(path)).isDirectory()) throw notDirectory(name)
    } catch (error) {
      throw systemError('create directory', name, error)
    }
  }

  async syncDirectory(): Promise<void> {
    for (const name of this.#changed) {
      this.#changed.delete(name)
      await this.#syncPath(join(this.location, name), name)
    }
    await this.#syncPath(this.location, this.location)
  }

  override async copyTo(
    target: Storage,
    name: string,
    targetName = name,
  ): Promise<'linked' | 'copied'> {
    if (target instanceof DiskStorage && (await this.#link(target, name, targetName)))
      return 'linked'
    return super.copyTo(target, name, targetName)
  }

  log(line: string): void {
    if (this.#readers > 0 && this.#writers === 0) return
    try {
      if (this.#rotate) this.#rotateLog()
      if (this.#append(line) > LOG_BYTES) this.#rotateLog()
    } catch {
      // A store that can not tell what it does still does it.
    }
  }

  /** Nothing is held: files and locks are closed by who has them. */
  async close(): Promise<void> {}

  override created(name: string): void {
    this.#change(name)
  }

  protected async names(subdirectory?: string): Promise<NameFound[]> {
    try {
      const place = placeOf(this.location, subdirectory)
      const entries = await fs.promises.readdir(place, { withFileTypes: true })
      return entries.map((entry) => ({ name: entry.name, regular: entry.isFile() }))
    } catch (error) {
      const absent = subdirectory !== undefined && errnoOf(error) === 'ENOENT'
      if (absent && (await this.exists())) return []
      throw systemError('list', subdirectory ?? this.location, error)
    }
  }

  #change(name: string): void {
    const [directory, file] = nameParts(name)
    if (file !== undefined) this.#changed.add(directory!)
  }

  async #syncPath(path: string, name: string): Promise<void> {
    try {
      await syncEntries(path)
    } catch (error) {
      throw systemError('sync directory', name, error)
    }
  }

  /** False when a hard link is not to be had; other failures are as those of a copy. */
  async #link(target: DiskStorage, name: string, targetName: string): Promise<boolean> {
    // A link would be made to a symbolic link or a FIFO as well; this refuses those.
    await (await this.open(name)).close()
    const to = pathOf(target.location, targetName)
    try {
      await fs.promises.link(pathOf(this.location, name), to)
    } catch (error) {
      // The copy meets the same failure if it is one of the name or the directory.
      if (errnoOf(error) !== 'EEXIST') return false
      throw systemError('create', targetName, error)
    }
    target.#change(targetName)
    return true
  }

  /** Gives the size of LOG before this line. */
  #append(line: string): number {
    const fd = fs.openSync(join(this.location, FILE_LOG), LOG_FLAGS, FILE_MODE)
    try {
      const stat = fs.fstatSync(fd)
      if (!stat.isFile()) return 0
      if (stat.size === 0) fs.fchmodSync(fd, FILE_MODE)
      fs.writeSync(fd, logLine(line))
      return stat.size
    } finally {
      fs.closeSync(fd)
    }
  }

  #rotateLog(): void {
    this.#rotate = false
    try {
      fs.renameSync(join(this.location, FILE_LOG), join(this.location, FILE_LOG_OLD))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }
}

async function retryOnWindows(operation: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation()
    } catch (error) {
      const busy = process.platform === 'win32' && WINDOWS_BUSY.includes(String(errnoOf(error)))
      if (!busy || attempt > WINDOWS_RETRIES) throw error
      await delay(attempt * 10)
    }
  }
}
