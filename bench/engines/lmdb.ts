/**
 * lmdb: a B+tree in a memory map. Its promises settle at the commit of a transaction; `flushed`
 * says when the disk has it. Scans are synchronous, which is its best.
 */
import { join } from 'node:path'
import { requireRival, type Engine, type Entry } from '../engine.js'

interface Lmdb {
  put(key: string, value: Buffer): Promise<boolean>
  remove(key: string): Promise<boolean>
  transaction(work: () => void): Promise<void>
  getBinary(key: string): Buffer | undefined
  getRange(options: object): Iterable<{ key: string; value: Buffer }>
  readonly flushed: Promise<unknown>
  close(): Promise<void>
}

interface LmdbModule {
  open(options: object): Lmdb
}

class LmdbEngine implements Engine {
  constructor(private readonly db: Lmdb) {}

  describe(): string {
    return 'lmdb, C, memory map'
  }

  close(): Promise<void> {
    return this.db.close()
  }

  put(key: string, value: Buffer): Promise<unknown> {
    return this.db.put(key, value)
  }

  async putSynced(key: string, value: Buffer): Promise<void> {
    await this.db.put(key, value)
    await this.db.flushed
  }

  batch(entries: readonly Entry[]): Promise<void> {
    return this.db.transaction(() => {
      for (const { key, value } of entries) void this.db.put(key, value)
    })
  }

  del(key: string): Promise<unknown> {
    return this.db.remove(key)
  }

  getSync(key: string): Buffer | undefined {
    return this.db.getBinary(key)
  }

  async get(key: string): Promise<Buffer | undefined> {
    return this.db.getBinary(key)
  }

  async scan(): Promise<number> {
    let count = 0
    for (const { key, value } of this.db.getRange({})) if (key.length && value.length) count++
    return count
  }

  scanPages(): Promise<number> {
    return this.scan()
  }
}

export async function openEngine(directory: string): Promise<Engine> {
  const lmdb = requireRival('lmdb') as LmdbModule
  return new LmdbEngine(lmdb.open({ path: join(directory, 'data.mdb'), encoding: 'binary' }))
}
