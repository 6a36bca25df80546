/** The block cache and the open tables: both keep to their bounds, and go on beyond them. */
import t from 'tap'
import { tableName } from '../../lib/format/names.js'
import { Block } from '../../lib/table/block.js'
import { BlockCache } from '../../lib/table/cache.js'
import { TableFiles } from '../../lib/table/files.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import { faultyStorage } from '../support/faulty.js'
import { random } from '../support/random.js'
import { below, campaign } from '../support/campaign.js'
import { emptyStorage, entry, newHit, told, walkAll, writeTable } from './table-fixture.js'

type Slots = (Block | undefined)[]

const blockOf = (bytes: number): Block => new Block(new Uint8Array(bytes), 0, 1)
const kept = (slots: Slots): number => slots.filter((block) => block !== undefined).length

t.test('random blocks stay within the bound', async (t) => {
  await campaign(t, 100, async (seed) => {
    const next = random(seed)
    const cache = new BlockCache(below(next, 20_000))
    const tables: Slots[] = Array.from({ length: 5 }, () =>
      new Array<undefined>(50).fill(undefined),
    )
    for (let i = 0; i < 2000; i++) {
      const slots = tables[below(next, tables.length)]!
      const ordinal = below(next, 50)
      const block = slots[ordinal]
      if (next() < 0.01) cache.removeAll(slots)
      else if (block !== undefined) block.referenced = true
      else cache.insert(blockOf(below(next, 3000)), slots, ordinal)
      if (cache.usedBytes > cache.capacityBytes) throw new Error('over the bound')
    }
    const bytes = tables.flat().reduce((sum, block) => sum + (block?.bytes.length ?? 0), 0)
    if (bytes > cache.usedBytes) throw new Error('counts less than it keeps')
    for (const slots of tables) cache.removeAll(slots)
    if (cache.usedBytes !== 0 || tables.some(kept)) throw new Error('something stayed')
  })
})

t.test('what is used stays, what is not goes', async (t) => {
  const cache = new BlockCache(100_000)
  const slots: Slots = new Array<undefined>(1000).fill(undefined)
  for (let i = 0; i < 10; i++) cache.insert(blockOf(4096), slots, i)
  for (let i = 10; i < 1000; i++) {
    for (let hot = 0; hot < 10; hot++) slots[hot]!.referenced = true
    cache.insert(blockOf(4096), slots, i)
  }
  t.equal(kept(slots.slice(0, 10)), 10)
  t.ok(kept(slots) > 20)
})

t.test('nothing is kept that can not fit', async (t) => {
  const slots: Slots = [undefined, undefined]
  const none = new BlockCache(0)
  none.insert(blockOf(1), slots, 0)
  const small = new BlockCache(1000)
  small.insert(blockOf(2000), slots, 1)
  t.same(slots, [undefined, undefined])
  t.equal(none.usedBytes + small.usedBytes, 0)
})

async function tables(count: number, maxOpenTables: number, cacheBytes = 1 << 20) {
  const storage = await emptyStorage()
  const metas = []
  for (let i = 1; i <= count; i++)
    metas.push(await writeTable(storage, i, [entry(`k${i}`, i, `value ${i}`)]))
  const faulty = faultyStorage(storage)
  const files = new TableFiles(faulty, cacheBytes, maxOpenTables)
  return { files, faulty, storage, list: metas.map((meta) => new TypescriptTable(files, meta)) }
}

function find(table: TypescriptTable): string {
  const hit = newHit()
  const key = new Uint8Array(Buffer.from(`k${table.meta.number}`))
  table.find(key, 0xffffffff, 0xffffffff, hit, true, true)
  return Buffer.from(hit.valueBytes.slice(hit.valueStart, hit.valueEnd)).toString()
}

t.test('at most so many tables are open, the last used ones', async (t) => {
  const { files, faulty, list } = await tables(10, 3)
  for (let round = 0; round < 3; round++)
    for (const table of list) {
      t.equal(find(table), `value ${table.meta.number}`)
      t.equal(find(list[0]!), 'value 1')
      if (files.openTables > 3) t.fail(`${files.openTables} tables are open`)
    }
  t.ok(list[0]!.open, 'the one in use stays')
  t.equal(faulty.calls.open, 1 + 9 * 3, 'and was opened once')
  const open = list.filter((table) => table.open).map((table) => table.meta.number)
  t.same(open, [1, 9, 10])
  for (const table of list) table.close()
  t.equal(files.openTables, 0)
  await files.close()
  t.equal(faulty.calls.close, faulty.calls.open, 'every file was closed')
})

t.test('many at once through one place', async (t) => {
  const { files, faulty, list } = await tables(8, 1, 0)
  const walks = [...list, ...list].map((table) => walkAll(table.cursor(true)))
  for (const [i, entries] of (await Promise.all(walks)).entries()) {
    const { number } = list[i % 8]!.meta
    t.same(told(entries), told([entry(`k${number}`, number, `value ${number}`)]))
  }
  t.ok(files.openTables <= 1)
  const streams = list.map((table) => table.stream())
  await Promise.all(streams.map((stream) => walkAll(stream)))
  t.ok(files.openTables >= 8, 'a table that is being read is not closed')
  for (const stream of streams) stream.close()
  await files.close()
  t.equal(faulty.calls.close, faulty.calls.open)
})

t.test('a failure to open or to read is told, and passes', async (t) => {
  const { files, faulty, list } = await tables(1, 5, 0)
  const table = list[0]!
  for (const operation of ['open', 'read'] as const) {
    faulty.rule = { operation }
    t.throws(() => find(table), { code: 'CAIRN_IO' }, operation)
    faulty.rule = { operation }
    await t.rejects(walkAll(table.stream()), { code: 'CAIRN_IO' }, operation)
  }
  t.equal(find(table), 'value 1')
  faulty.rule = { operation: 'read', short: true }
  await t.rejects(walkAll(table.cursor(false)), { code: /CAIRN_(IO|CORRUPTION)/ })
  t.equal((await walkAll(table.cursor(false))).length, 1)
  await files.close()
  t.equal(faulty.calls.close, faulty.calls.open - 2, 'every file was closed that had opened')
})

t.test('closing a table or a stream while it is being read', async (t) => {
  const { files, faulty, list } = await tables(3, 5, 0)
  const [first, second, third] = list as [TypescriptTable, TypescriptTable, TypescriptTable]
  const cursor = first.cursor(true)
  const loading = cursor.load()
  first.close()
  await t.rejects(loading, { code: 'CAIRN_NOT_OPEN' })
  const stream = second.stream()
  const reading = stream.load()
  stream.close()
  await reading
  find(third)
  const cold = third.findCold(new Uint8Array([1]), 9, 9, newHit(), true)
  third.close()
  await cold
  await files.close()
  t.equal(files.openTables, 0)
  t.equal(faulty.calls.close, faulty.calls.open)
})

t.test('a writer that fails goes on failing', async (t) => {
  const storage = faultyStorage(await emptyStorage())
  const entries = Array.from({ length: 100 }, (_, i) => entry(`k${i + 100}`, i, 'v'.repeat(100)))
  for (const error of ['EIO', 'ENOSPC'] as const) {
    storage.rule = { operation: 'write', error }
    const code = error === 'EIO' ? 'CAIRN_IO' : 'CAIRN_NO_SPACE'
    await t.rejects(writeTable(storage, 7, entries), { code }, error)
    await storage.remove(tableName(7))
  }
})
