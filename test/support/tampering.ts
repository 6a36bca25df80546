/**
 * Changing the files of a closed store, as rot, people and other programs do.
 */
import type { Storage } from '../../lib/io/files.js'
import { overwrite, readAll } from './level.js'

/** Flips a bit of a byte, counted from the end when it is negative. */
export async function flip(storage: Storage, name: string, at: number, bit = 4): Promise<void> {
  const bytes = await readAll(storage, name)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1 << bit
  await overwrite(storage, name, bytes)
}

/** Every file and what it holds, as text. */
export async function contentOf(storage: Storage): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  const entries = await storage.list()
  for (const { name } of entries.filter(({ kind }) => kind === 'unknown'))
    entries.push(...(await storage.list(undefined, name).catch(() => [])))
  for (const { name, kind } of entries) {
    if (kind === 'lock' || kind === 'log' || kind === 'unknown') continue
    content[name] = Buffer.from(await readAll(storage, name)).toString('hex')
  }
  return content
}
