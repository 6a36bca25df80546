/**
 * cairndb and classic-level: the same calls for both, through abstract-level's public methods.
 *
 * Batches are given without options, and nothing else calls `batch` before them in its process:
 * abstract-level's `batch` stays several times slower for good where its first call had options.
 */
import type { Engine, Entry } from '../engine.js'

/** What is called of both classes, whose own types differ. */
export interface Level {
  put(key: string, value: Buffer, options?: { sync: boolean }): Promise<void>
  del(key: string): Promise<void>
  batch(operations: (Entry & { type: 'put' })[]): Promise<void>
  get(key: string): Promise<Buffer | undefined>
  getSync(key: string): Buffer | undefined
  iterator(): LevelIterator
  close(): Promise<void>
}

interface LevelIterator extends AsyncIterable<[string, Buffer]> {
  nextv(rows: number): Promise<[string, Buffer][]>
  close(): Promise<void>
}

const SYNC = { sync: true }

export class LevelEngine implements Engine {
  constructor(
    private readonly db: Level,
    private readonly description: string,
  ) {}

  describe(): string {
    return this.description
  }

  close(): Promise<void> {
    return this.db.close()
  }

  put(key: string, value: Buffer): Promise<void> {
    return this.db.put(key, value)
  }

  putSynced(key: string, value: Buffer): Promise<void> {
    return this.db.put(key, value, SYNC)
  }

  batch(entries: readonly Entry[]): Promise<void> {
    return this.db.batch(entries.map(({ key, value }) => ({ type: 'put', key, value })))
  }

  del(key: string): Promise<void> {
    return this.db.del(key)
  }

  getSync(key: string): Buffer | undefined {
    return this.db.getSync(key)
  }

  get(key: string): Promise<Buffer | undefined> {
    return this.db.get(key)
  }

  async scan(): Promise<number> {
    let count = 0
    for await (const [key, value] of this.db.iterator()) if (key.length && value.length) count++
    return count
  }

  async scanPages(rows: number): Promise<number> {
    const iterator = this.db.iterator()
    let count = 0
    for (;;) {
      const page = await iterator.nextv(rows)
      if (page.length === 0) break
      count += page.length
    }
    await iterator.close()
    return count
  }
}
