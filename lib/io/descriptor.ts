/**
 * One open file on disk: a file descriptor that is never used after its close.
 *
 * The system may read or write less than it was asked to, and libuv hides an error behind a
 * partial count; so every transfer goes on with the rest until all is done or the rest fails.
 * A close waits for the transfers under way, because the number of a closed descriptor is given
 * to the next file that is opened.
 *
 * Stands on: node:fs in its callback form, the cheapest
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../errors.js'
import type { StorageFile } from './files.js'
import { checkBytes, errno, nameParts, systemError } from './storage.js'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants
/** Windows knows neither. NONBLOCK: the open of a FIFO would wait for its other end. */
const O_CAREFUL = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0)

export const FLAGS_READ = O_RDONLY | O_CAREFUL
export const FLAGS_WRITE = O_RDWR | O_CAREFUL
export const FLAGS_CREATE = O_RDWR | O_CREAT | O_EXCL | O_CAREFUL
export const FILE_MODE = 0o600

/** One system call takes at most this: Node refuses 2^31 bytes, Linux stops a page before. */
const MAX_TRANSFER_BYTES = 1 << 30
const MAX_RETRIES = 100

type Action = 'read' | 'write'
type Callback = (error: NodeJS.ErrnoException | null, count?: number) => void

/** Whether the call may be made again: it was interrupted before it did anything. */
function passing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EINTR' || code === 'EAGAIN'
}

/** Where `name` lies; the parts of a name are checked and joined by the platform's rules. */
export function pathOf(directory: string, name: string): string {
  const [first, second] = nameParts(name)
  if (second === undefined) return join(directory, first!)
  try {
    return join(placeOf(directory, first), second)
  } catch (error) {
    throw systemError('find', name, error)
  }
}

/** Where a subdirectory lies, or the directory itself. A link is none: it would lead out. */
export function placeOf(directory: string, subdirectory?: string): string {
  if (subdirectory === undefined) return directory
  const path = join(directory, subdirectory)
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw errno('ENOTDIR', 'a symbolic link, not a directory')
  return path
}

/** Opens a regular file to read, or throws a StoreError. */
export function openDescriptorSync(directory: string, name: string): DiskFile {
  const path = pathOf(directory, name)
  let fd: number
  try {
    fd = fs.openSync(path, FLAGS_READ)
  } catch (error) {
    throw systemError('open', name, error)
  }
  try {
    if (!fs.fstatSync(fd).isFile()) throw irregular()
  } catch (error) {
    fs.closeSync(fd)
    throw systemError('open', name, error)
  }
  return new DiskFile(path, name, fd, false)
}

/** Opens a regular file to read, or rejects with a StoreError. */
export async function openDescriptor(directory: string, name: string): Promise<DiskFile> {
  const path = pathOf(directory, name)
  return new Promise((resolve, reject) => {
    fs.open(path, FLAGS_READ, (error, fd) => {
      if (error) return reject(systemError('open', name, error))
      fs.fstat(fd, (failure, stat) => {
        if (failure === null && stat.isFile()) return resolve(new DiskFile(path, name, fd, false))
        fs.close(fd, () => reject(systemError('open', name, failure ?? irregular())))
      })
    })
  })
}

/** Creates a file, empty, 0600 whatever the umask; CAIRN_EXISTS when the name is taken. */
export async function createDescriptor(directory: string, name: string): Promise<DiskFile> {
  const path = pathOf(directory, name)
  return new Promise((resolve, reject) => {
    fs.open(path, FLAGS_CREATE, FILE_MODE, (error, fd) => {
      if (error) return reject(systemError('create', name, error))
      fs.fchmod(fd, FILE_MODE, (failure) => {
        if (failure === null) return resolve(new DiskFile(path, name, fd, true))
        fs.close(fd, () => {
          fs.unlink(path, () => reject(systemError('create', name, failure)))
        })
      })
    })
  })
}

function irregular(): Error {
  return errno('EINVAL', 'not a regular file')
}

export class DiskFile implements StorageFile {
  readonly name: string
  readonly #path: string
  readonly #writable: boolean
  #fd: number
  /** Transfers and syncs that the thread pool has not finished. */
  #underWay = 0
  #idle: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(path: string, name: string, fd: number, writable: boolean) {
    this.#path = path
    this.name = name
    this.#fd = fd
    this.#writable = writable
  }

  readSync(into: Uint8Array, position: number): number {
    return this.#allSync('read', into, position)
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#allSync('write', bytes, position)
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#all('read', into, position)
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#all('write', bytes, position)
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#open(), (error) => {
        this.#leave()
        if (error) reject(systemError('sync', this.name, error))
        else resolve()
      })
      this.#underWay++
    })
  }

  async truncate(sizeBytes: number): Promise<void> {
    checkBytes(sizeBytes)
    const own = this.#open()
    this.#underWay++
    try {
      await new Promise<void>((resolve, reject) => {
        const done = (error: unknown) => (error ? reject(error) : resolve())
        if (this.#writable) fs.ftruncate(own, sizeBytes, done)
        else done(truncateByPath(this.#path, own, sizeBytes))
      })
    } catch (error) {
      throw systemError('truncate', this.name, error)
    } finally {
      this.#leave()
    }
  }

  size(): number {
    try {
      return fs.fstatSync(this.#open()).size
    } catch (error) {
      throw systemError('read the size of', this.name, error)
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close(this.#fd)
    this.#fd = -1
    return this.#closed
  }

  async #close(fd: number): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    await new Promise<void>((resolve, reject) => {
      fs.close(fd, (error) => {
        if (error) reject(systemError('close', this.name, error))
        else resolve()
      })
    })
  }

  #open(): number {
    if (this.#fd >= 0) return this.#fd
    throw new StoreError('CAIRN_NOT_OPEN', `${this.name} is closed`, { file: this.name })
  }

  #leave(): void {
    if (--this.#underWay === 0 && this.#idle !== undefined) this.#idle()
  }

  #allSync(action: Action, bytes: Uint8Array, position: number): number {
    checkBytes(position)
    const fd = this.#open()
    let done = 0
    for (let retries = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, MAX_TRANSFER_BYTES)
      try {
        const count =
          action === 'read'
            ? fs.readSync(fd, bytes, done, length, position + done)
            : fs.writeSync(fd, bytes, done, length, position + done)
        if (count === 0 && action === 'read') break
        if (count === 0) throw errno('EIO', 'nothing was written')
        done += count
        retries = 0
      } catch (error) {
        if (!passing(error) || ++retries > MAX_RETRIES) throw systemError(action, this.name, error)
      }
    }
    return done
  }

  #all(action: Action, bytes: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      checkBytes(position)
      const fd = this.#open()
      if (bytes.length === 0) return resolve(0)
      let done = 0
      let retries = 0
      const fail = (error: unknown) => {
        this.#leave()
        reject(systemError(action, this.name, error))
      }
      const settled: Callback = (error, count = 0) => {
        if (error && (!passing(error) || ++retries > MAX_RETRIES)) return fail(error)
        if (!error) {
          retries = 0
          done += count
          if (count === 0 && action === 'write') return fail(errno('EIO', 'nothing was written'))
          if (count === 0 || done === bytes.length) {
            this.#leave()
            return resolve(done)
          }
        }
        step()
      }
      const step = () => {
        const length = Math.min(bytes.length - done, MAX_TRANSFER_BYTES)
        try {
          if (action === 'read') fs.read(fd, bytes, done, length, position + done, settled)
          else fs.write(fd, bytes, done, length, position + done, settled)
        } catch (error) {
          // Memory that was given away meanwhile (transferred to a worker) is refused here.
          fail(error)
        }
      }
      this.#underWay++
      step()
    })
  }
}

/** Cuts the file behind a read-only descriptor; gives the error when it can not, or undefined. */
function truncateByPath(path: string, own: number, sizeBytes: number): unknown {
  let fd: number | undefined
  try {
    fd = fs.openSync(path, FLAGS_WRITE)
    const [here, there] = [own, fd].map((each) => fs.fstatSync(each, { bigint: true }))
    if (here!.ino !== there!.ino || here!.dev !== there!.dev)
      throw errno('ESTALE', 'another file has taken the name')
    fs.ftruncateSync(fd, sizeBytes)
    return undefined
  } catch (error) {
    return error
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
