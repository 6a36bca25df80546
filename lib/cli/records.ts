/**
 * Records out of a source: JSON lines, CSV and TSV, each with its line and where the next begins.
 *
 * With a key field, the record's key is that field and its value is the whole record as JSON: for
 * JSON lines the line as it stands, so that no number loses a digit. Without one, a record is a
 * pair `key`, `value` as `cairn dump` writes it.
 * Decides: what a wrong line is. Wrong lines are refused by number, never skipped.
 */
import { extname } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { CsvError, parse, type Info } from 'csv-parse'
import { usageError } from './failure.js'
import { lineError, type Source } from './source.js'
import { base64Object } from './text.js'

export type Format = 'jsonl' | 'csv' | 'tsv'
export const FORMATS: readonly Format[] = ['jsonl', 'csv', 'tsv']

/** One line may take this much: beyond it, the input is hardly lines. */
const LINE_MAX_BYTES = 256 * 1024 * 1024
const NEWLINE = 0x0a
const BYTE_ORDER_MARK = '\ufeff'

export interface SourceRecord {
  readonly key: string | Buffer
  readonly value: string | Buffer
  /** The line that it ends on, counted from 1. */
  readonly line: number
  /** Bytes of the source up to and including it. */
  readonly end: number
}

/** Where reading begins: the start, or where an earlier run stopped. */
export interface Position {
  readonly bytes: number
  readonly lines: number
  /** The heading of a CSV or TSV, known when its line lies before `bytes`. */
  readonly columns?: readonly string[]
}

/** Records in order; `columns` is set with the first one where the format has a heading. */
export interface RecordReader extends AsyncIterable<SourceRecord> {
  readonly columns?: readonly string[]
}

export function chooseFormat(file: string, named: Format | undefined): Format {
  if (named !== undefined) return named
  if (file === '-') return 'jsonl'
  const extension = extname(file).toLowerCase()
  if (['.jsonl', '.ndjson', '.json'].includes(extension)) return 'jsonl'
  if (extension === '.csv') return 'csv'
  if (extension === '.tsv' || extension === '.tab') return 'tsv'
  throw usageError(`'${file}' does not tell its format: name it with --format jsonl, csv or tsv`)
}

export function readRecords(
  source: Source,
  format: Format,
  keyField: string | undefined,
  from: Position,
): RecordReader {
  return format === 'jsonl'
    ? new LineReader(source, keyField, from)
    : new ColumnReader(source, format, keyField, from)
}

/** A key or a value out of parsed JSON. */
type Refuse = (message: string) => Error

class LineReader implements RecordReader {
  constructor(
    private readonly source: Source,
    private readonly keyField: string | undefined,
    private readonly from: Position,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord> {
    let { bytes: end, lines: line } = this.from
    let held: Buffer[] = []
    let heldBytes = 0
    for await (const chunk of this.source.chunks()) {
      let start = 0
      for (;;) {
        const newline = chunk.indexOf(NEWLINE, start)
        const piece = chunk.subarray(start, newline < 0 ? chunk.length : newline)
        if (heldBytes + piece.length > LINE_MAX_BYTES) {
          throw lineError(this.source.name, line + 1, `is longer than ${LINE_MAX_BYTES} bytes`)
        }
        if (newline < 0) {
          if (piece.length > 0) held.push(piece)
          heldBytes += piece.length
          break
        }
        const text = held.length === 0 ? piece : Buffer.concat([...held, piece])
        held = []
        heldBytes = 0
        start = newline + 1
        end += text.length + 1
        const record = this.#record(text, ++line, end)
        if (record !== undefined) yield record
      }
    }
    if (heldBytes === 0) return
    const record = this.#record(Buffer.concat(held), line + 1, end + heldBytes)
    if (record !== undefined) yield record
  }

  /** Undefined for a blank line. */
  #record(bytes: Buffer, line: number, end: number): SourceRecord | undefined {
    let text = bytes.toString('utf8')
    if (line === 1 && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1)
    text = text.trim()
    if (text === '') return undefined
    const refuse: Refuse = (message) => lineError(this.source.name, line, message)
    const parsed = parseObject(text, refuse)
    if (this.keyField !== undefined) {
      return { key: keyOf(parsed, this.keyField, refuse), value: text, line, end }
    }
    return { key: keyOf(parsed, 'key', refuse), value: valueOf(parsed, refuse), line, end }
  }
}

function parseObject(text: string, refuse: Refuse): object {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw refuse(`is not JSON (${(error as Error).message})`)
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  throw refuse('is not a JSON object')
}

function field(record: object, name: string, refuse: Refuse): unknown {
  if (Object.hasOwn(record, name)) return (record as Record<string, unknown>)[name]
  throw refuse(`has no field '${name}'`)
}

function keyOf(record: object, name: string, refuse: Refuse): string | Buffer {
  const key = field(record, name, refuse)
  if (typeof key === 'string' && key !== '') return key
  if (typeof key === 'number') {
    // Beyond this the parser has already rounded it, and two keys may have become one.
    if (Math.abs(key) <= Number.MAX_SAFE_INTEGER) return String(key)
    throw refuse(`field '${name}' is a number too large to be exact: write it as a string`)
  }
  const bytes = base64Object(key)
  if (bytes !== undefined) return bytes
  throw refuse(`field '${name}' must be a non-empty string or a number to be a key`)
}

function valueOf(record: object, refuse: Refuse): string | Buffer {
  const value = field(record, 'value', refuse)
  if (typeof value === 'string') return value
  return base64Object(value) ?? JSON.stringify(value)
}

class ColumnReader implements RecordReader {
  columns: readonly string[]

  constructor(
    private readonly source: Source,
    private readonly format: 'csv' | 'tsv',
    private readonly keyField: string | undefined,
    private readonly from: Position,
  ) {
    this.columns = from.columns ?? []
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord> {
    const parser = parse({
      bom: this.from.bytes === 0,
      delimiter: this.format === 'csv' ? ',' : '\t',
      quote: this.format === 'csv' ? '"' : false,
      record_delimiter: ['\r\n', '\n'],
      skip_empty_lines: true,
      // Counted against the heading here: a continued run has not seen it.
      relax_column_count: true,
      max_record_size: LINE_MAX_BYTES,
      info: true,
    })
    // A failure of the source destroys the parser and is thrown by the loop.
    pipeline(Readable.from(this.source.chunks()), parser, () => {})
    try {
      for await (const row of parser as AsyncIterable<{ record: string[]; info: Info }>) {
        const line = this.from.lines + row.info.lines
        if (this.columns.length === 0) this.columns = this.#heading(row.record, line)
        else yield this.#record(row.record, line, this.from.bytes + row.info.bytes)
      }
    } catch (error) {
      if (!(error instanceof CsvError)) throw error
      const line = this.from.lines + Number(error['lines'] ?? 0)
      const reason = error.message.replace(/,? (at|on) line \d+/, '')
      throw lineError(this.source.name, line, reason)
    }
  }

  #heading(columns: readonly string[], line: number): readonly string[] {
    const refuse: Refuse = (message) => lineError(this.source.name, line, message)
    const twice = columns.find((name, at) => columns.indexOf(name) !== at)
    if (twice !== undefined) throw refuse(`the heading names '${twice}' twice`)
    for (const name of this.keyField === undefined ? ['key', 'value'] : [this.keyField]) {
      if (!columns.includes(name)) throw refuse(`the heading has no column '${name}'`)
    }
    return columns
  }

  #record(row: readonly string[], line: number, end: number): SourceRecord {
    const { columns } = this
    if (row.length !== columns.length) {
      const message = `has ${row.length} fields where the heading has ${columns.length}`
      throw lineError(this.source.name, line, message)
    }
    const key = row[columns.indexOf(this.keyField ?? 'key')]!
    if (key === '') throw lineError(this.source.name, line, 'has an empty key')
    if (this.keyField === undefined) {
      return { key, value: row[columns.indexOf('value')]!, line, end }
    }
    // Written out by hand: a column may be called __proto__.
    const fields = columns.map((name, at) => `${JSON.stringify(name)}:${JSON.stringify(row[at])}`)
    return { key, value: `{${fields.join(',')}}`, line, end }
  }
}
