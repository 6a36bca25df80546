/**
 * Failures of I/O that the campaigns make, and what may come of them: an error of the world told
 * by its code, and never a hang.
 */
import assert from 'node:assert/strict'
import type { FaultRule, FaultyOperation } from '../support/faulty.js'
import { codesOf } from '../support/level.js'

const HANG_MS = 20_000
const WORLD_CODES = ['CAIRN_IO', 'CAIRN_NO_SPACE', 'CAIRN_POISONED', 'CAIRN_CORRUPTION']

export const KINDS: readonly FaultyOperation[] = [
  ...(['create', 'write', 'sync', 'syncDirectory', 'rename', 'remove'] as const),
  ...(['open', 'read', 'list', 'close'] as const),
]
export const ERRORS: readonly Pick<FaultRule, 'error' | 'short'>[] = [
  { error: 'EIO' },
  { error: 'ENOSPC', short: true },
  { error: 'EINTR' },
]

/** Rejects when `promise` does not settle in time. */
export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} hangs`)), HANG_MS)
  })
  try {
    return await Promise.race([promise, hang])
  } finally {
    clearTimeout(timer)
  }
}

/** Any failure must be one of the world, told by its code. */
export function honest(error: unknown): void {
  const codes = codesOf(error)
  const known = codes.some((code) => WORLD_CODES.includes(code))
  assert.ok(known, `an unexpected error: ${(error as Error).stack ?? String(error)}`)
}
