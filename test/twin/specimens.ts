/**
 * Small files to be mutated, and what makes a mutation go past the checksums: fragments of a
 * journal and blocks of a table that are sealed again after they were changed.
 */
import { crc32c } from '../../lib/checksum/crc32c.js'
import { BatchWriter, markBatch } from '../../lib/format/batch.js'
import { BLOCK_KIND_NONE, BLOCK_KIND_SNAPPY, BLOCK_TRAILER_BYTES } from '../../lib/format/block.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { putFixed32, putVarint } from '../../lib/format/coding.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { FILTER_NAME } from '../../lib/format/filter.js'
import { internalKey } from '../../lib/format/key.js'
import { tableName } from '../../lib/format/names.js'
import { encodeFooter, encodeHandle } from '../../lib/format/table.js'
import type { BlockHandle } from '../../lib/format/table.js'
import { memoryStorage } from '../../lib/io/index.js'
import { BlockWriter } from '../../lib/table/block.js'
import { TableFiles } from '../../lib/table/files.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import { fragment, framed, noise } from '../plane/journal-storage.js'
import { readAll } from '../support/level.js'
import { randomVersions, writeTable } from '../support/entries.js'
import type { Next } from '../support/shapes.js'
import { one } from '../support/shapes.js'
import { mutated } from './mutate.js'

/** A batch of a few records with keys and values of many lengths. */
export function makeBatch(next: Next, first = 1 + next(1000)): Uint8Array {
  const batch = new BatchWriter()
  for (let left = next(12); left > 0; left--) {
    const key = noise(one(next, [0, 1, 8, 20, 130]), next(1000))
    if (next(3) === 0) batch.delete(key)
    else batch.put(key, noise(one(next, [0, 1, 30, 127, 128, 200]), next(1000)))
  }
  return Uint8Array.prototype.slice.call(batch.stamp(first))
}

/** Records with marks between them; now and then long enough to cross blocks. */
/** What the checksums of specimens continue from when it is not nothing. */
export const SEED = 0x9e3779b9

/** Records of a journal, all of one seed or from some record on of another one. */
export function makeJournal(next: Next): Buffer {
  const records: Uint8Array[] = []
  let sequence = 1
  for (let left = 1 + next(8); left > 0; left--) {
    if (next(3) === 0) records.push(markBatch(sequence))
    records.push(next(60) === 0 ? noise(next(70_000), left) : makeBatch(next, sequence))
    sequence += 20
  }
  const reseeded = one(next, [0, records.length, next(records.length)])
  return framed(
    records,
    records.map((_, i) => (i < reseeded ? 0 : SEED)),
  ).bytes
}

/** Fragments of any kind in any order, each with a true checksum. */
export function makeFragments(next: Next): Buffer {
  const pieces: Uint8Array[] = []
  for (let left = 1 + next(12); left > 0; left--) {
    const data = next(4) === 0 ? markBatch(next(100)) : noise(next(60), left)
    const kind = next(12) === 0 ? next(256) : 1 + next(4)
    const seed = next(8) === 0 ? SEED : 0
    pieces.push(next(20) === 0 ? Buffer.alloc(next(20)) : fragment(kind, data, seed))
  }
  if (next(4) === 0) pieces.unshift(fragment(1, noise(32_768 - 14 - next(30), 1)))
  return Buffer.concat(pieces)
}

export interface TableSpecimen {
  readonly bytes: Buffer
  readonly meta: TableMeta
  readonly blocks: readonly BlockHandle[]
  /** User keys that are there. */
  readonly keys: readonly Buffer[]
}

export async function makeTable(next: Next, number: number): Promise<TableSpecimen> {
  const storage = memoryStorage()
  await storage.createDirectory()
  const versions = randomVersions(() => next(1 << 30) / (1 << 30), 1, 5 + next(60))
  const meta = await writeTable(storage, number, versions, {
    blockSizeBytes: one(next, [32, 64, 300, 4096]),
    restartInterval: one(next, [1, 2, 16]),
    compression: next(2) === 0,
    filterBits: one(next, [0, 10, 10]),
  })
  const files = new TableFiles(storage, 0, 1)
  const table = new TypescriptTable(files, meta)
  const { parts } = await files.acquire(table)
  const { offsets, sizes, count } = parts.index
  const blocks = [parts.footer.metaindex, parts.footer.index, ...parts.named.values()]
  for (let i = 0; i < count; i++) blocks.push({ offset: offsets[i]!, sizeBytes: sizes[i]! })
  const bytes = Buffer.from(await readAll(storage, tableName(number)))
  return { bytes, meta, blocks, keys: versions.map(({ key }) => key) }
}

/** A table with one block changed and sealed again, or with anything changed anywhere. */
export function mutatedTable({ bytes, blocks }: TableSpecimen, next: Next): Buffer {
  if (next(3) === 0) return mutated(bytes, next)
  const copy = Buffer.from(bytes)
  const { offset, sizeBytes } = one(next, blocks)
  const contents = mutated(copy.subarray(offset, offset + sizeBytes), next)
  copy.set(contents.subarray(0, sizeBytes), offset)
  const end = offset + sizeBytes
  if (next(8) === 0) copy[end] = next(4)
  putFixed32(copy, end + 1, maskCrc(crc32c(copy, 0, offset, end + 1)))
  return copy
}

/** Puts a table together out of the bytes of its blocks, sound or not. */
class TablePieces {
  readonly #pieces: Uint8Array[] = []
  #end = 0

  add(contents: Uint8Array, kind = BLOCK_KIND_NONE): BlockHandle {
    const offset = this.#end
    const block = new Uint8Array(contents.length + BLOCK_TRAILER_BYTES)
    block.set(contents)
    block[contents.length] = kind
    putFixed32(block, contents.length + 1, maskCrc(crc32c(block, 0, 0, contents.length + 1)))
    this.#put(block)
    return { offset, sizeBytes: contents.length }
  }

  finish(metaindex: BlockHandle, index: BlockHandle): Buffer {
    this.#put(encodeFooter({ metaindex, index }))
    return Buffer.concat(this.#pieces)
  }

  #put(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#end += bytes.length
  }
}

function blockOf(key: Uint8Array, handle: BlockHandle): Uint8Array {
  const writer = new BlockWriter(1)
  const value = encodeHandle(handle)
  writer.add(key, key.length, value, 0, value.length)
  return writer.finish().slice()
}

const LAST_KEY = internalKey(new Uint8Array(30).fill(0xff), 1, 1)

/** A sound table around the bytes of one compressed block. */
export function tableAround(compressed: Uint8Array): Buffer {
  const pieces = new TablePieces()
  const data = pieces.add(compressed, BLOCK_KIND_SNAPPY)
  const metaindex = pieces.add(new BlockWriter(1).finish().slice())
  return pieces.finish(metaindex, pieces.add(blockOf(LAST_KEY, data)))
}

/** A sound table of one key around the bytes of its filter block. */
export function tableWithFilter(key: Uint8Array, filter: Uint8Array): Buffer {
  const pieces = new TablePieces()
  const writer = new BlockWriter(1)
  const internal = internalKey(key, 1, 1)
  writer.add(internal, internal.length, key, 0, key.length)
  const data = pieces.add(writer.finish().slice())
  const block = pieces.add(filter)
  const metaindex = pieces.add(blockOf(new Uint8Array(Buffer.from(FILTER_NAME)), block))
  return pieces.finish(metaindex, pieces.add(blockOf(LAST_KEY, data)))
}

/** A block of some entries, as it is before it is compressed. */
export function makeBlock(next: Next): Uint8Array {
  const writer = new BlockWriter(one(next, [1, 2, 16]))
  for (let i = 0; i < 1 + next(30); i++) {
    const key = internalKey(Buffer.from(`key${1000 + i}`), 1 + next(1000), 1)
    const value = next(2) === 0 ? noise(next(40), i) : Buffer.alloc(next(120), 'value')
    writer.add(key, key.length, value, 0, value.length)
  }
  return writer.finish().slice()
}

/** Snappy elements at random, whose lengths and offsets mostly make sense. */
export function makeElements(next: Next): Uint8Array {
  const elements: number[] = []
  let length = 0
  for (let left = 1 + next(20); left > 0; left--) {
    if (length === 0 || next(2) === 0) {
      const size = 1 + next(70)
      if (size <= 60) elements.push((size - 1) << 2)
      else elements.push(60 << 2, size - 1)
      elements.push(...noise(size, left))
      length += size
    } else {
      const offset = next(30) === 0 ? next(70_000) : 1 + next(length)
      const size = 1 + next(64)
      if (size >= 4 && size < 12 && offset < 2048)
        elements.push(1 | ((size - 4) << 2) | ((offset >> 8) << 5), offset & 255)
      else if (next(4) > 0) elements.push(2 | ((size - 1) << 2), offset & 255, (offset >> 8) & 255)
      else elements.push(3 | ((size - 1) << 2), offset & 255, (offset >> 8) & 255, offset >> 16, 0)
      length += size
    }
  }
  const head = new Uint8Array(5)
  const end = putVarint(head, 0, next(20) === 0 ? next(5000) : length)
  return Uint8Array.from([...head.subarray(0, end), ...elements])
}
