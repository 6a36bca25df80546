/**
 * Checking a table: every byte of the file is read, and every byte must be accounted for.
 *
 * Checked: checksums and structure of all blocks; that keys rise, lie between the separators
 * around their block and pass the filter; that properties and the table's own range of keys say
 * what was found; that blocks lie back to back from the first byte to the footer; zero padding.
 * Twin: native/table/verify.h
 */
import { setImmediate } from 'node:timers/promises'
import { StoreError } from '../errors.js'
import { BLOCK_TRAILER_BYTES } from '../format/block.js'
import type { TableMeta } from '../format/edit.js'
import {
  KEY_TRAILER_BYTES,
  KEY_TYPE_DELETION,
  KEY_TYPE_VALUE,
  compareInternal,
  trailerSequence,
} from '../format/key.js'
import { TABLE_FOOTER_BYTES, TABLE_HANDLES_BYTES, putHandle } from '../format/table.js'
import type { BlockHandle, TableProperties } from '../format/table.js'
import type { StorageFile } from '../io/files.js'
import { blockContents } from './block.js'
import type { Block } from './block.js'
import { parseDataBlock } from './files.js'
import type { TableFiles, TableHandle } from './files.js'
import { openParts, requireAll } from './open.js'
import type { TableParts } from './open.js'
import { chunkEnd } from './stream.js'
import { BlockWalk } from './walk.js'

export interface TableVerdict {
  entries: number
  damage: { offset: number; bytes: number; reason: string }[]
}

/** Reads and checks all of the table. Damage is told, never thrown; an I/O error rejects. */
export async function verifyTable(files: TableFiles, handle: TableHandle): Promise<TableVerdict> {
  const { meta } = handle
  const damage: TableVerdict['damage'] = []
  let file: StorageFile | undefined
  try {
    file = await files.file(handle)
    const parts = await openParts(file, meta)
    const check = new Check(file, parts, meta, damage)
    await check.run()
    return { entries: check.counted.entries, damage }
  } catch (error) {
    const offset = damageOffset(error)
    damage.push({ offset, bytes: meta.sizeBytes - offset, reason: (error as Error).message })
    return { entries: 0, damage }
  } finally {
    await file?.close()
  }
}

/** Where the damage begins that an error tells; other errors pass through. */
function damageOffset(error: unknown): number {
  const known = error instanceof StoreError
  if (!known || (error.code !== 'CAIRN_CORRUPTION' && error.code !== 'CAIRN_FORMAT_VERSION'))
    throw error
  return error.offset ?? 0
}

/** One check of one table whose index could be read. */
class Check {
  readonly counted = {
    entries: 0,
    deletions: 0,
    keyBytes: 0,
    valueBytes: 0,
    smallestSequence: Infinity,
    largestSequence: 0,
  }
  readonly #walk = new BlockWalk()
  #smallest = new Uint8Array(0)
  /** Whether the walk stands on the last entry of the block before. */
  #follows = false

  constructor(
    readonly file: StorageFile,
    readonly parts: TableParts,
    readonly meta: TableMeta,
    readonly damage: TableVerdict['damage'],
  ) {}

  async run(): Promise<void> {
    const { index, footer, named } = this.parts
    for (let from = 0; from < index.count;) {
      const to = chunkEnd(index, from)
      const start = index.offsets[from]!
      const bytes = await this.#read(start, index.end(to - 1) - start)
      for (; from < to; from++) this.#checkData(from, bytes, start)
      await setImmediate()
    }
    const others = [...named.values(), footer.metaindex, footer.index]
    for (const handle of others) await this.#checkOther(handle)
    this.#checkLayout(others)
    await this.#checkFooter()
    // What was found says nothing about the sums when some of it could not be read.
    if (this.damage.length === 0) this.#checkSums()
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    requireAll(this.file, await this.file.read(bytes, offset), bytes, offset)
    return bytes
  }

  #report(offset: number, bytes: number, reason: string): void {
    this.damage.push({ offset, bytes, reason })
  }

  #checkData(ordinal: number, bytes: Uint8Array, start: number): void {
    const { index } = this.parts
    const offset = index.offsets[ordinal]!
    const size = index.sizes[ordinal]!
    let block: Block
    try {
      const contents = blockContents(bytes, offset - start, size, this.file.name, offset)
      block = parseDataBlock(contents, this.file.name, offset)
    } catch (error) {
      damageOffset(error)
      this.#follows = false
      return this.#report(offset, size + BLOCK_TRAILER_BYTES, (error as Error).message)
    }
    const reason = this.#checkEntries(ordinal, block)
    if (reason !== undefined) this.#report(offset, size + BLOCK_TRAILER_BYTES, reason)
  }

  /** Walks a block and counts; gives the first thing wrong with it. */
  #checkEntries(ordinal: number, block: Block): string | undefined {
    const walk = this.#walk
    const offset = this.parts.index.offsets[ordinal]!
    let wrong: string | undefined
    if (this.#follows && !walk.rises(block)) wrong = 'keys out of order'
    walk.enterFirst(block)
    this.#follows = true
    if (ordinal === 0) this.#smallest = walk.keyBytes.slice(0, walk.keyEnd + KEY_TRAILER_BYTES)
    if (ordinal > 0 && this.#order(ordinal - 1) <= 0) wrong ??= 'first key before its separator'
    for (;;) {
      const { filter } = this.parts
      if ((walk.low & 0xff) > KEY_TYPE_VALUE) wrong ??= 'unknown type of entry'
      if (filter?.mayContain(offset, walk.keyBytes, 0, walk.keyEnd) === false)
        wrong ??= 'filter denies a key'
      this.#count()
      if (walk.atLast) break
      if (!walk.rises(undefined)) wrong ??= 'keys out of order'
      walk.stepNext()
    }
    if (this.#order(ordinal) > 0) wrong ??= 'last key behind its separator'
    return wrong
  }

  /** Order of the walk's key against separator `ordinal`. */
  #order(ordinal: number): number {
    const { keys, ends } = this.parts.index
    const start = ordinal === 0 ? 0 : ends[ordinal - 1]!
    const { keyBytes, keyEnd } = this.#walk
    return compareInternal(keyBytes, 0, keyEnd + KEY_TRAILER_BYTES, keys, start, ends[ordinal]!)
  }

  #count(): void {
    const { counted } = this
    const { high, low, keyEnd, valueStart, valueEnd } = this.#walk
    const sequence = trailerSequence(high, low)
    counted.entries++
    if ((low & 0xff) === KEY_TYPE_DELETION) counted.deletions++
    counted.keyBytes += keyEnd
    counted.valueBytes += valueEnd - valueStart
    counted.smallestSequence = Math.min(counted.smallestSequence, sequence)
    counted.largestSequence = Math.max(counted.largestSequence, sequence)
  }

  async #checkOther({ offset, sizeBytes }: BlockHandle): Promise<void> {
    try {
      const footerStart = this.meta.sizeBytes - TABLE_FOOTER_BYTES
      if (offset + sizeBytes + BLOCK_TRAILER_BYTES > footerStart)
        return this.#report(offset, sizeBytes, 'block runs past the end')
      const bytes = await this.#read(offset, sizeBytes + BLOCK_TRAILER_BYTES)
      blockContents(bytes, 0, sizeBytes, this.file.name, offset)
    } catch (error) {
      damageOffset(error)
      this.#report(offset, sizeBytes + BLOCK_TRAILER_BYTES, (error as Error).message)
    }
  }

  /** All blocks lie back to back, from the start of the file to its footer. */
  #checkLayout(others: readonly BlockHandle[]): void {
    const { index } = this.parts
    let end = 0
    const follow = (offset: number, next: number): void => {
      if (offset > end) this.#report(end, offset - end, 'bytes that belong to no block')
      else if (offset < end) this.#report(offset, end - offset, 'blocks overlap')
      end = next
    }
    for (let i = 0; i < index.count; i++) follow(index.offsets[i]!, index.end(i))
    for (const { offset, sizeBytes } of others.toSorted((a, b) => a.offset - b.offset))
      follow(offset, offset + sizeBytes + BLOCK_TRAILER_BYTES)
    const footerStart = this.meta.sizeBytes - TABLE_FOOTER_BYTES
    follow(footerStart, this.meta.sizeBytes)
  }

  /** What the handles leave free in the footer is zero. */
  async #checkFooter(): Promise<void> {
    const { metaindex, index } = this.parts.footer
    const start = this.meta.sizeBytes - TABLE_FOOTER_BYTES
    const bytes = await this.#read(start, TABLE_HANDLES_BYTES)
    const scratch = new Uint8Array(TABLE_HANDLES_BYTES)
    const used = putHandle(scratch, putHandle(scratch, 0, metaindex), index)
    if (!scratch.every((byte, i) => byte === bytes[i]))
      this.#report(start, TABLE_HANDLES_BYTES, `footer padding not zero behind byte ${used}`)
  }

  #checkSums(): void {
    const { counted, meta } = this
    const { properties } = this.parts
    const end = meta.sizeBytes
    if (properties !== undefined && counted.entries > 0) {
      const names = Object.keys(counted) as (keyof TableProperties)[]
      for (const name of names)
        if (counted[name] !== properties[name])
          this.#report(0, end, `properties say ${name} ${properties[name]}, not ${counted[name]}`)
    }
    const walk = this.#walk
    this.#checkBound('smallest', this.#smallest, meta.smallest)
    const largest = walk.keyBytes.subarray(0, walk.keyEnd + KEY_TRAILER_BYTES)
    this.#checkBound('largest', largest, meta.largest)
  }

  #checkBound(what: string, found: Uint8Array, named: Uint8Array): void {
    // Repair looks at tables whose range nobody has told it.
    if (named.length < KEY_TRAILER_BYTES || Buffer.compare(found, named) === 0) return
    this.#report(0, this.meta.sizeBytes, `${what} key is not the one that the version names`)
  }
}
