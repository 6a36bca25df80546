/** Tables that LevelDB wrote: read here, and written again here to the same bytes. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ClassicLevel } from 'classic-level'
import { tableName } from '../../lib/format/names.js'
import { TABLE_FOOTER_BYTES, decodeFooter } from '../../lib/format/table.js'
import { TableFiles } from '../../lib/table/files.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import { freshPath } from '../support/directory.js'
import { random } from '../support/random.js'
import { below } from '../support/campaign.js'
import type { Entry } from './table-fixture.js'
import {
  bytesOf,
  emptyStorage,
  entry,
  storageWith,
  told,
  walkAll,
  writeTable,
} from './table-fixture.js'

const SPECIMEN = 'test/data/leveldb-files/cpp-sst-bloom/000005.ldb'
const FRUIT = [
  entry('apple', 1, 'red'),
  entry('apricot', 2, 'orange'),
  entry('banana', 3, 'yellow'),
  entry('cherry', 4),
]
const UNKNOWN = new Uint8Array(0)

async function open(
  name: string,
  bytes: Uint8Array,
  cacheBytes = 1 << 20,
): Promise<TypescriptTable> {
  const files = new TableFiles(await storageWith(name, bytes), cacheBytes, 10)
  const number = Number(name.slice(0, 6))
  const range = { smallest: UNKNOWN, largest: UNKNOWN }
  return new TypescriptTable(files, { number, sizeBytes: bytes.length, ...range })
}

/** The bytes that LevelDB and we must agree on: data and filter, then the index block. */
async function shared(bytes: Uint8Array): Promise<{ front: string; index: string }> {
  const table = await open('000007.ldb', bytes)
  const { parts } = await table.files.acquire(table)
  const { index, metaindex } = decodeFooter(bytes.subarray(bytes.length - TABLE_FOOTER_BYTES))
  const properties = parts.named.get('cairn.properties')
  const frontEnd = properties?.offset ?? metaindex.offset
  const hex = (from: number, to: number): string =>
    Buffer.from(bytes.slice(from, to)).toString('hex')
  return {
    front: hex(0, frontEnd),
    index: hex(index.offset, index.offset + index.sizeBytes),
  }
}

async function rewritten(entries: Entry[]): Promise<Uint8Array> {
  const storage = await emptyStorage()
  await writeTable(storage, 7, entries)
  return bytesOf(storage, tableName(7))
}

t.test('the specimen is read, under either name', async (t) => {
  const bytes = new Uint8Array(await readFile(SPECIMEN))
  for (const name of ['000005.ldb', '000005.sst']) {
    const table = await open(name, bytes)
    t.same(told(await walkAll(table.cursor(true))), told(FRUIT))
    t.same(told(await walkAll(table.stream())), told(FRUIT))
    t.same(await table.verify(), { entries: 4, damage: [] })
    t.equal(await table.properties(), undefined)
    table.close()
  }
})

t.test('the specimen is written to the same bytes', async (t) => {
  const bytes = new Uint8Array(await readFile(SPECIMEN))
  t.same(await shared(await rewritten(FRUIT)), await shared(bytes))
})

/** A database by classic-level; gives its records and the bytes of its tables. */
async function classicTables(
  directory: string,
  compression: boolean,
): Promise<{ records: Map<string, string>; tables: Map<string, Uint8Array> }> {
  const db = new ClassicLevel<string, string>(directory, { compression })
  const next = random(compression ? 1 : 2)
  const records = new Map<string, string>()
  for (let i = 0; i < 12; i++) {
    const operations = Array.from({ length: 1000 }, () => {
      const key = `key${below(next, 20_000)}`
      const value = below(next, 10 ** 9)
        .toString(36)
        .repeat(below(next, 60))
      records.set(key, value)
      return { type: 'put', key, value } as const
    })
    await db.batch(operations)
  }
  await db.compactRange('', '~')
  await db.close()
  const tables = new Map<string, Uint8Array>()
  for (const name of (await readdir(directory)).filter((name) => /\.(ldb|sst)$/.test(name)))
    tables.set(name, new Uint8Array(await readFile(join(directory, name))))
  return { records, tables }
}

for (const compression of [true, false])
  t.test(`tables by classic-level, ${compression ? 'with' : 'without'} Snappy`, async (t) => {
    const { records, tables } = await classicTables(freshPath(), compression)
    const seen = new Map<string, Entry>()
    t.ok(tables.size > 0)
    for (const [name, bytes] of tables) {
      const table = await open(name, bytes)
      const entries = await walkAll(table.stream())
      t.ok(told(await walkAll(table.cursor(false))).join() === told(entries).join(), name)
      t.same(await table.verify(), { entries: entries.length, damage: [] })
      for (const found of entries) {
        const key = Buffer.from(found.key).toString()
        if ((seen.get(key)?.sequence ?? 0) < found.sequence) seen.set(key, found)
      }
      if (!compression) {
        const [ours, theirs] = [await shared(await rewritten(entries)), await shared(bytes)]
        t.ok(ours.front === theirs.front, `${name}: the same data and filter`)
        t.ok(ours.index === theirs.index, `${name}: the same index`)
      }
      table.close()
    }
    const wrong = [...records].filter(
      ([key, value]) => Buffer.from(seen.get(key)?.value ?? []).toString() !== value,
    )
    t.equal(wrong.length, 0)
    t.equal(seen.size, records.size)
  })
