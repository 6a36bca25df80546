/**
 * Makes the errors of the native plane, in the words of the TypeScript plane.
 *
 * C++ says what happened as a kind and its parts (native/base/status.h); the sentences are made
 * here by the same functions that the other plane calls, so that both say the same.
 */
import { getSystemErrorMap } from 'node:util'
import { STORE_ERROR_CODES, StoreError, corruption } from '../../errors.js'
import { FormatError } from '../../format/coding.js'
import { errno, systemError } from '../../io/storage.js'

/** Status::Kind, in its order. */
const KINDS = ['ok', 'format', 'corruption', 'io', 'store', 'type', 'range'] as const

export function makeError(
  kind: number,
  code: number,
  text: string,
  file: string,
  offset: number,
  errorNumber: number,
  cause: Error | undefined,
): Error {
  switch (KINDS[kind]) {
    case 'format':
      return new FormatError(text, offset)
    case 'corruption':
      return corruption(file, offset, text)
    case 'io':
      return systemError(text, file, systemCause(errorNumber, text))
    case 'type':
      return new TypeError(text)
    case 'range':
      return new RangeError(text)
    default:
      return new StoreError(STORE_ERROR_CODES[code] ?? 'CAIRN_IO', text, {
        ...(file !== '' && { file }),
        ...(offset >= 0 && { offset }),
        ...(cause && { cause }),
      })
  }
}

/** The system's error as Node would give it. */
function systemCause(errorNumber: number, action: string): NodeJS.ErrnoException {
  const [name, words] = getSystemErrorMap().get(-errorNumber) ?? [`E${errorNumber}`, 'unknown']
  return Object.assign(errno(name, `${words}, ${action}`), {
    errno: -errorNumber,
    syscall: action,
  })
}
