/**
 * cairndb and classic-level: the same calls for both, through abstract-level's public methods.
 *
 * Batches are given without options, and nothing else calls `batch` before them in its process:
 * abstract-level's `batch` stays several times slower for good where its first call had options.
 */
import type { Datum, Engine, Entry, Opening } from '../engine.js'

/** What is called of both classes, whose own types differ. */
export interface Level {
  put(key: Datum, value: Datum, options?: { sync: boolean }): Promise<void>
  del(key: Datum): Promise<void>
  batch(operations: readonly Entry[]): Promise<void>
  get(key: Datum): Promise<Datum | undefined>
  getSync(key: Datum): Datum | undefined
  iterator(options?: { reverse?: boolean; gte?: Datum; limit?: number }): LevelIterator
  compactRange(start: undefined, end: undefined): Promise<void>
  open(): Promise<void>
  close(): Promise<void>
}

interface LevelIterator extends AsyncIterable<[Datum, Datum]> {
  nextv(rows: number): Promise<[Datum, Datum][]>
  close(): Promise<void>
}

const SYNC = { sync: true }

export function optionsOf({ shape, compression }: Opening): object {
  return {
    keyEncoding: shape === 'buffers' ? 'buffer' : 'utf8',
    valueEncoding: shape === 'strings' ? 'utf8' : 'buffer',
    compression,
  }
}

export class LevelEngine implements Engine {
  constructor(
    private readonly db: Level,
    readonly description: string,
  ) {}

  close(): Promise<void> {
    return this.db.close()
  }

  put(key: Datum, value: Datum): Promise<void> {
    return this.db.put(key, value)
  }

  putSynced(key: Datum, value: Datum): Promise<void> {
    return this.db.put(key, value, SYNC)
  }

  batch(entries: readonly Entry[]): Promise<void> {
    return this.db.batch(entries)
  }

  del(key: Datum): Promise<void> {
    return this.db.del(key)
  }

  getSync(key: Datum): Uint8Array | undefined {
    return this.db.getSync(key) as Buffer | undefined
  }

  get(key: Datum): Promise<unknown> {
    return this.db.get(key)
  }

  async scan(): Promise<number> {
    let count = 0
    for await (const [key, value] of this.db.iterator()) if (key.length && value.length) count++
    return count
  }

  scanPages(rows: number): Promise<number> {
    return this.#pages(rows, false)
  }

  scanBack(rows: number): Promise<number> {
    return this.#pages(rows, true)
  }

  async seek(key: Datum, rows: number): Promise<number> {
    const iterator = this.db.iterator({ gte: key, limit: rows })
    const { length } = await iterator.nextv(rows)
    await iterator.close()
    return length
  }

  compact(): Promise<void> {
    return this.db.compactRange(undefined, undefined)
  }

  async #pages(rows: number, reverse: boolean): Promise<number> {
    const iterator = this.db.iterator({ reverse })
    let count = 0
    for (;;) {
      const page = await iterator.nextv(rows)
      if (page.length === 0) break
      for (const [key, value] of page) if (key.length && value.length) count++
    }
    await iterator.close()
    return count
  }
}
