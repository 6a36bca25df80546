/**
 * Pages of a scan, decoded: columns of bytes become strings, Buffers and views.
 *
 * Text: when every byte of a page decodes to one character, the page is decoded once and rows
 * are substrings of it, which V8 keeps as references: a kept string of 13 characters or more
 * pins its page's text. Bytes: rows are views of the page, which belongs to them alone from then
 * on: a kept row pins its page. A page takes at most `highWaterMarkBytes` (16 KiB by default) or
 * one entry, and is never more than twice as large as what is in it.
 */
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

/** Appends the page's entries; gives whether they keep the page. */
export function decodeEntries(page: Page, count: number, columns: Columns, into: Entry[]): boolean {
  const reader = new PageReader(page, count, columns)
  const { ends } = page
  let start = 0
  for (let i = 0; i < 2 * count; i += 2) {
    const middle = ends[i]!
    const end = ends[i + 1]!
    const key = reader.read(columns.key, start, middle)
    into.push([key, reader.read(columns.value, middle, end)])
    start = end
  }
  return reader.keeps
}

/** Appends the page's only column; gives whether its data keep the page. */
export function decodeColumn(page: Page, count: number, columns: Columns, into: Datum[]): boolean {
  const reader = new PageReader(page, count, columns)
  const format = columns.key ?? columns.value
  const { ends } = page
  let start = 0
  for (let i = 1; i < 2 * count; i += 2) {
    const end = ends[i]!
    into.push(reader.read(format, start, end))
    start = end
  }
  return reader.keeps
}

class PageReader {
  /** Whether what `read` gives may be views of the page. */
  readonly keeps: boolean
  readonly #bytes: Buffer
  /** The whole page as text, if each byte is one character. */
  readonly #text: string | undefined

  constructor({ bytes, ends }: Page, count: number, columns: Columns) {
    const end = ends[2 * count - 1]!
    const views = isBytes(columns.key) || isBytes(columns.value)
    // A page that is mostly empty is not worth keeping alive.
    this.keeps = views && 2 * end >= bytes.buffer.byteLength
    this.#bytes =
      views && !this.keeps
        ? Buffer.from(bytes.subarray(0, end))
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (!views && count > 1) {
      // No UTF-8, well-formed or not, decodes to more characters than bytes. As many means one
      // for each byte, so that byte offsets are offsets of characters.
      const text = this.#bytes.toString('utf8', 0, end)
      if (text.length === end) this.#text = text
    }
  }

  read(format: Format | undefined, start: number, end: number): Datum {
    if (format === undefined) return undefined
    if (format === 'buffer') return this.#bytes.subarray(start, end)
    if (format === 'view') {
      const { buffer, byteOffset } = this.#bytes
      return new Uint8Array(buffer, byteOffset + start, end - start)
    }
    if (this.#text !== undefined) return this.#text.substring(start, end)
    return this.#bytes.toString('utf8', start, end)
  }
}

function isBytes(format: Format | undefined): boolean {
  return format === 'buffer' || format === 'view'
}
