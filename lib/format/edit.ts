/**
 * Version edits: the records of a MANIFEST, each a change to the set of live files.
 * Format: docs/format/manifest.md
 */
import { FieldReader, FormatError, putVarint } from './coding.js'
import { KEY_TRAILER_BYTES, KEY_TYPE_VALUE, typeOf } from './key.js'
import type { TableProperties } from './table.js'

export const EDIT_TAG_COMPARATOR = 1
export const EDIT_TAG_LOG_NUMBER = 2
export const EDIT_TAG_NEXT_FILE_NUMBER = 3
export const EDIT_TAG_LAST_SEQUENCE = 4
export const EDIT_TAG_COMPACT_POINTER = 5
export const EDIT_TAG_DELETED_FILE = 6
export const EDIT_TAG_NEW_FILE = 7
export const EDIT_TAG_PREVIOUS_LOG_NUMBER = 9
export const EDIT_LEVELS = 7

/** A live table. Keys are internal keys. */
export interface TableMeta {
  readonly number: number
  readonly sizeBytes: number
  readonly smallest: Uint8Array
  readonly largest: Uint8Array
  /** Known for tables that cairndb wrote; never stored in the MANIFEST. */
  readonly properties?: TableProperties
}

/** Absent fields leave what stood before. */
export interface VersionEdit {
  readonly comparator?: string
  readonly logNumber?: number
  readonly previousLogNumber?: number
  readonly nextFileNumber?: number
  readonly lastSequence?: number
  readonly compactPointers?: readonly { level: number; key: Uint8Array }[]
  readonly deleted?: readonly { level: number; number: number }[]
  readonly added?: readonly { level: number; table: TableMeta }[]
}

class FieldWriter {
  #bytes = Buffer.allocUnsafe(256)
  #end = 0

  number(value: number): this {
    this.#room(10)
    this.#end = putVarint(this.#bytes, this.#end, value)
    return this
  }

  slice(value: Uint8Array): this {
    this.number(value.length)
    this.#room(value.length)
    this.#bytes.set(value, this.#end)
    this.#end += value.length
    return this
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#end))
  }

  #room(more: number): void {
    if (this.#end + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#end + more, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}

/** Encodes in LevelDB's order: 1, 2, 9, 3, 4, 5, 6, 7. */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const out = new FieldWriter()
  if (edit.comparator !== undefined)
    out.number(EDIT_TAG_COMPARATOR).slice(Buffer.from(edit.comparator))
  if (edit.logNumber !== undefined) out.number(EDIT_TAG_LOG_NUMBER).number(edit.logNumber)
  if (edit.previousLogNumber !== undefined)
    out.number(EDIT_TAG_PREVIOUS_LOG_NUMBER).number(edit.previousLogNumber)
  if (edit.nextFileNumber !== undefined)
    out.number(EDIT_TAG_NEXT_FILE_NUMBER).number(edit.nextFileNumber)
  if (edit.lastSequence !== undefined) out.number(EDIT_TAG_LAST_SEQUENCE).number(edit.lastSequence)
  for (const { level, key } of edit.compactPointers ?? [])
    out.number(EDIT_TAG_COMPACT_POINTER).number(level).slice(key)
  for (const { level, number } of edit.deleted ?? [])
    out.number(EDIT_TAG_DELETED_FILE).number(level).number(number)
  for (const { level, table } of edit.added ?? [])
    out
      .number(EDIT_TAG_NEW_FILE)
      .number(level)
      .number(table.number)
      .number(table.sizeBytes)
      .slice(table.smallest)
      .slice(table.largest)
  return out.finish()
}

/** Accepts any order, the last value of a field wins; throws FormatError on bad bytes. */
export function decodeEdit(bytes: Uint8Array): VersionEdit {
  const reader = new FieldReader(bytes)
  const edit: { -readonly [K in keyof VersionEdit]: VersionEdit[K] } = {}
  const compactPointers: { level: number; key: Uint8Array }[] = []
  const deleted: { level: number; number: number }[] = []
  const added: { level: number; table: TableMeta }[] = []
  while (!reader.atEnd) {
    const at = reader.offset
    const tag = reader.varint32()
    if (tag === EDIT_TAG_COMPARATOR) edit.comparator = Buffer.from(reader.slice()).toString()
    else if (tag === EDIT_TAG_LOG_NUMBER) edit.logNumber = reader.varint64()
    else if (tag === EDIT_TAG_PREVIOUS_LOG_NUMBER) edit.previousLogNumber = reader.varint64()
    else if (tag === EDIT_TAG_NEXT_FILE_NUMBER) edit.nextFileNumber = reader.varint64()
    else if (tag === EDIT_TAG_LAST_SEQUENCE) edit.lastSequence = reader.varint64()
    else if (tag === EDIT_TAG_COMPACT_POINTER)
      compactPointers.push({ level: levelField(reader), key: keyField(reader) })
    else if (tag === EDIT_TAG_DELETED_FILE)
      deleted.push({ level: levelField(reader), number: reader.varint64() })
    else if (tag === EDIT_TAG_NEW_FILE)
      added.push({ level: levelField(reader), table: tableField(reader) })
    else throw new FormatError(`unknown tag ${tag}`, at)
  }
  if (compactPointers.length > 0) edit.compactPointers = compactPointers
  if (deleted.length > 0) edit.deleted = deleted
  if (added.length > 0) edit.added = added
  return edit
}

function levelField(reader: FieldReader): number {
  const at = reader.offset
  const level = reader.varint32()
  if (level >= EDIT_LEVELS) throw new FormatError(`level ${level} out of range`, at)
  return level
}

function keyField(reader: FieldReader): Uint8Array {
  const at = reader.offset
  const key = reader.slice()
  if (key.length < KEY_TRAILER_BYTES) throw new FormatError('internal key is too short', at)
  if (typeOf(key) > KEY_TYPE_VALUE) throw new FormatError('unknown key type', at)
  return new Uint8Array(key)
}

function tableField(reader: FieldReader): TableMeta {
  return {
    number: reader.varint64(),
    sizeBytes: reader.varint64(),
    smallest: keyField(reader),
    largest: keyField(reader),
  }
}
