/**
 * The one place where failures get the names that users of abstract-level know.
 *
 * A StoreError becomes a LevelError with a LEVEL_ code and the StoreError as `cause`; a caller's
 * mistake (TypeError, RangeError) and everything else passes through as it is. abstract-level
 * wraps what a failed open gives in one more error, LEVEL_DATABASE_NOT_OPEN.
 */
import { StoreError } from '../../errors.js'
import type { StoreErrorCode } from '../../errors.js'

/** A failure with a code as abstract-level's users know them. `cause` is the StoreError. */
export class LevelError extends Error {
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    // The name is part of the web's contract for aborted work.
    this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'LevelError'
  }
}

/** Codes that are more than a change of prefix. */
const LEVEL_CODES: Partial<Record<StoreErrorCode, string>> = {
  CAIRN_NOT_OPEN: 'LEVEL_DATABASE_NOT_OPEN',
  CAIRN_FORMAT_VERSION: 'LEVEL_CORRUPTION',
  CAIRN_IO: 'LEVEL_IO_ERROR',
  CAIRN_NO_SPACE: 'LEVEL_IO_ERROR',
  CAIRN_POISONED: 'LEVEL_IO_ERROR',
  CAIRN_READ_ONLY: 'LEVEL_READONLY',
  CAIRN_NATIVE_UNAVAILABLE: 'LEVEL_NOT_SUPPORTED',
}

/** Words that abstract-level's users look for in the message. */
const LEVEL_WORDS: Partial<Record<StoreErrorCode, string>> = {
  CAIRN_MISSING: 'does not exist',
  CAIRN_EXISTS: 'exists',
}

/** The error to show for `error`; not a copy when there is nothing to translate. */
export function translate(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  const code = LEVEL_CODES[error.code] ?? error.code.replace('CAIRN_', 'LEVEL_')
  const words = LEVEL_WORDS[error.code]
  const plain = words === undefined || error.message.includes(words)
  return new LevelError(code, plain ? error.message : `${error.message} (${words})`, error)
}

/** For `promise.catch`: throws the translation. */
export function rethrow(error: unknown): never {
  throw translate(error)
}

export function notOpen(): LevelError {
  return new LevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open')
}

export function aborted(): LevelError {
  return new LevelError('LEVEL_ABORTED', 'Operation has been aborted')
}
