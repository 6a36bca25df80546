/**
 * What the command says when something fails: one line with a code, one line with what to do.
 *
 * Exit codes: 0 done, 1 damage, something missing or a failure, 2 wrong usage, 128 + signal.
 * Decides: which error in a chain of causes speaks, and the advice for each code.
 */
import { StoreError } from '../errors.js'

export const EXIT_OK = 0
export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2

/** A failure of the command itself, as told to its user. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly advice?: string,
    readonly exitCode = EXIT_FAILURE,
  ) {
    super(message)
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(message, 'USAGE', 'run `cairn help` to see how', EXIT_USAGE)
}

/** What to do, by the code of what failed. */
export const ADVICE = {
  CAIRN_LOCKED: 'another process has the store open: close it there, then try again',
  CAIRN_MISSING: 'check the path; `cairn load`, `cairn put` and `cairn map set` create a store',
  CAIRN_CORRUPTION:
    'nothing was changed: copy the directory, then `cairn repair` (for a journal or a map ' +
    "the option recovery: 'salvage') keeps all that is still valid",
  CAIRN_FORMAT_VERSION:
    'a store of another kind, another program or a newer cairndb wrote this directory',
  CAIRN_WRONG_KEY: 'give the secret of the store in a file: --key-file or --passphrase-file',
  CAIRN_NO_SPACE: 'free some space and run it again: nothing acknowledged is lost',
  CAIRN_IO: 'the system refused: look at the path, its permissions and the disk',
  CAIRN_POISONED: 'a write failed before this one: run it again, opening recovers',
  CAIRN_READ_ONLY: 'get, range, count, dump, stats and verify work without writing',
  CAIRN_NATIVE_UNAVAILABLE: 'use --plane auto or --plane typescript',
} as const

interface Failure {
  readonly message: string
  readonly code: string
  readonly advice: string | undefined
  readonly exitCode: number
}

/** The innermost error that this project raised says it best; else the outermost one. */
export function explain(error: unknown): Failure {
  if (error instanceof CommandError) return error as Failure
  const chosen = storeError(error) ?? error
  const { message, code, syscall } = (chosen ?? {}) as Record<string, unknown>
  const known = typeof code === 'string' ? code : 'FAILED'
  const system = known === 'ENOSPC' || known === 'EDQUOT' ? 'CAIRN_NO_SPACE' : 'CAIRN_IO'
  const advice = adviceFor(known) ?? (syscall === undefined ? undefined : ADVICE[system])
  return { message: String(message ?? chosen), code: known, advice, exitCode: EXIT_FAILURE }
}

function adviceFor(code: string): string | undefined {
  return Object.hasOwn(ADVICE, code) ? ADVICE[code as keyof typeof ADVICE] : undefined
}

/** The StoreError in a chain of causes, if one is there. What can not be written says it all. */
export function storeError(error: unknown): StoreError | undefined {
  let found: StoreError | undefined
  let at: unknown = error
  for (let depth = 0; depth < 8 && at instanceof Error; depth++, at = at.cause) {
    if (at instanceof StoreError) found = at
    if (found?.code === 'CAIRN_READ_ONLY') break
  }
  return found
}

/** The lines for a failure; with CAIRN_DEBUG in the environment its stack too. */
export function failureText(error: unknown): string {
  const { message, code, advice } = explain(error)
  const text = `cairn: ${message} (${code})\n${advice === undefined ? '' : `  ${advice}\n`}`
  return process.env['CAIRN_DEBUG'] ? `${text}${debugText(error)}\n` : text
}

function debugText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${debugText(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
