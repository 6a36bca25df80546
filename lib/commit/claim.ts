/**
 * Claiming a directory for a store: made if it may be, and locked.
 *
 * A refusal leaves no trace: what was made is removed again.
 */
import { StoreError } from '../errors.js'
import { FILE_LOCK } from '../format/names.js'
import type { Storage, StorageLock } from '../io/files.js'

export interface ClaimOptions {
  readonly createIfMissing: boolean
  readonly readOnly: boolean
  readonly lockTimeoutMs: number
}

/** Refusals of the system that only a write meets, and all that a write may meet. */
const WRITE_ONLY_REFUSALS = ['EROFS']
const WRITE_REFUSALS = ['EROFS', 'EACCES', 'EPERM']

export class Claim {
  private constructor(
    readonly storage: Storage,
    readonly lock: StorageLock,
    private readonly isNew: boolean,
    /** LOCK may be removed when the opening is refused. */
    private readonly ownsLockFile: boolean,
  ) {}

  /** CAIRN_MISSING, CAIRN_LOCKED, CAIRN_READ_ONLY, CAIRN_EXISTS when it is a file, CAIRN_IO. */
  static async on(storage: Storage, options: ClaimOptions): Promise<Claim> {
    const { createIfMissing, readOnly, lockTimeoutMs: timeoutMs } = options
    const isNew = !(await storage.exists())
    if (isNew) {
      if (!createIfMissing || readOnly) throw missing(storage.location)
      await storage.createDirectory().catch((error: unknown) => {
        throw unwritable(storage, error, WRITE_REFUSALS)
      })
    }
    const hadLock = (await storage.list('lock')).some(({ name }) => name === FILE_LOCK)
    const lock = await storage.lock({ readOnly, timeoutMs }).catch(async (error: unknown) => {
      // Another opening may hold the directory by now; an empty one is nobody's.
      if (isNew) await storage.removeDirectory().catch(() => {})
      throw unwritable(storage, error, WRITE_REFUSALS)
    })
    return new Claim(storage, lock, isNew, !hadLock && !readOnly)
  }

  /** Undoes the claim of an opening that failed; gives the error to throw. */
  async abandon(error: unknown): Promise<unknown> {
    // A LOCK that appeared since and is held by another engine is that engine's.
    const isTaken = error instanceof StoreError && error.code === 'CAIRN_LOCKED'
    if (this.ownsLockFile && !isTaken) await this.storage.remove(FILE_LOCK).catch(() => {})
    await this.lock.release()
    if (this.isNew) await this.storage.removeDirectory().catch(() => {})
    return unwritable(this.storage, error, WRITE_ONLY_REFUSALS)
  }
}

export function missing(location: string): StoreError {
  return new StoreError(
    'CAIRN_MISSING',
    `${location} does not exist (createIfMissing is false, or the store is opened read-only)`,
  )
}

/** Tells a directory that can not be written apart from other failures. */
function unwritable(storage: Storage, error: unknown, refusals: readonly string[]): unknown {
  const { cause } = (error ?? {}) as { cause?: { code?: unknown } }
  if (typeof cause?.code !== 'string' || !refusals.includes(cause.code)) return error
  return new StoreError(
    'CAIRN_READ_ONLY',
    `${storage.location} can not be written (${cause.code}); open it with readOnly: true`,
    { cause: error },
  )
}
