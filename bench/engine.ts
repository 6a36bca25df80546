/**
 * Engine: what a workload asks of a store, so that each store is called in the way it does best.
 *
 * Keys are 16 ASCII characters, values 100-byte Buffers; what a get returns is the caller's own.
 * `put`, `batch` and `del` settle when the operating system has the write (unsynced),
 * `putSynced` when the disk has it.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'

export interface Entry {
  readonly key: string
  readonly value: Buffer
}

export interface Engine {
  /** What does the work, for the header. */
  describe(): string
  close(): Promise<void>
  put(key: string, value: Buffer): Promise<unknown>
  putSynced(key: string, value: Buffer): Promise<unknown>
  batch(entries: readonly Entry[]): Promise<unknown>
  del(key: string): Promise<unknown>
  getSync(key: string): Uint8Array | undefined
  get(key: string): Promise<Uint8Array | undefined>
  /** Walks everything, entry by entry; gives their number. */
  scan(): Promise<number>
  /** The same in pages of `rows` where the store has pages. */
  scanPages(rows: number): Promise<number>
}

export type OpenEngine = (directory: string) => Promise<Engine>

/** In the order of the tables' columns; the first one is ours. */
export const ENGINES = ['cairndb', 'classic-level', 'lmdb', 'better-sqlite3'] as const
export type EngineName = (typeof ENGINES)[number]

const MODULES: Record<EngineName, string> = {
  cairndb: './engines/cairndb.js',
  'classic-level': './engines/classic.js',
  lmdb: './engines/lmdb.js',
  'better-sqlite3': './engines/sqlite.js',
}

export async function loadEngine(name: EngineName): Promise<OpenEngine> {
  const module = (await import(MODULES[name])) as { openEngine: OpenEngine }
  return module.openEngine
}

/** Loads a rival that `npm install --prefix bench` has put there. Run from the project's root. */
export function requireRival(name: string): unknown {
  return createRequire(join(process.cwd(), 'bench', 'package.json'))(name)
}

/** Whether the engine can be had here. */
export function isInstalled(name: EngineName): boolean {
  if (name === 'cairndb' || name === 'classic-level') return true
  try {
    requireRival(name)
    return true
  } catch {
    return false
  }
}
