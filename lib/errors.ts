/**
 * The one error class of cairndb for failures of the world, and the union of its codes.
 *
 * A caller's mistake is a TypeError or a RangeError instead; absence is `undefined`, never an
 * error. `docs/errors.md` has a heading for each code, and `test/tidy.test.ts` compares the two.
 */

/** Every code that a StoreError can carry. Stable: programs may switch on them. */
export const STORE_ERROR_CODES = [
  'CAIRN_NOT_OPEN',
  'CAIRN_LOCKED',
  'CAIRN_MISSING',
  'CAIRN_EXISTS',
  'CAIRN_CORRUPTION',
  'CAIRN_FORMAT_VERSION',
  'CAIRN_IO',
  'CAIRN_NO_SPACE',
  'CAIRN_POISONED',
  'CAIRN_READ_ONLY',
  'CAIRN_LIMIT',
  'CAIRN_CAPACITY',
  'CAIRN_ABORTED',
  'CAIRN_WRONG_KEY',
  'CAIRN_CONFLICT',
  'CAIRN_QUOTA',
  'CAIRN_NOT_FOUND',
  'CAIRN_EXPIRED',
  'CAIRN_NATIVE_UNAVAILABLE',
] as const

export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number]

export interface StoreErrorDetails {
  /** Name of the file concerned, relative to the store's directory where it lies in it. */
  readonly file?: string
  /** Byte offset in `file`. */
  readonly offset?: number
  /** What a condition expected, and what it found: of CAIRN_CONFLICT. */
  readonly expected?: number
  readonly actual?: number
  /** What caused this, usually an error of the operating system. */
  readonly cause?: unknown
}

/** A failure of the world: `code` says which, the other fields where they exist. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly file?: string
  readonly offset?: number
  declare readonly expected?: number
  declare readonly actual?: number

  constructor(code: StoreErrorCode, message: string, details: StoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.file !== undefined) this.file = details.file
    if (details.offset !== undefined) this.offset = details.offset
    if (details.expected !== undefined) this.expected = details.expected
    if (details.actual !== undefined) this.actual = details.actual
  }
}

/** Damage found in a file: CAIRN_CORRUPTION that names file, offset and reason. */
export function corruption(file: string, offset: number, reason: string): StoreError {
  return new StoreError('CAIRN_CORRUPTION', `${file} is damaged at byte ${offset}: ${reason}`, {
    file,
    offset,
  })
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Wraps an error of the operating system; a StoreError passes through unchanged. */
export function ioError(action: string, file: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const { code: errno, message } = (cause ?? {}) as { code?: unknown; message?: unknown }
  const code = typeof errno === 'string' && NO_SPACE.has(errno) ? 'CAIRN_NO_SPACE' : 'CAIRN_IO'
  return new StoreError(code, `could not ${action} ${file}: ${String(message ?? cause)}`, {
    file,
    cause,
  })
}
