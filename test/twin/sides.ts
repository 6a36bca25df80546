/**
 * Whom the twin tests hold to each other: the TypeScript plane and the native one in both its ways
 * of I/O. Without an addon the TypeScript plane is held to itself, which proves the tests at least.
 */
import { StoreError } from '../../lib/errors.js'
import type { Storage } from '../../lib/io/files.js'
import { diskStorage } from '../../lib/io/index.js'
import { selectPlane } from '../../lib/planes/select.js'
import type { PlaneOptions } from '../../lib/planes/typescript.js'
import type { SelectedPlane } from '../../lib/planes/select.js'
import { PLANES } from '../support/planes.js'
import type { NativeIo, PlaneName } from '../support/planes.js'
import { quickScratch } from '../support/scratch.js'
import type { Test } from 'tap'

export interface Side {
  readonly name: string
  readonly plane: PlaneName
  readonly io?: NativeIo
}

const ORACLE: Side = { name: 'typescript', plane: 'typescript' }
const NATIVE: readonly Side[] = [
  { name: 'native, io_uring', plane: 'native', io: 'io_uring' },
  { name: 'native, threads', plane: 'native', io: 'threads' },
]

/** Both planes, the oracle first. */
export const TWINS: readonly [oracle: Side, other: Side] = [
  ORACLE,
  PLANES.includes('native')
    ? { name: 'native', plane: 'native' }
    : { name: 'typescript again', plane: 'typescript' },
]

/** Every way of I/O that this system lets us have, the oracle first; tells what it refuses. */
export async function everySide(t: Pick<Test, 'test' | 'teardown'>): Promise<Side[]> {
  if (!PLANES.includes('native')) return [...TWINS]
  const storage = diskStorage(quickScratch(t))
  const sides = [ORACLE]
  for (const side of NATIVE) {
    const refusal = await refusalOf(side, storage)
    if (refusal === undefined) sides.push(side)
    else void t.test(side.name, { skip: refusal }, () => {})
  }
  return sides
}

/** Why a side can not be had here; undefined when it can. */
async function refusalOf(side: Side, storage: Storage): Promise<string | undefined> {
  try {
    const { plane } = selectFor(side, { storage, cacheBytes: 0, maxOpenTables: 1 })
    await plane.close()
    return plane.io === side.io ? undefined : `this system gives ${plane.io} instead`
  } catch (error) {
    if (error instanceof StoreError) return error.message
    throw error
  }
}

/** The plane of a side; CAIRN_IO is read when a native plane is made. */
export function selectFor(side: Side, options: PlaneOptions): SelectedPlane {
  const before = process.env['CAIRN_IO']
  if (side.io !== undefined) process.env['CAIRN_IO'] = side.io
  try {
    return selectPlane(side.plane, options)
  } finally {
    if (before === undefined) delete process.env['CAIRN_IO']
    else process.env['CAIRN_IO'] = before
  }
}
