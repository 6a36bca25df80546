/**
 * What every Storage does in the same way: names judged, errors mapped, and the operations that
 * are composed of others (`list`, `setCurrent`, `getCurrent`, `copyTo`).
 *
 * A composed operation uses the public primitives of its own object, so that a wrapper that makes
 * primitives fail reaches each of its steps.
 *
 * Stands on: lib/io/files.ts, lib/errors.ts, lib/format/names.ts
 */
import { StoreError, ioError } from '../errors.js'
import { FILE_CURRENT, parseFileName, temporaryName } from '../format/names.js'
import type { FileKind } from '../format/names.js'
import type { FileEntry, LockOptions, Storage, StorageFile, StorageLock } from './files.js'

const COPY_BYTES = 1 << 20
/** Far more than CURRENT can need; what is longer is not a manifest's name anyway. */
const CURRENT_BYTES = 4096
/** Separators of any platform, drives and streams of Windows, and the end of a C string. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\\:\u0000]/

/** Gives the parts of `name`: a plain file name, or one in one subdirectory. Else a TypeError. */
export function nameParts(name: string): string[] {
  const parts = typeof name === 'string' ? name.split('/') : []
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..')
  if (parts.length < 1 || parts.length > 2 || !plain || FORBIDDEN.test(name))
    throw new TypeError(`not a file name: ${JSON.stringify(name)}`)
  return parts
}

/** As `nameParts`, for what can not lie in a subdirectory. */
export function plainName(name: string): string {
  if (nameParts(name).length !== 1)
    throw new TypeError(`not a plain file name: ${JSON.stringify(name)}`)
  return name
}

/** RangeError unless `bytes`, a position or size in a file, is a safe integer from 0. */
export function checkBytes(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new RangeError(`not a position or size in a file: ${bytes}`)
}

/** An error as the operating system would give it. */
export function errno(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}

/** The StoreError for an error of the operating system: absence and presence have own codes. */
export function systemError(action: string, file: string, cause: unknown): StoreError {
  const code = (cause as { code?: unknown } | null)?.code
  if (cause instanceof StoreError) return cause
  if (code === 'ENOENT')
    return new StoreError('CAIRN_MISSING', `could not ${action} ${file}: it does not exist`, {
      file,
      cause,
    })
  if (code === 'EEXIST')
    return new StoreError('CAIRN_EXISTS', `could not ${action} ${file}: it exists`, { file, cause })
  return ioError(action, file, cause)
}

/** One line of LOG: ISO time with microseconds, a space, the text without line breaks. */
export function logLine(text: string): string {
  const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000)
  const iso = new Date(Math.floor(microseconds / 1000)).toISOString()
  const fraction = String(microseconds % 1000).padStart(3, '0')
  return `${iso.slice(0, -1)}${fraction}Z ${text.replace(/[\r\n]+/g, ' ')}\n`
}

/** A name in a directory, and whether a regular file stands there. */
export interface NameFound {
  readonly name: string
  readonly regular: boolean
}

/** The base of every Storage of this project. */
export abstract class BaseStorage implements Storage {
  abstract readonly location: string
  abstract readonly kind: Storage['kind']

  abstract createDirectory(): Promise<void>
  abstract exists(): Promise<boolean>
  abstract lock(options: LockOptions): Promise<StorageLock>
  abstract open(name: string): Promise<StorageFile>
  abstract openSync(name: string): StorageFile
  abstract create(name: string): Promise<StorageFile>
  abstract remove(name: string): Promise<void>
  abstract rename(from: string, to: string): Promise<void>
  abstract removeDirectory(): Promise<void>
  abstract makeDirectory(name: string): Promise<void>
  abstract syncDirectory(): Promise<void>
  abstract log(line: string): void
  abstract close(): Promise<void>

  /** Every plain name in the directory or in a subdirectory that may be missing, and whether a
   * regular file stands there. */
  protected abstract names(subdirectory?: string): Promise<NameFound[]>

  /** Nothing to remember where a sync of the directory covers all. */
  created(name: string): void {
    nameParts(name)
  }

  async list(kind?: FileKind, subdirectory?: string): Promise<FileEntry[]> {
    if (subdirectory !== undefined) plainName(subdirectory)
    const prefix = subdirectory === undefined ? '' : `${subdirectory}/`
    const entries: FileEntry[] = []
    for (const { name, regular } of await this.names(subdirectory)) {
      const said = regular ? parseFileName(name) : { kind: 'unknown' as const, number: 0 }
      const entry: FileEntry = { name: prefix + name, ...said }
      if (kind === undefined || entry.kind === kind) entries.push(entry)
    }
    return entries
  }

  async setCurrent(manifestName: string): Promise<void> {
    const { kind, number } = parseFileName(manifestName)
    if (kind !== 'manifest') throw new TypeError(`not the name of a manifest: ${manifestName}`)
    const temporary = temporaryName(number)
    // A crash between creation and rename leaves one behind.
    await this.remove(temporary)
    try {
      await fillFile(await this.create(temporary), async (file) => {
        await file.write(Buffer.from(`${manifestName}\n`, 'latin1'), 0)
      })
      await this.rename(temporary, FILE_CURRENT)
    } catch (error) {
      await this.remove(temporary).catch(() => {})
      throw error
    }
    await this.syncDirectory()
  }

  async getCurrent(): Promise<string | undefined> {
    let file: StorageFile
    try {
      file = await this.open(FILE_CURRENT)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'CAIRN_MISSING') return undefined
      throw error
    }
    try {
      const bytes = Buffer.alloc(Math.min(file.size(), CURRENT_BYTES))
      const count = await file.read(bytes, 0)
      return bytes.toString('latin1', 0, count)
    } finally {
      await file.close()
    }
  }

  async copyTo(target: Storage, name: string, targetName = name): Promise<'linked' | 'copied'> {
    const from = await this.open(name)
    try {
      const to = await target.create(targetName)
      try {
        await fillFile(to, (file) => copyBytes(from, file))
      } catch (error) {
        await target.remove(targetName).catch(() => {})
        throw error
      }
    } finally {
      await from.close()
    }
    return 'copied'
  }
}

/** Fills a new file, syncs it and closes it, whatever happens. */
async function fillFile(
  file: StorageFile,
  fill: (file: StorageFile) => Promise<void>,
): Promise<void> {
  try {
    await fill(file)
    await file.sync()
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
  await file.close()
}

async function copyBytes(from: StorageFile, to: StorageFile): Promise<void> {
  const piece = Buffer.alloc(Math.min(Math.max(from.size(), 1), COPY_BYTES))
  for (let position = 0; ;) {
    const count = await from.read(piece, position)
    if (count === 0) return
    await to.write(piece.subarray(0, count), position)
    position += count
  }
}
