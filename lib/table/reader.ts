/**
 * A table behind the seam: look-ups by user key, and the makers of its cursors.
 *
 * A look-up goes from the index to the one block that may hold the key, past the filter, and
 * answers COLD where it would have to read and may not.
 * Format: docs/format/table.md
 * Twin: native/table/reader.h
 */
import type { TableMeta } from '../format/edit.js'
import type { TableProperties } from '../format/table.js'
import { ABSENT, COLD } from '../plane.js'
import type { MergeDamage, Table } from '../plane.js'
import type { Block } from './block.js'
import { TableCursor } from './cursor.js'
import type { OpenTable, TableFiles, TableHandle } from './files.js'
import { TableStream } from './stream.js'
import { verifyTable } from './verify.js'
import type { TableVerdict } from './verify.js'
import { BlockWalk } from './walk.js'

/** Where a look-up found its entry; reused by its owner. The bytes never change, and stay valid
 * for as long as they are held, also when their block leaves the cache. */
export interface TableHit {
  high: number
  low: number
  valueBytes: Uint8Array
  valueStart: number
  valueEnd: number
}

/** Serves every look-up: none of them waits while it uses it. */
const probe = new BlockWalk()

export class TypescriptTable implements Table, TableHandle {
  readonly kind = 'table'
  open: OpenTable | undefined
  opening: Promise<OpenTable> | undefined
  waiters = 0
  closed = false

  constructor(
    readonly files: TableFiles,
    readonly meta: TableMeta,
  ) {}

  /**
   * The newest entry of user key `key` with a trailer of at most (high, low): fills `hit` and
   * gives its type, KEY_TYPE_DELETION or KEY_TYPE_VALUE. ABSENT when there is none; COLD, and
   * `hit` unchanged, when file or block is not in memory, unless `wait` allows to read now.
   */
  find(
    key: Uint8Array,
    high: number,
    low: number,
    hit: TableHit,
    wait: boolean,
    fillCache: boolean,
  ): number {
    let open = this.files.opened(this)
    if (open === undefined) {
      if (!wait) return COLD
      open = this.files.openSync(this)
    }
    const ordinal = ordinalFor(open, key, high, low)
    if (ordinal < 0) return ABSENT
    let block = open.blocks[ordinal]
    if (block !== undefined) block.referenced = true
    else if (wait) block = open.loadSync(ordinal, fillCache)
    else return COLD
    return findIn(block, key, high, low, hit)
  }

  /** The same, reading asynchronously where it must; never COLD. */
  async findCold(
    key: Uint8Array,
    high: number,
    low: number,
    hit: TableHit,
    fillCache: boolean,
  ): Promise<number> {
    const open = await this.files.acquire(this)
    try {
      const ordinal = ordinalFor(open, key, high, low)
      if (ordinal < 0) return ABSENT
      const block = open.blocks[ordinal] ?? (await open.load(ordinal, fillCache))
      block.referenced = true
      return findIn(block, key, high, low, hit)
    } finally {
      this.files.release(open)
    }
  }

  /** For scans: both directions, through the block cache. */
  cursor(fillCache: boolean): TableCursor {
    return new TableCursor(this.files, this, fillCache)
  }

  /** For merges: forward only, reading ahead, past the block cache; `onDamage` as in MergeJob. */
  stream(onDamage?: (damage: MergeDamage) => void): TableStream {
    return new TableStream(this.files, this, onDamage)
  }

  async properties(): Promise<TableProperties | undefined> {
    if (this.meta.properties !== undefined) return this.meta.properties
    const open = await this.files.acquire(this)
    this.files.release(open)
    return open.parts.properties
  }

  verify(): Promise<TableVerdict> {
    return verifyTable(this.files, this)
  }

  async offsetOf(key: Uint8Array): Promise<number> {
    // The caller's bytes may change while the table is opened.
    key = Uint8Array.prototype.slice.call(key)
    const open = await this.files.acquire(this)
    this.files.release(open)
    const { index, footer } = open.parts
    const ordinal = index.seek(key, 0xffffffff, 0xffffffff)
    return ordinal < index.count ? index.offsets[ordinal]! : footer.metaindex.offset
  }

  close(): void {
    this.closed = true
    if (this.open !== undefined) this.files.drop(this.open)
  }
}

/** The block that may hold the key; -1 when none can. */
function ordinalFor(open: OpenTable, key: Uint8Array, high: number, low: number): number {
  const { index, filter } = open.parts
  const ordinal = index.seek(key, high, low)
  if (ordinal === index.count) return -1
  const offset = index.offsets[ordinal]!
  return filter !== undefined && !filter.mayContain(offset, key, 0, key.length) ? -1 : ordinal
}

function findIn(block: Block, key: Uint8Array, high: number, low: number, hit: TableHit): number {
  if (!probe.enterAt(block, key, high, low) || !probe.found) return ABSENT
  hit.high = probe.high
  hit.low = probe.low
  hit.valueBytes = probe.valueBytes
  hit.valueStart = probe.valueStart
  hit.valueEnd = probe.valueEnd
  return probe.low & 0xff
}
