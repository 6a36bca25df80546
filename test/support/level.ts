/**
 * CairnLevel as the campaigns use it: on a given Storage, strings in and out, errors by code.
 */
import { CairnLevel } from '../../lib/index.js'
import type { DatabaseOptions } from '../../lib/index.js'
import type { Storage } from '../../lib/io/files.js'
import type { Entry } from './model.js'

export type Level = CairnLevel<string, string>
export type LevelOptions = DatabaseOptions<string, string>

/** Small enough that a few hundred writes walk every path: rotation, flush, compaction. */
export const TINY: LevelOptions = {
  writeBufferSize: 4096,
  blockSize: 256,
  maxFileSize: 4096,
  blockRestartInterval: 4,
}

/** Opens a store on a Storage; rejects with what `open` rejects with, and leaves nothing open. */
export async function openLevel(storage: Storage, options: LevelOptions = {}): Promise<Level> {
  const db = new CairnLevel<string, string>(storage.location, {
    infoLog: false,
    ...options,
    storage,
  })
  try {
    await db.open()
  } catch (error) {
    await db.close().catch(() => undefined)
    throw error
  }
  return db
}

export async function contentOf(db: Level): Promise<Entry[]> {
  return db.iterator().all()
}

/** The name of the journal that is written to: behind it there may be the one ahead. */
export async function currentJournal(storage: Storage): Promise<string> {
  const journals = await storage.list('journal')
  return journals.reduce((a, b) => (a.number < b.number ? a : b)).name
}

/** The codes of an error and its causes, outermost first. */
export function codesOf(error: unknown): string[] {
  const codes: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') codes.push(code)
  }
  return codes
}

/** The file that an error or one of its causes names. */
export function fileOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const { file } = at as { file?: unknown }
    if (typeof file === 'string') return file
  }
  return undefined
}

/** Names and bytes (hex) of every file of a store, but those that say nothing about its content. */
export async function bytesOf(storage: Storage, folder?: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { name, kind } of await storage.list(undefined, folder)) {
    if (kind === 'lock' || kind === 'log' || kind === 'unknown') continue
    found[name] = Buffer.from(await readAll(storage, name)).toString('hex')
  }
  return found
}

export async function readAll(storage: Storage, name: string): Promise<Uint8Array> {
  const file = await storage.open(name)
  try {
    const bytes = new Uint8Array(file.size())
    await file.read(bytes, 0)
    return bytes
  } finally {
    await file.close()
  }
}

/** Replaces what a file holds, durably, as rot would. */
export async function overwrite(storage: Storage, name: string, bytes: Uint8Array): Promise<void> {
  await storage.remove(name)
  const file = await storage.create(name)
  try {
    file.writeSync(bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await storage.syncDirectory()
}
