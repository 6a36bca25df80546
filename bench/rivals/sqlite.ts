/**
 * better-sqlite3: SQLite with a write-ahead log. Unsynced is `synchronous = NORMAL`, which syncs
 * at checkpoints only and survives a power loss whole; synced is `FULL`. Its calls are
 * synchronous, which is its best; puts that are made in one turn share a transaction, as one would
 * write it by hand to share the sync.
 */
import { join } from 'node:path'
import type { Datum, Engine, Entry, Opening } from '../engine.js'
import { requireRival, versionOf } from './install.js'

interface Statement {
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown[]
  iterate(): Iterable<[Datum, Datum]>
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

const CALLS =
  'WAL; unsynced synchronous = NORMAL, synced FULL; puts of one turn in one transaction; ' +
  'get with pluck, iterate and pages of LIMIT 1000 with raw'

class SqliteEngine implements Engine {
  readonly description = `${versionOf('better-sqlite3')}, SQLite, C, cache 16 MB, ${CALLS}`
  readonly #put: Statement
  readonly #get: Statement
  readonly #del: Statement
  readonly #all: Statement
  readonly #page: Statement
  readonly #pageBack: Statement
  readonly #from: Statement
  /** Before and behind all keys. */
  readonly #ends: readonly [before: Datum, behind: Datum]
  readonly #batch: (entries: readonly Entry[]) => void
  #waiting: Entry[] = []
  #group: Promise<void> | undefined

  constructor(
    private readonly db: Database,
    private readonly grouped: boolean,
    { shape, synced }: Opening,
  ) {
    const key = shape === 'buffers' ? 'BLOB' : 'TEXT'
    const value = shape === 'strings' ? 'TEXT' : 'BLOB'
    db.pragma('journal_mode = WAL')
    db.pragma(`synchronous = ${synced ? 'FULL' : 'NORMAL'}`)
    db.exec(`CREATE TABLE IF NOT EXISTS kv (k ${key} PRIMARY KEY, v ${value}) WITHOUT ROWID`)
    this.#ends = shape === 'buffers' ? [Buffer.alloc(0), Buffer.of(0xff)] : ['', '\uffff']
    this.#put = db.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?)')
    this.#get = db.prepare('SELECT v FROM kv WHERE k = ?').pluck()
    this.#del = db.prepare('DELETE FROM kv WHERE k = ?')
    this.#all = db.prepare('SELECT k, v FROM kv ORDER BY k').raw()
    this.#page = db.prepare('SELECT k, v FROM kv WHERE k > ? ORDER BY k LIMIT ?').raw()
    this.#pageBack = db.prepare('SELECT k, v FROM kv WHERE k < ? ORDER BY k DESC LIMIT ?').raw()
    this.#from = db.prepare('SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?').raw()
    this.#batch = db.transaction((entries: readonly Entry[]) => {
      for (const { key, value } of entries) this.#put.run(key, value)
    })
  }

  close(): void {
    this.db.close()
  }

  put(key: Datum, value: Datum): unknown {
    if (!this.grouped) return this.#put.run(key, value)
    this.#waiting.push({ type: 'put', key, value })
    this.#group ??= Promise.resolve().then(() => {
      const entries = this.#waiting
      this.#waiting = []
      this.#group = undefined
      this.#batch(entries)
    })
    return this.#group
  }

  putSynced(key: Datum, value: Datum): unknown {
    return this.put(key, value)
  }

  batch(entries: readonly Entry[]): void {
    this.#batch(entries)
  }

  del(key: Datum): unknown {
    return this.#del.run(key)
  }

  getSync(key: Datum): Uint8Array | undefined {
    return this.#get.get(key) as Uint8Array | undefined
  }

  get(key: Datum): unknown {
    return this.#get.get(key)
  }

  async scan(): Promise<number> {
    let count = 0
    for (const [key, value] of this.#all.iterate()) if (key.length && value.length) count++
    return count
  }

  async scanPages(rows: number): Promise<number> {
    return this.#pages(this.#page, this.#ends[0], rows)
  }

  async scanBack(rows: number): Promise<number> {
    return this.#pages(this.#pageBack, this.#ends[1], rows)
  }

  seek(key: Datum, rows: number): number {
    return this.#from.all(key, rows).length
  }

  #pages(statement: Statement, last: Datum, rows: number): number {
    let count = 0
    for (;;) {
      const page = statement.all(last, rows) as [Datum, Datum][]
      if (page.length === 0) return count
      for (const [key, value] of page) if (key.length && value.length) count++
      last = page[page.length - 1]![0]
    }
  }
}

function open(opening: Opening, grouped: boolean): Engine {
  const Sqlite = requireRival('better-sqlite3') as new (path: string) => Database
  return new SqliteEngine(new Sqlite(join(opening.directory, 'data.sqlite')), grouped, opening)
}

export async function openSqlite(opening: Opening): Promise<Engine> {
  return open(opening, opening.inFlight > 1)
}

export async function openLoneSqlite(opening: Opening): Promise<Engine> {
  return open(opening, false)
}
