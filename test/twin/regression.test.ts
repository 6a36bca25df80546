/**
 * What once told the twins apart, or could have cost one of them its memory.
 */
import t from 'tap'
import type { Test } from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { BatchWriter } from '../../lib/format/batch.js'
import { BLOCK_TRAILER_BYTES } from '../../lib/format/block.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { putFixed32 } from '../../lib/format/coding.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { tableName } from '../../lib/format/names.js'
import {
  TABLE_FOOTER_BYTES,
  decodeFooter,
  encodeFooter,
  encodeHandle,
} from '../../lib/format/table.js'
import type { BlockHandle } from '../../lib/format/table.js'
import type { DataPlane, MergeJob } from '../../lib/plane.js'
import { BlockWriter } from '../../lib/table/block.js'
import { TINY_TABLES, writeTable } from '../support/entries.js'
import { freshDirectory, putFile } from '../support/planes.js'
import { answer } from './answers.js'
import { TWINS, selectFor } from './sides.js'

const NEVER = new AbortController().signal

const storage = freshDirectory(t)
await storage.createDirectory()
const options = { storage, cacheBytes: 1 << 16, maxOpenTables: 10 }
const planes = TWINS.map((side) => selectFor(side, options).plane)
t.teardown(() => Promise.all(planes.map((plane) => plane.close())))

let number = 1

/** Asks both planes; their answers must be alike, and are given once. */
async function both(t: Test, ask: (plane: DataPlane) => unknown): Promise<string> {
  const answers: string[] = []
  for (const plane of planes) answers.push(await answer(() => ask(plane)))
  t.equal(answers[1], answers[0])
  return answers[0]!
}

function jobOf(inputs: MergeJob['inputs'], changes: Partial<MergeJob> = {}): MergeJob {
  return {
    inputs,
    snapshots: [Number.MAX_SAFE_INTEGER],
    outputs: [number++, number++, number++],
    table: TINY_TABLES,
    maxTableBytes: 1 << 20,
    deeper: [],
    grandparents: [],
    maxGrandparentBytes: 1 << 20,
    ...changes,
  }
}

async function bytesOf(name: string): Promise<Uint8Array> {
  const file = await storage.open(name)
  const bytes = new Uint8Array(file.size())
  await file.read(bytes, 0)
  await file.close()
  return bytes
}

function block(contents: Uint8Array): Buffer {
  const bytes = Buffer.alloc(contents.length + BLOCK_TRAILER_BYTES)
  bytes.set(contents)
  const crc = crc32c(bytes, 0, 0, contents.length + 1)
  putFixed32(bytes, contents.length + 1, maskCrc(crc))
  return bytes
}

/** A table of one entry, a value, whose metaindex has these names, each for an empty block. */
async function tableNaming(names: readonly Buffer[], sequence = 1): Promise<TableMeta> {
  const version = { key: Buffer.from('k'), sequence, type: 1, value: Buffer.from('v') }
  const written = await writeTable(storage, number++, [version], { ...TINY_TABLES, filterBits: 0 })
  const bytes = await bytesOf(tableName(written.number))
  const { index } = decodeFooter(bytes.subarray(bytes.length - TABLE_FOOTER_BYTES))
  const data = bytes.subarray(0, bytes.indexOf('v'.charCodeAt(0)) + 1 + 8 + BLOCK_TRAILER_BYTES)
  const metaindex = new BlockWriter(Number.MAX_SAFE_INTEGER)
  const empty = encodeHandle({ offset: 0, sizeBytes: 0 })
  for (const name of names) metaindex.add(name, name.length, empty, 0, empty.length)
  const parts: Uint8Array[] = [data]
  let end = data.length
  const append = (contents: Uint8Array): BlockHandle => {
    parts.push(block(contents))
    end += contents.length + BLOCK_TRAILER_BYTES
    return { offset: end - contents.length - BLOCK_TRAILER_BYTES, sizeBytes: contents.length }
  }
  const footer = {
    metaindex: append(metaindex.finish()),
    index: append(bytes.slice(index.offset, index.offset + index.sizeBytes)),
  }
  parts.push(encodeFooter(footer))
  const table = Buffer.concat(parts)
  const { smallest, largest } = written
  await putFile(storage, tableName(number), table)
  return { number: number++, sizeBytes: table.length, smallest, largest }
}

void t.test('names that outgrow their metaindex are damage, not memory', async (t) => {
  const name = Buffer.alloc(4096, 'n')
  const names = Array.from({ length: 250 }, (_, i) => Buffer.concat([name, Buffer.from([i])]))
  const few = await tableNaming(names.slice(0, 10))
  t.equal(
    await both(t, async (plane) => `${(await plane.openTable(few).properties())?.entries}`),
    'undefined',
  )
  const many = await tableNaming(names)
  t.match(await both(t, (plane) => plane.openTable(many).properties()), /metaindex: too much name/)
  t.match(await both(t, (plane) => plane.openTable(many).verify()), /metaindex: too much name/)
})

void t.test('a sequence that no number holds is not merged', async (t) => {
  const meta = await tableNaming([], 2 ** 53)
  const told = await both(t, async (plane) => {
    await plane.merge(jobOf([[plane.openTable(meta)]]), NEVER)
  })
  t.match(told, /^StoreError CAIRN_CORRUPTION .* sequence over 2\^53$/)
  const largest = await tableNaming([], 2 ** 53 - 1)
  const merged = await both(t, async (plane) => {
    const [made] = await plane.merge(jobOf([[plane.openTable(largest)]]), NEVER)
    return JSON.stringify(made!.properties)
  })
  t.match(merged, '"largestSequence":9007199254740991')
})

void t.test('limits of nothing cut a merge at every key, never into empty tables', async (t) => {
  for (const changes of [{ maxTableBytes: 0 }, { maxGrandparentBytes: 0 }]) {
    const sizes = await both(t, async (plane) => {
      const memtable = plane.createMemtable()
      const batch = new BatchWriter()
      for (const key of 'abcde') batch.put(key, 'value')
      memtable.apply(batch.stamp(1), 0, batch.count)
      const range = { smallest: Buffer.from('b'), largest: Buffer.from('b'), sizeBytes: 1 }
      const tables = await plane.merge(
        jobOf([[memtable]], { grandparents: [range], ...changes }),
        NEVER,
      )
      return tables.map((table) => `${table.sizeBytes} ${table.properties!.entries}`).join()
    })
    t.match(sizes, 'maxTableBytes' in changes ? / 1,.* 1,.* 3$/ : / 2,.* 3$/)
  }
})

void t.test('sizes of grandparents that outgrow 64 bits still cut', async (t) => {
  const entries = await both(t, async (plane) => {
    const memtable = plane.createMemtable()
    const batch = new BatchWriter()
    for (const key of ['a', 'm']) batch.put(key, 'value')
    memtable.apply(batch.stamp(1), 0, batch.count)
    const range = { smallest: Buffer.from('b'), largest: Buffer.from('b'), sizeBytes: 2 ** 53 - 1 }
    const tables = await plane.merge(
      jobOf([[memtable]], {
        grandparents: Array.from({ length: 2049 }, () => range),
        maxGrandparentBytes: 2 ** 53 - 1,
      }),
      NEVER,
    )
    return tables.map((table) => table.properties!.entries).join()
  })
  t.equal(entries, '1,1')
})

void t.test('a page takes whole entries: a limit of 1.5 is one', async (t) => {
  const told = await both(t, (plane) => {
    const memtable = plane.createMemtable()
    const batch = new BatchWriter()
    for (const key of 'abc') batch.put(key, key)
    memtable.apply(batch.stamp(1), 0, batch.count)
    const counts: number[] = []
    for (const reverse of [false, true]) {
      const cursor = plane.scan(plane.createView([[memtable]]), { reverse }, 3)
      const page = { bytes: new Uint8Array(100), ends: new Uint32Array(4) }
      for (let i = 0; i < 4; i++) counts.push(cursor.next(page, 1.5))
      cursor.close()
    }
    return counts.join()
  })
  t.equal(told, '1,1,1,0,1,1,1,0')
})
