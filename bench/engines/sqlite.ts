/**
 * better-sqlite3: SQLite with a write-ahead log. Unsynced is `synchronous = NORMAL`, which syncs
 * at checkpoints only; synced is `FULL`. Its calls are synchronous, which is its best.
 */
import { join } from 'node:path'
import { requireRival, type Engine, type Entry } from '../engine.js'

interface Statement {
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  iterate(): Iterable<[Buffer, Buffer]>
  pluck(): Statement
  raw(): Statement
}

interface Database {
  pragma(text: string): unknown
  exec(text: string): unknown
  prepare(text: string): Statement
  transaction<T>(work: (argument: T) => void): (argument: T) => void
  close(): void
}

class SqliteEngine implements Engine {
  readonly #put: Statement
  readonly #get: Statement
  readonly #del: Statement
  readonly #all: Statement
  readonly #batch: (entries: readonly Entry[]) => void
  #synced = false

  constructor(private readonly db: Database) {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.exec('CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID')
    this.#put = db.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?)')
    this.#get = db.prepare('SELECT v FROM kv WHERE k = ?').pluck()
    this.#del = db.prepare('DELETE FROM kv WHERE k = ?')
    this.#all = db.prepare('SELECT k, v FROM kv ORDER BY k').raw()
    this.#batch = db.transaction((entries: readonly Entry[]) => {
      for (const { key, value } of entries) this.#put.run(key, value)
    })
  }

  describe(): string {
    return 'SQLite, C, WAL'
  }

  async close(): Promise<void> {
    this.db.close()
  }

  async put(key: string, value: Buffer): Promise<void> {
    this.#put.run(key, value)
  }

  async putSynced(key: string, value: Buffer): Promise<void> {
    if (!this.#synced) this.db.pragma('synchronous = FULL')
    this.#synced = true
    this.#put.run(key, value)
  }

  async batch(entries: readonly Entry[]): Promise<void> {
    this.#batch(entries)
  }

  async del(key: string): Promise<void> {
    this.#del.run(key)
  }

  getSync(key: string): Uint8Array | undefined {
    return this.#get.get(key) as Uint8Array | undefined
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.getSync(key)
  }

  async scan(): Promise<number> {
    let count = 0
    for (const [key, value] of this.#all.iterate()) if (key.length && value.length) count++
    return count
  }

  scanPages(): Promise<number> {
    return this.scan()
  }
}

export async function openEngine(directory: string): Promise<Engine> {
  const Sqlite = requireRival('better-sqlite3') as new (path: string) => Database
  return new SqliteEngine(new Sqlite(join(directory, 'data.sqlite')))
}
