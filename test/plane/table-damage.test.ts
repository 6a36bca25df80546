/**
 * Damaged tables: every bit flip and every truncation gives an error or what was written, never
 * another entry and never one less.
 */
import t from 'tap'
import { StoreError } from '../../lib/errors.js'
import { BLOCK_KIND_ZSTD, BLOCK_TRAILER_BYTES } from '../../lib/format/block.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { putFixed32 } from '../../lib/format/coding.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { TABLE_FOOTER_BYTES } from '../../lib/format/table.js'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { ABSENT } from '../../lib/plane.js'
import { TableFiles } from '../../lib/table/files.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import { isFull } from '../support/campaign.js'
import type { Entry } from './table-fixture.js'
import {
  bytesOf,
  emptyStorage,
  entry,
  hitEntry,
  newHit,
  storageWith,
  told,
  walkAll,
  writeTable,
} from './table-fixture.js'

const NAME = '000005.ldb'
const ENTRIES = [
  entry('apple', 9, 'red'),
  entry('apple', 8, 'green'),
  entry('apricot', 2, 'orange'),
  entry('banana', 3, 'yellow'),
  entry('banana', 1),
  entry('cherry', 4),
  entry('damson', 6, ''),
  entry('elderberry', 7, 'x'.repeat(130)),
]
const ABSENTEES = ['', 'appl', 'applf', 'bananas', 'zebra']

async function specimen(): Promise<{ bytes: Uint8Array; meta: TableMeta }> {
  const storage = await emptyStorage()
  const options = { blockSizeBytes: 48, restartInterval: 2 }
  const { properties, ...meta } = await writeTable(storage, 5, ENTRIES, options)
  return { bytes: await bytesOf(storage, NAME), meta }
}

async function tableWith(bytes: Uint8Array, meta: TableMeta): Promise<TypescriptTable> {
  return new TypescriptTable(new TableFiles(await storageWith(NAME, bytes), 1 << 20, 10), meta)
}

/** The result, or undefined for a StoreError that says damage; anything else is thrown. */
async function orDamage<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const known = error instanceof StoreError && error.file === NAME
    if (known && ['CAIRN_CORRUPTION', 'CAIRN_FORMAT_VERSION'].includes(error.code)) return undefined
    throw error
  }
}

function findNow(
  table: TypescriptTable,
  key: Uint8Array,
  high: number,
  low: number,
): Entry | 'none' {
  const hit = newHit()
  const type = table.find(key, high, low, hit, true, true)
  return type === ABSENT ? 'none' : hitEntry(key, hit)
}

/** What is wrong with how a damaged table answers; undefined when nothing is. */
async function misbehaviour(bytes: Uint8Array, meta: TableMeta): Promise<string | undefined> {
  const table = await tableWith(bytes, meta)
  const lines = told(ENTRIES)
  const walks = [
    await orDamage(() => walkAll(table.cursor(true))),
    await orDamage(async () => (await walkAll(table.cursor(true), true)).reverse()),
    await orDamage(() => walkAll(table.stream())),
  ]
  for (const walk of walks)
    if (walk !== undefined && told(walk).join() !== lines.join())
      return `walked ${told(walk).join(' ')}`
  for (const expected of ENTRIES) {
    const low = (expected.sequence << 8) | 1
    const found = await orDamage(() => findNow(table, expected.key, 0, low))
    if (found === undefined) continue
    if (found === 'none') return `${lines[ENTRIES.indexOf(expected)]} is missing`
    if (told([found])[0] !== told([expected])[0]) return `found ${told([found])[0]}`
  }
  for (const key of ABSENTEES) {
    const found = await orDamage(() => findNow(table, new Uint8Array(Buffer.from(key)), 9, 9))
    if (found !== undefined && found !== 'none') return `invented ${told([found])[0]}`
  }
  table.close()
  return undefined
}

t.test('every bit flip', async (t) => {
  const { bytes, meta } = await specimen()
  t.equal(await misbehaviour(bytes, meta), undefined, 'undamaged')
  t.same(await (await tableWith(bytes, meta)).verify(), { entries: ENTRIES.length, damage: [] })
  const wrong: string[] = []
  let unseen = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (!isFull && bit % 8 !== (bit >> 3) % 8) continue
    const damaged = bytes.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    const reason = await misbehaviour(damaged, meta)
    if (reason !== undefined) wrong.push(`bit ${bit}: ${reason}`)
    const { damage } = await (await tableWith(damaged, meta)).verify()
    if (damage.length === 0) unseen++
  }
  t.same(wrong, [])
  t.equal(unseen, 0, 'verify sees every one of them')
})

t.test('every truncation', async (t) => {
  const { bytes, meta } = await specimen()
  const wrong: string[] = []
  for (let length = 0; length < bytes.length; length++) {
    const table = await tableWith(bytes.slice(0, length), meta)
    const told = await orDamage(() => walkAll(table.cursor(true)))
    if (told !== undefined) wrong.push(`${length}: opened`)
    // Also when the version were to say that size.
    const reason = await misbehaviour(bytes.slice(0, length), { ...meta, sizeBytes: length })
    if (reason !== undefined) wrong.push(`${length}: ${reason}`)
    const { damage } = await table.verify()
    if (damage.length === 0) wrong.push(`${length}: verify saw nothing`)
  }
  t.same(wrong, [])
})

t.test('bytes that are zeroed, appended or taken from elsewhere', async (t) => {
  const { bytes, meta } = await specimen()
  for (let from = 0; from < bytes.length; from += 16)
    for (const fill of [0x00, 0xff]) {
      const damaged = bytes.slice().fill(fill, from, from + 64)
      const reason = await misbehaviour(damaged, meta)
      if (reason !== undefined) t.fail(`${fill} at ${from}: ${reason}`)
      const { damage } = await (await tableWith(damaged, meta)).verify()
      if (damage.length === 0) t.fail(`${fill} at ${from}: verify saw nothing`)
    }
  const longer = Uint8Array.from([...bytes, 0])
  await t.rejects(walkAll((await tableWith(longer, meta)).cursor(true)), {
    code: 'CAIRN_CORRUPTION',
    file: NAME,
  })
})

t.test('a table that is missing', async (t) => {
  const { meta } = await specimen()
  const files = new TableFiles(await emptyStorage(), 0, 10)
  const table = new TypescriptTable(files, meta)
  const missing = { code: 'CAIRN_CORRUPTION', file: NAME, message: /000005\.ldb is missing/ }
  t.throws(() => findNow(table, ENTRIES[0]!.key, 9, 9), missing)
  await t.rejects(walkAll(table.stream()), missing)
  await t.rejects(table.properties(), missing)
  t.equal((await table.verify()).damage[0]!.reason, '000005.ldb is missing')
  t.equal(files.openTables, 0)
})

/** Puts another kind byte on the first block, with a right checksum. */
function withKind(bytes: Uint8Array, kind: number, blockBytes: number): Uint8Array {
  const changed = bytes.slice()
  changed[blockBytes] = kind
  putFixed32(changed, blockBytes + 1, maskCrc(crc32c(changed, 0, 0, blockBytes + 1)))
  return changed
}

t.test('kinds of blocks that are not known', async (t) => {
  const { bytes, meta } = await specimen()
  const table = await tableWith(bytes, meta)
  const { parts } = await table.files.acquire(table)
  const size = parts.index.sizes[0]!
  const zstd = await tableWith(withKind(bytes, BLOCK_KIND_ZSTD, size), meta)
  await t.rejects(walkAll(zstd.cursor(true)), {
    code: 'CAIRN_FORMAT_VERSION',
    message: /compressed with zstd, not supported/,
  })
  const other = await tableWith(withKind(bytes, 77, size), meta)
  await t.rejects(walkAll(other.stream()), { code: 'CAIRN_CORRUPTION', offset: 0 })
  const snappy = await tableWith(withKind(bytes, 1, size), meta)
  t.throws(() => findNow(snappy, ENTRIES[0]!.key, 0, 0xffffff), { code: 'CAIRN_CORRUPTION' })
})

t.test('what checksums can not see, verify sees', async (t) => {
  const { bytes, meta } = await specimen()
  const changes: [string, Uint8Array, TableMeta, RegExp][] = []
  const padded = bytes.slice()
  padded[bytes.length - TABLE_FOOTER_BYTES + 30] = 1
  changes.push(['padding', padded, meta, /padding/])
  changes.push(['smallest', bytes, { ...meta, smallest: meta.largest }, /smallest/])
  changes.push(['largest', bytes, { ...meta, largest: meta.smallest }, /largest/])
  const table = await tableWith(bytes, meta)
  const { parts } = await table.files.acquire(table)
  const { sizes } = parts.index
  // The first value of the first block becomes a key that is out of order.
  const disordered = bytes.slice()
  disordered[3] = 0x7a
  putFixed32(disordered, sizes[0]! + 1, maskCrc(crc32c(disordered, 0, 0, sizes[0]! + 1)))
  changes.push(['order', disordered, meta, /out of order|behind its separator|filter/])
  for (const [what, changed, changedMeta, reason] of changes) {
    const { damage } = await (await tableWith(changed, changedMeta)).verify()
    t.match(damage[0]?.reason, reason, what)
  }
  await t.rejects(walkAll((await tableWith(disordered, meta)).stream()), {
    code: 'CAIRN_CORRUPTION',
    message: /out of order/,
  })
  t.ok(sizes[0]! > BLOCK_TRAILER_BYTES)
})

t.test('damage behind a good block does not spoil the good one', async (t) => {
  const entries = Array.from({ length: 400 }, (_, i) => entry(`k${i + 1000}`, i, 'v'.repeat(90)))
  const storage = await emptyStorage()
  const meta = await writeTable(storage, 5, entries, { blockSizeBytes: 1000 })
  const bytes = await bytesOf(storage, NAME)
  bytes[20_000]! ^= 4
  const table = await tableWith(bytes, meta)
  const cursor = table.cursor(true)
  let seen = 0
  await t.rejects(
    async () => {
      for (let ready = cursor.first(); ; ready = cursor.next()) {
        if (!ready) await cursor.load()
        else if (cursor.valid) seen++
        else return
      }
    },
    { code: 'CAIRN_CORRUPTION', file: NAME },
  )
  t.ok(seen > 150, `${seen} entries before the damage`)
  const { damage, entries: counted } = await table.verify()
  t.equal(damage.length, 1)
  t.ok(damage[0]!.offset <= 20_000 && damage[0]!.offset + damage[0]!.bytes > 20_000)
  t.ok(counted > 380 && counted < 400)
})
