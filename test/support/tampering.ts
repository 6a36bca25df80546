/**
 * Changing the files of a closed store, as rot, people and other programs do.
 */
import type { Storage } from '../../lib/io/files.js'

export async function readBytes(storage: Storage, name: string): Promise<Uint8Array> {
  const file = await storage.open(name)
  try {
    const bytes = new Uint8Array(file.size())
    await file.read(bytes, 0)
    return bytes
  } finally {
    await file.close()
  }
}

/** Makes a file hold these bytes, durably. */
export async function writeBytes(storage: Storage, name: string, bytes: Uint8Array): Promise<void> {
  await storage.remove(name)
  const file = await storage.create(name)
  try {
    await file.write(bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await storage.syncDirectory()
}

/** Flips a bit of a byte, counted from the end when it is negative. */
export async function flip(storage: Storage, name: string, at: number, bit = 4): Promise<void> {
  const bytes = await readBytes(storage, name)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1 << bit
  await writeBytes(storage, name, bytes)
}

/** Every file and what it holds, as text. */
export async function contentOf(storage: Storage): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  const entries = await storage.list()
  for (const { name } of entries.filter(({ kind }) => kind === 'unknown'))
    entries.push(...(await storage.list(undefined, name).catch(() => [])))
  for (const { name, kind } of entries) {
    if (kind === 'lock' || kind === 'log' || kind === 'unknown') continue
    content[name] = Buffer.from(await readBytes(storage, name)).toString('hex')
  }
  return content
}
