/**
 * Engine: what a workload asks of a store, so that each store is called in the way it does best.
 *
 * Durability is equal for all. `put`, `batch` and `del` settle when the operating system has the
 * write: a killed process loses nothing, a power loss may lose the newest writes and harms nothing
 * else. `putSynced` settles when the disk has it. What `getSync` and `get` return is the caller's
 * own. A synchronous store answers without a promise.
 */

/** How a store holds keys of ASCII characters and values, and gives them back. */
export type Shape = 'string keys' | 'buffers' | 'strings'

export type Datum = string | Buffer

/** As abstract-level's batches take it; the others do without the type. */
export interface Entry {
  readonly type: 'put'
  readonly key: Datum
  readonly value: Datum
}

export interface Opening {
  readonly directory: string
  readonly shape: Shape
  /** How many operations are under way at a time. */
  readonly inFlight: number
  /** Whether writes are `putSynced` only. */
  readonly synced: boolean
  /** Whether values may be compressed, where the store does that unasked. */
  readonly compression: boolean
}

export interface Engine {
  /** What does the work, for the header. */
  readonly description: string
  close(): unknown
  put(key: Datum, value: Datum): unknown
  putSynced(key: Datum, value: Datum): unknown
  batch(entries: readonly Entry[]): unknown
  del(key: Datum): unknown
  getSync(key: Datum): Uint8Array | undefined
  get(key: Datum): unknown
  /** `getSync` into a buffer that the next call uses again, where the store has that. */
  getReused?(key: Datum): Uint8Array | undefined
  /** Walks everything entry by entry, in the store's shape; gives the number of entries. */
  scan(): Promise<number>
  /** The same in pages of `rows`, where the store has pages. */
  scanPages(rows: number): Promise<number>
  /** The same backwards. */
  scanBack(rows: number): Promise<number>
  /** Walks up to `rows` entries from `key` on; gives their number. */
  seek(key: Datum, rows: number): unknown
  /** Merges everything that can be merged, where the store does that beside other work. */
  compact?(): Promise<void>
}

export type OpenEngine = (opening: Opening) => Promise<Engine>

/** In the order of the table's columns: our two planes, then the rivals. */
export const ENGINES = ['native', 'typescript', 'classic-level', 'lmdb', 'better-sqlite3'] as const
export type EngineName = (typeof ENGINES)[number]

/** Ours: they alone have journals and maps. */
export const PLANES = ['native', 'typescript'] as const
export type PlaneName = (typeof PLANES)[number]

export const RIVALS = ['classic-level', 'lmdb', 'better-sqlite3'] as const

/** Beside the tables: abstract-level over nothing, and rivals with another durability or another
 * way to be called. */
export const ASIDES = ['abstract-level alone', 'lmdb, noSync', 'better-sqlite3, alone'] as const
export type AsideName = (typeof ASIDES)[number]

/** Whose aside it is. */
export const ASIDE_OF: Record<AsideName, EngineName | undefined> = {
  'abstract-level alone': undefined,
  'lmdb, noSync': 'lmdb',
  'better-sqlite3, alone': 'better-sqlite3',
}

export const ASIDE_NOTES: Record<AsideName, string> = {
  'abstract-level alone': 'abstract-level over nothing: a limit of what is called through it',
  'lmdb, noSync': 'lmdb with noSync: a power loss may destroy the whole database',
  'better-sqlite3, alone': 'better-sqlite3 with a transaction for every put',
}

/** The loops that set limits: no store, only the calls that one can not do without. */
export const BARE = 'bare loop'

export type SubjectName = EngineName | AsideName | typeof BARE

const MODULES: Record<EngineName | AsideName, [module: string, open: string]> = {
  native: ['./rivals/cairndb.js', 'openNative'],
  typescript: ['./rivals/cairndb.js', 'openTypescript'],
  'classic-level': ['./rivals/classic.js', 'openClassic'],
  lmdb: ['./rivals/lmdb.js', 'openLmdb'],
  'better-sqlite3': ['./rivals/sqlite.js', 'openSqlite'],
  'abstract-level alone': ['./rivals/nothing.js', 'openNothing'],
  'lmdb, noSync': ['./rivals/lmdb.js', 'openUnsafeLmdb'],
  'better-sqlite3, alone': ['./rivals/sqlite.js', 'openLoneSqlite'],
}

export async function loadEngine(name: EngineName | AsideName): Promise<OpenEngine> {
  const [file, open] = MODULES[name]
  const module = (await import(file)) as Record<string, OpenEngine>
  return module[open]!
}
