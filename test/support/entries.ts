/**
 * Versions of keys as plain objects, and what a view of them must answer: the model that the
 * memtable, the three verbs and the planes are held to.
 */
import { BatchWriter } from '../../lib/format/batch.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { KEY_TYPE_VALUE, trailerHigh, trailerLow, trailerSequence } from '../../lib/format/key.js'
import { tableName } from '../../lib/format/names.js'
import type { Storage } from '../../lib/io/files.js'
import { COLD, GROW } from '../../lib/plane.js'
import type { Cursor, Memtable, Page, ScanBounds, TableOptions } from '../../lib/plane.js'
import { TableWriter } from '../../lib/table/writer.js'
import type { EntryCursor } from '../../lib/view/entries.js'

export interface Version {
  readonly key: Buffer
  readonly sequence: number
  readonly type: number
  readonly value: Buffer
}

export const TINY_TABLES: TableOptions = {
  blockSizeBytes: 64,
  restartInterval: 2,
  compression: false,
  filterBits: 10,
}

/** User key ascending, newest version first. */
export function compareVersions(a: Version, b: Version): number {
  return Buffer.compare(a.key, b.key) || b.sequence - a.sequence
}

/** One line per version, for messages that one can read. */
export function show(versions: readonly Version[]): string[] {
  return versions.map(({ key, sequence, type, value }) => {
    const what = type === KEY_TYPE_VALUE ? '=' : 'x'
    return `${key.toString('latin1')}@${sequence}${what}${value.toString('latin1')}`
  })
}

/** `count` versions with sequences from `first` on, of few keys, so that they hide each other. */
export function randomVersions(next: () => number, first: number, count: number): Version[] {
  const prefixes = ['', 'a', 'user:00000', 'user:00001', '\0\0\0\0\0\0\0\0', '\xff\xff']
  const keys = 1 + Math.floor(next() * 60)
  return Array.from({ length: count }, (_, i) => {
    const prefix = prefixes[Math.floor(next() * prefixes.length)]!
    const n = Math.floor(next() * keys)
    const key = Buffer.from(
      prefix + (n === 0 ? '' : n % 7 === 0 ? '\0'.repeat(n % 5) : String(n)),
      'latin1',
    )
    const type = next() < 0.3 ? 0 : KEY_TYPE_VALUE
    const length = next() < 0.02 ? 500 : Math.floor(next() * 20)
    const value = Buffer.alloc(type === KEY_TYPE_VALUE ? length : 0, `v${first + i},`)
    return { key, sequence: first + i, type, value }
  })
}

/** Applies versions, whose sequences follow one another, as batches of random sizes. */
export function applyVersions(
  memtable: Memtable,
  versions: readonly Version[],
  next: () => number,
): void {
  for (let i = 0; i < versions.length;) {
    const batch = new BatchWriter()
    const first = versions[i]!.sequence
    for (let n = 1 + Math.floor(next() * 20); n > 0 && i < versions.length; n--, i++) {
      const { key, type, value } = versions[i]!
      if (type === KEY_TYPE_VALUE) batch.put(key, value)
      else batch.delete(key)
    }
    const bytes = batch.stamp(first)
    for (let from = 0; from < batch.count;)
      from = memtable.apply(bytes, from, 1 + Math.floor(next() * 30))
  }
}

/** Writes a table of versions, which are sorted here. */
export async function writeTable(
  storage: Storage,
  number: number,
  versions: readonly Version[],
  options: TableOptions = TINY_TABLES,
): Promise<TableMeta> {
  const file = await storage.create(tableName(number))
  const writer = new TableWriter(file, number, options)
  for (const { key, sequence, type, value } of versions.toSorted(compareVersions))
    writer.add(
      key,
      0,
      key.length,
      trailerHigh(sequence),
      trailerLow(sequence, type),
      value,
      0,
      value.length,
    )
  const meta = await writer.finish()
  await file.close()
  return meta
}

/** Flips a bit of a file. */
export async function flipBit(storage: Storage, name: string, offset: number): Promise<void> {
  const file = await storage.open(name)
  const bytes = new Uint8Array(file.size())
  await file.read(bytes, 0)
  await file.close()
  bytes[offset]! ^= 4
  await storage.remove(name)
  const again = await storage.create(name)
  await again.write(bytes, 0)
  await again.close()
}

/** Cuts sorted versions into pieces between user keys. */
export function cutVersions(sorted: readonly Version[], next: () => number): Version[][] {
  const pieces: Version[][] = []
  for (const version of sorted) {
    const piece = pieces.at(-1)
    const same = piece?.at(-1)?.key.equals(version.key)
    if (piece === undefined || (!same && next() < 0.15)) pieces.push([version])
    else piece.push(version)
  }
  return pieces
}

export function versionAt(cursor: EntryCursor): Version {
  return {
    key: Buffer.from(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd)),
    sequence: trailerSequence(cursor.high, cursor.low),
    type: cursor.low & 0xff,
    value: Buffer.from(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd)),
  }
}

/** The version that decides about a key at a sequence. */
export function modelFind(
  versions: readonly Version[],
  key: Buffer,
  at: number,
): Version | undefined {
  let best: Version | undefined
  for (const version of versions)
    if (version.sequence <= at && version.key.equals(key))
      if (best === undefined || version.sequence > best.sequence) best = version
  return best
}

/** What a scan shows, in its order. */
export function modelScan(sorted: readonly Version[], bounds: ScanBounds, at: number): Version[] {
  const shown: Version[] = []
  let decided: Buffer | undefined
  for (const version of sorted) {
    if (version.sequence > at || decided?.equals(version.key)) continue
    decided = version.key
    if (version.type === KEY_TYPE_VALUE && inside(version.key, bounds)) shown.push(version)
  }
  return bounds.reverse ? shown.reverse() : shown
}

function inside(key: Buffer, bounds: ScanBounds): boolean {
  const { lower, upper } = bounds
  if (lower !== undefined) {
    const order = Buffer.compare(key, lower)
    if (order < 0 || (order === 0 && bounds.lowerInclusive === false)) return false
  }
  if (upper === undefined) return true
  const order = Buffer.compare(key, upper)
  return order < 0 || (order === 0 && bounds.upperInclusive !== false)
}

export interface Read {
  readonly key: Buffer
  readonly value: Buffer
}

/** Reads up to `count` entries from a cursor, in pages of at most `limit`. */
export async function readCursor(
  cursor: Cursor,
  count: number,
  limit: number,
  pageBytes: number,
  between: () => void = () => {},
): Promise<Read[]> {
  const page: Page = { bytes: new Uint8Array(pageBytes), ends: new Uint32Array(2 * limit) }
  const read: Read[] = []
  while (read.length < count) {
    between()
    const got = cursor.next(page, Math.min(limit, count - read.length))
    if (got === 0) break
    if (got === COLD) await cursor.load()
    else if (got === GROW) page.bytes = new Uint8Array(cursor.needed)
    for (let i = 0; i < got; i++) {
      const start = i === 0 ? 0 : page.ends[2 * i - 1]!
      const middle = page.ends[2 * i]!
      const end = page.ends[2 * i + 1]!
      const key = Buffer.from(page.bytes.subarray(start, middle))
      read.push({ key, value: Buffer.from(page.bytes.subarray(middle, end)) })
    }
  }
  return read
}
