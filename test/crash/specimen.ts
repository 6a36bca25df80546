/**
 * One small store with a bit of everything, closed cleanly and left open, and its damaged copies.
 */
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { TINY, contentOf, openLevel, overwrite } from '../support/level.js'
import type { LevelOptions } from '../support/level.js'
import type { Entry } from '../support/model.js'

export type Memory = MemoryStorage

export interface Specimen {
  readonly name: string
  /** Never opened: take a `copyOf`. */
  readonly storage: Memory
  readonly content: readonly Entry[]
  /** State after each write of the newest journal, oldest first; the last one is `content`. */
  readonly states: readonly string[]
}

/** Buffers stay large: the specimen has exactly one table of two blocks and one journal. */
export const SPECIMEN_OPTIONS: LevelOptions = { ...TINY, writeBufferSize: 65536 }

/** An exact copy: what the storage holds now counts as durable. */
export function copyOf(storage: Memory): Memory {
  return storage.crashClone(1)
}

/** A copy with other bytes in one file. */
export async function withBytes(storage: Memory, name: string, bytes: Uint8Array): Promise<Memory> {
  const copy = copyOf(storage)
  await overwrite(copy, name, bytes)
  return copy
}

/** Values in the table, newer ones and deletions in the journal; some writes synced. */
export async function specimens(): Promise<Specimen[]> {
  const storage = memoryStorage()
  const db = await openLevel(storage, SPECIMEN_OPTIONS)
  for (let i = 0; i < 10; i++) await db.put(`key-${i}`, `old value ${i}`.repeat(3))
  await db.flush()
  const states = [JSON.stringify(await contentOf(db))]
  for (let i = 5; i < 12; i++) {
    if (i === 7) await db.del('key-1')
    else if (i === 9)
      await db.batch([
        { type: 'put', key: 'a', value: '1' },
        { type: 'del', key: 'key-2' },
      ])
    else await db.put(`key-${i}`, `new value ${i}`, { sync: i === 8 })
    states.push(JSON.stringify(await contentOf(db)))
  }
  const content = await contentOf(db)
  const open = storage.crashClone(1)
  await db.close()
  return [
    { name: 'closed cleanly', storage, content, states },
    { name: 'left open', storage: open, content, states },
  ]
}
