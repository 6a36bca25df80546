/**
 * Tables written with compression: which blocks are compressed, and that the rest of the world
 * and our own reader take them.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ClassicLevel } from 'classic-level'
import {
  BLOCK_COMPRESS_DIVISOR,
  BLOCK_KIND_NONE,
  BLOCK_KIND_SNAPPY,
} from '../../lib/format/block.js'
import { FILTER_NAME } from '../../lib/format/filter.js'
import { tableName } from '../../lib/format/names.js'
import { TABLE_FOOTER_BYTES, TABLE_PROPERTIES_NAME, decodeFooter } from '../../lib/format/table.js'
import type { BlockHandle } from '../../lib/format/table.js'
import { CairnLevel } from '../../lib/index.js'
import { blockContents } from '../../lib/table/block.js'
import { snappy, snappyRoom } from '../../lib/table/snappy.js'
import { freshPath } from '../support/directory.js'
import { below, campaign } from '../support/campaign.js'
import { random } from '../support/random.js'
import type { Entry } from './table-fixture.js'
import { bytesOf, entry, tableOf, told, walkAll } from './table-fixture.js'

interface StoredBlock {
  readonly kind: number
  readonly stored: number
  readonly contents: Uint8Array
}

/** The blocks of a table by their part of it. */
async function blocksOf(
  entries: readonly Entry[],
  compression: boolean,
): Promise<Record<'data' | 'index' | 'metaindex' | 'filter' | 'properties', StoredBlock[]>> {
  const { table, files, storage } = await tableOf(entries, { compression })
  const bytes = await bytesOf(storage, tableName(5))
  const read = ({ offset, sizeBytes }: BlockHandle): StoredBlock => ({
    kind: bytes[offset + sizeBytes]!,
    stored: sizeBytes,
    contents: blockContents(bytes, offset, sizeBytes, tableName(5), offset).slice(),
  })
  const { index, named } = (await table.files.acquire(table)).parts
  const data = Array.from({ length: index.count }, (_, i) =>
    read({ offset: index.offsets[i]!, sizeBytes: index.sizes[i]! }),
  )
  const footer = decodeFooter(bytes.subarray(bytes.length - TABLE_FOOTER_BYTES))
  const part = (name: string): StoredBlock[] => [read(named.get(name)!)]
  const stored = {
    data,
    index: [read(footer.index)],
    metaindex: [read(footer.metaindex)],
    filter: part(FILTER_NAME),
    properties: part(TABLE_PROPERTIES_NAME),
  }
  if (told(await walkAll(table.cursor(true))).join() !== told(entries).join())
    throw new Error('the table holds something else')
  const { damage } = await table.verify()
  if (damage.length > 0) throw new Error(JSON.stringify(damage))
  table.close()
  await files.close()
  return stored
}

/** Values of which `share` is one letter, and the rest noise. */
function entriesWith(next: () => number, share: () => number): Entry[] {
  return Array.from({ length: 300 }, (_, i) => {
    const letters = share() * 100
    const value = Uint8Array.from({ length: 100 }, (_, at) =>
      at < letters ? 97 : below(next, 256),
    )
    return entry(`key${String(i).padStart(6, '0')}`, 1 + i, value)
  })
}

t.test('a block is compressed exactly when that saves more than an eighth', async (t) => {
  await campaign(t, 100, async (seed) => {
    const next = random(seed)
    const middle = next() * 0.5
    const entries = entriesWith(next, () => middle + next() * 0.05)
    const stored = await blocksOf(entries, true)
    for (const part of ['data', 'index', 'metaindex'] as const)
      for (const { kind, stored: size, contents } of stored[part]) {
        const small = snappy(contents, new Uint8Array(snappyRoom(contents.length)))
        const enough = contents.length - Math.floor(contents.length / BLOCK_COMPRESS_DIVISOR)
        const expected = small < enough ? BLOCK_KIND_SNAPPY : BLOCK_KIND_NONE
        if (kind !== expected || size !== (small < enough ? small : contents.length))
          throw new Error(`${part}: kind ${kind}, ${size} bytes; ${small} of ${contents.length}`)
      }
    for (const part of ['filter', 'properties'] as const)
      if (stored[part][0]!.kind !== BLOCK_KIND_NONE) throw new Error(`${part} is compressed`)
    return `${stored.data.filter(({ kind }) => kind === 1).length} of ${stored.data.length} blocks`
  })
})

t.test('what compresses and what does not', async (t) => {
  const next = random(7)
  const letters = entriesWith(next, () => 0.9)
  const noise = entriesWith(next, () => 0)
  const kinds = (blocks: StoredBlock[]): number[] => [...new Set(blocks.map(({ kind }) => kind))]
  const small = await blocksOf(letters, true)
  const large = await blocksOf(letters, false)
  t.same(kinds(small.data), [BLOCK_KIND_SNAPPY])
  t.same(kinds(small.index), [BLOCK_KIND_SNAPPY], 'the index as well')
  t.same(kinds([large.data, large.index, large.metaindex].flat()), [BLOCK_KIND_NONE])
  t.ok(
    small.data.length === large.data.length,
    'blocks are cut by what they hold, not by what is stored',
  )
  for (const [i, { contents }] of small.data.entries())
    if (Buffer.compare(contents, large.data[i]!.contents) !== 0) t.fail(`block ${i} holds another`)
  t.same(kinds((await blocksOf(noise, true)).data), [BLOCK_KIND_NONE])
})

async function tableBytes(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ldb'))
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(directory, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

t.test('LevelDB reads what a store compressed, which took no more room than its own', async (t) => {
  const next = random(8)
  const records = Array.from({ length: 20_000 }, (_, i) => {
    const noise = below(next, 10 ** 9).toString(36)
    return [
      `key${String(i).padStart(8, '0')}`,
      `${noise} and the same text in every value`,
    ] as const
  })
  const batch = records.map(([key, value]) => ({ type: 'put' as const, key, value }))
  const sizes: Record<string, number> = {}
  const ours = freshPath()
  for (const [name, db] of [
    ['ours', new CairnLevel(ours)],
    ['plain', new CairnLevel(freshPath(), { compression: false })],
    ['theirs', new ClassicLevel(freshPath())],
  ] as const) {
    await db.batch(batch)
    await db.compactRange('', '~')
    await db.close()
    sizes[name] = await tableBytes(db.location)
  }
  t.comment(JSON.stringify(sizes))
  t.ok(sizes['ours']! < sizes['plain']! / 2, 'compressed unless asked otherwise')
  t.ok(sizes['ours']! < sizes['theirs']! * 1.02, 'as small as LevelDB makes it')
  const store = new CairnLevel(ours)
  t.same((await store.verify()).damage, [])
  await store.close()
  const classic = new ClassicLevel(ours, { createIfMissing: false })
  t.ok(JSON.stringify(await classic.iterator().all()) === JSON.stringify(records), 'all records')
  await classic.close()
})
