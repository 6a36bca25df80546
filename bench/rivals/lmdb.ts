/**
 * lmdb: a B+tree in a memory map. A put settles at the commit of the transaction that many puts
 * share; with its default `overlappingSync` the sync goes on behind it, in an order that a power
 * loss can not harm, and `flushed` says when the disk has it. Scans and gets are synchronous,
 * which is its best. One at a time it commits sooner without `eventTurnBatching`.
 */
import { join } from 'node:path'
import type { Datum, Engine, Entry, Opening } from '../engine.js'
import { requireRival, versionOf } from './install.js'

interface Lmdb {
  put(key: Datum, value: Datum): Promise<boolean>
  remove(key: Datum): Promise<boolean>
  transaction(work: () => void): Promise<void>
  getBinary(key: Datum): Buffer | undefined
  getBinaryFast(key: Datum): Buffer | undefined
  getRange(options: object): Iterable<{ key: Datum; value: Datum }>
  readonly flushed: Promise<unknown>
  close(): Promise<void>
}

interface LmdbModule {
  open(options: object): Lmdb
}

const CALLS =
  'cache of the system only, overlappingSync: ' +
  'unsynced await put (eventTurnBatching off for one at a time), transaction for batches; ' +
  'synced await put, then await db.flushed; getBinary; getRange, a synchronous loop, for all scans'

class LmdbEngine implements Engine {
  readonly description = `${versionOf('lmdb')}, C, ${CALLS}`

  constructor(private readonly db: Lmdb) {}

  close(): Promise<void> {
    return this.db.close()
  }

  put(key: Datum, value: Datum): Promise<unknown> {
    return this.db.put(key, value)
  }

  async putSynced(key: Datum, value: Datum): Promise<void> {
    await this.db.put(key, value)
    await this.db.flushed
  }

  batch(entries: readonly Entry[]): Promise<void> {
    return this.db.transaction(() => {
      for (const { key, value } of entries) void this.db.put(key, value)
    })
  }

  del(key: Datum): Promise<unknown> {
    return this.db.remove(key)
  }

  getSync(key: Datum): Buffer | undefined {
    return this.db.getBinary(key)
  }

  getReused(key: Datum): Buffer | undefined {
    return this.db.getBinaryFast(key)
  }

  get(key: Datum): Buffer | undefined {
    return this.db.getBinary(key)
  }

  async scan(): Promise<number> {
    return this.#count({})
  }

  scanPages(): Promise<number> {
    return this.scan()
  }

  async scanBack(): Promise<number> {
    return this.#count({ reverse: true })
  }

  seek(key: Datum, rows: number): number {
    return this.#count({ start: key, limit: rows })
  }

  #count(range: object): number {
    let count = 0
    for (const { key, value } of this.db.getRange(range)) if (key.length && value.length) count++
    return count
  }
}

async function open({ directory, shape, inFlight, synced }: Opening, more: object) {
  const lmdb = requireRival('lmdb') as LmdbModule
  const db = lmdb.open({
    path: join(directory, 'data.mdb'),
    encoding: shape === 'strings' ? 'string' : 'binary',
    ...(shape === 'buffers' ? { keyEncoding: 'binary' } : {}),
    ...(inFlight === 1 && !synced ? { eventTurnBatching: false } : {}),
    ...more,
  })
  return new LmdbEngine(db)
}

export function openLmdb(opening: Opening): Promise<Engine> {
  return open(opening, {})
}

export function openUnsafeLmdb(opening: Opening): Promise<Engine> {
  return open(opening, { noSync: true })
}
