/**
 * Pages of a scan, decoded: columns of bytes become strings, Buffers and views, row by row as
 * they are asked for.
 *
 * Text: when every byte of a page decodes to one character, the page is decoded once and rows
 * are substrings of it, which V8 keeps as references: a kept string of 13 characters or more
 * pins its page's text. Bytes: rows are views of the page, which belongs to them alone from then
 * on: a kept row pins its page. A page takes at most `highWaterMarkBytes` (64 KiB by default) or
 * one entry, and beyond 8 KiB is never more than twice as large as what is in it.
 */
import { BufferView } from '../../lsm/reads.js'
import type { Page } from '../../plane.js'

/** How abstract-level wants a key or value. */
export type Format = 'utf8' | 'buffer' | 'view'

/** The formats of the columns; absent: not asked for, and not in the page. */
export interface Columns {
  readonly key?: Format
  readonly value?: Format
}

export type Datum = string | Uint8Array | undefined
export type Entry = [key: Datum, value: Datum]

/** Rows keep a page in so much memory, as the pool of Buffers has, however empty it is. */
const KEEP_BYTES = 8 * 1024

const NO_ENDS = new Uint32Array(0)
const NO_BYTES: Buffer = Buffer.alloc(0)

/** The rows of one page at a time. Rows are T. */
export abstract class Rows<T> {
  /** Rows that are not taken yet. */
  left = 0
  protected readonly columns: Columns
  protected ends: Uint32Array = NO_ENDS
  /** Of the next row: its place in `ends`, and where its bytes begin. */
  protected index = 0
  protected start = 0
  readonly #areViews: boolean
  #bytes = NO_BYTES
  #memory = NO_BYTES.buffer
  #offset = 0
  /** The whole page as text, if each byte is one character. */
  #text: string | undefined

  constructor(columns: Columns) {
    this.columns = columns
    this.#areViews = isBytes(columns.key) || isBytes(columns.value)
  }

  /** Takes the next row; only when some are left. */
  abstract take(): T

  /**
   * Turns to the page's rows. Gives whether they may keep its bytes, so that these must not be
   * filled again; if not, they may be once all rows are taken.
   */
  open({ bytes, ends }: Page, count: number): boolean {
    const end = ends[2 * count - 1]!
    this.left = count
    this.ends = ends
    this.index = 0
    this.start = 0
    // A page that is mostly empty is not worth keeping alive.
    const held = bytes.buffer.byteLength
    const keeps = 2 * end >= held || held <= KEEP_BYTES
    this.#bytes =
      this.#areViews && !keeps
        ? Buffer.from(bytes.subarray(0, end))
        : new BufferView(bytes.buffer, bytes.byteOffset, end)
    this.#memory = this.#bytes.buffer
    this.#offset = this.#bytes.byteOffset
    this.#text = undefined
    if (this.#areViews) return keeps
    if (count > 1) {
      // No UTF-8, well-formed or not, decodes to more characters than bytes. As many means one
      // for each byte, so that byte offsets are offsets of characters.
      const text = this.#bytes.toString('utf8', 0, end)
      if (text.length === end) this.#text = text
    }
    return false
  }

  /** Drops what is left, and the page. */
  clear(): void {
    this.left = 0
    this.#bytes = NO_BYTES
    this.#memory = NO_BYTES.buffer
    this.#text = undefined
  }

  protected read(format: Format | undefined, start: number, end: number): Datum {
    if (format === 'buffer') return new BufferView(this.#memory, this.#offset + start, end - start)
    if (format === 'utf8')
      return this.#text === undefined
        ? this.#bytes.toString('utf8', start, end)
        : this.#text.substring(start, end)
    if (format === undefined) return undefined
    return new Uint8Array(this.#memory, this.#offset + start, end - start)
  }
}

/** Both columns; undefined in place of one that was not asked for. */
export class EntryRows extends Rows<Entry> {
  take(): Entry {
    const { ends, index, start, columns } = this
    const middle = ends[index]!
    const end = ends[index + 1]!
    this.index = index + 2
    this.start = end
    this.left--
    return [this.read(columns.key, start, middle), this.read(columns.value, middle, end)]
  }
}

/** The only column. */
export class ColumnRows extends Rows<Datum> {
  readonly #format = this.columns.key ?? this.columns.value

  take(): Datum {
    const { index, start } = this
    const end = this.ends[index + 1]!
    this.index = index + 2
    this.start = end
    this.left--
    return this.read(this.#format, start, end)
  }
}

function isBytes(format: Format | undefined): boolean {
  return format === 'buffer' || format === 'view'
}
