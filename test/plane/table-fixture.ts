/** Tables for tests: entries made by a seed, written, looked up in an array, and walked. */
import { KEY_TYPE_DELETION, KEY_TYPE_VALUE, compareBytes } from '../../lib/format/key.js'
import { trailerHigh, trailerLow, trailerSequence } from '../../lib/format/key.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { tableName } from '../../lib/format/names.js'
import { memoryStorage } from '../../lib/io/memory.js'
import type { Storage } from '../../lib/io/files.js'
import type { TableOptions } from '../../lib/plane.js'
import { TableFiles } from '../../lib/table/files.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import type { TableHit } from '../../lib/table/reader.js'
import { TableWriter } from '../../lib/table/writer.js'
import type { EntryCursor } from '../../lib/view/entries.js'
import { below } from '../support/campaign.js'

export interface Entry {
  readonly key: Uint8Array
  readonly sequence: number
  readonly type: number
  readonly value: Uint8Array
}

export const TABLE_OPTIONS: TableOptions = {
  blockSizeBytes: 4096,
  restartInterval: 16,
  compression: false,
  filterBits: 10,
}

export function entry(
  key: string | Uint8Array,
  sequence: number,
  value?: string | Uint8Array,
): Entry {
  return {
    key: typeof key === 'string' ? new Uint8Array(Buffer.from(key)) : key,
    sequence,
    type: value === undefined ? KEY_TYPE_DELETION : KEY_TYPE_VALUE,
    value: typeof value === 'string' ? new Uint8Array(Buffer.from(value)) : (value ?? NOTHING),
  }
}

const NOTHING = new Uint8Array(0)
/** Few bytes, the outermost ones among them, so that keys share prefixes and are prefixes. */
const ALPHABET = [0x00, 0x01, 0x61, 0x62, 0xfe, 0xff]

export function randomKey(random: () => number, maxBytes: number): Uint8Array {
  return Uint8Array.from({ length: below(random, maxBytes + 1) }, () =>
    random() < 0.1 ? below(random, 256) : ALPHABET[below(random, ALPHABET.length)]!,
  )
}

/** Sorted entries; some keys have several versions, some of those are deletions. */
export function randomEntries(random: () => number, count: number, maxValueBytes: number): Entry[] {
  const entries: Entry[] = []
  const seen = new Set<string>()
  while (entries.length < count) {
    const key = randomKey(random, 12)
    const id = Buffer.from(key).toString('latin1')
    if (seen.has(id)) continue
    seen.add(id)
    const versions = random() < 0.2 ? 1 + below(random, 40) : 1
    let sequence = below(random, 2 ** 30) * (random() < 0.5 ? 1 : 2 ** 20)
    for (let i = 0; i < versions && entries.length < count; i++) {
      const length = random() < 0.3 ? 0 : below(random, maxValueBytes + 1)
      const value = Uint8Array.from({ length }, () => below(random, 256))
      entries.push(entry(key, sequence, random() < 0.2 ? undefined : value))
      sequence += 1 + below(random, 300)
    }
  }
  return entries.sort(compareEntries)
}

export function compareEntries(a: Entry, b: Entry): number {
  const order = compareBytes(a.key, 0, a.key.length, b.key, 0, b.key.length)
  return order !== 0 ? order : b.sequence - a.sequence
}

export async function emptyStorage(): Promise<ReturnType<typeof memoryStorage>> {
  const storage = memoryStorage()
  await storage.createDirectory()
  return storage
}

export async function writeTable(
  storage: Storage,
  number: number,
  entries: readonly Entry[],
  options: Partial<TableOptions> = {},
): Promise<TableMeta> {
  const file = await storage.create(tableName(number))
  const writer = new TableWriter(file, number, { ...TABLE_OPTIONS, ...options })
  for (const { key, sequence, type, value } of entries) {
    const high = trailerHigh(sequence)
    writer.add(key, 0, key.length, high, trailerLow(sequence, type), value, 0, value.length)
    if (writer.pendingBytes > 1000) void writer.flush()
  }
  const meta = await writer.finish()
  await file.close()
  return meta
}

/** A table in a storage of its own. */
export async function tableOf(
  entries: readonly Entry[],
  options: Partial<TableOptions> = {},
  cacheBytes = 1 << 20,
): Promise<{ files: TableFiles; table: TypescriptTable; storage: Storage }> {
  const storage = await emptyStorage()
  const meta = await writeTable(storage, 5, entries, options)
  const files = new TableFiles(storage, cacheBytes, 10)
  return { files, table: new TypescriptTable(files, meta), storage }
}

export async function bytesOf(storage: Storage, name: string): Promise<Uint8Array> {
  const file = await storage.open(name)
  const bytes = new Uint8Array(file.size())
  await file.read(bytes, 0)
  await file.close()
  return bytes
}

/** A storage that holds one table file of these bytes. */
export async function storageWith(name: string, bytes: Uint8Array): Promise<Storage> {
  const storage = await emptyStorage()
  const file = await storage.create(name)
  await file.write(bytes, 0)
  await file.close()
  return storage
}

/** What the model says: the newest version of the key at or below the sequence. */
export function modelFind(entries: readonly Entry[], key: Uint8Array, at: number) {
  return entries.find(
    (candidate) => Buffer.compare(candidate.key, key) === 0 && candidate.sequence <= at,
  )
}

export function newHit(): TableHit {
  return { high: 0, low: 0, valueBytes: NOTHING, valueStart: 0, valueEnd: 0 }
}

/** The entry that a look-up found. */
export function hitEntry(key: Uint8Array, hit: TableHit): Entry {
  return {
    key,
    sequence: trailerSequence(hit.high, hit.low),
    type: hit.low & 0xff,
    value: hit.valueBytes.slice(hit.valueStart, hit.valueEnd),
  }
}

/** Makes a move of a cursor, with the loads that it takes; gives how many. */
export async function moved(cursor: EntryCursor, move: () => boolean): Promise<number> {
  for (let loads = 0; loads < 10; loads++) {
    if (move()) return loads
    await cursor.load()
  }
  throw new Error('a move does not get on')
}

export function cursorEntry(cursor: EntryCursor): Entry | undefined {
  if (!cursor.valid) return undefined
  return {
    key: cursor.keyBytes.slice(cursor.keyStart, cursor.keyEnd),
    sequence: trailerSequence(cursor.high, cursor.low),
    type: cursor.low & 0xff,
    value: cursor.valueBytes.slice(cursor.valueStart, cursor.valueEnd),
  }
}

/** All entries from the first on; reverse: from the last. */
export async function walkAll(cursor: EntryCursor, reverse = false): Promise<Entry[]> {
  const entries: Entry[] = []
  await moved(cursor, () => (reverse ? cursor.last() : cursor.first()))
  for (;;) {
    const found = cursorEntry(cursor)
    if (found === undefined) return entries
    entries.push(found)
    await moved(cursor, () => (reverse ? cursor.previous() : cursor.next()))
  }
}

/** One line per entry, so that lists compare quickly and show differences briefly. */
export function told(entries: readonly (Entry | undefined)[]): string[] {
  return entries.map((shown) => {
    if (shown === undefined) return 'none'
    const value = Buffer.from(shown.value)
    const text =
      value.length > 40 ? `${value.length}:${value.toString('hex', 0, 40)}` : value.toString('hex')
    return `${Buffer.from(shown.key).toString('hex')}@${shown.sequence}/${shown.type}=${text}`
  })
}
