/**
 * The footer of a table, block handles, and the properties that cairndb adds.
 * Format: docs/format/table.md
 */
import { FieldReader, FormatError, fixed32, putFixed32, putVarint } from './coding.js'

export const TABLE_FOOTER_BYTES = 48
export const TABLE_HANDLES_BYTES = 40
export const TABLE_MAGIC_LOW = 0x8b80fb57
export const TABLE_MAGIC_HIGH = 0xdb477524
export const TABLE_PROPERTIES_NAME = 'cairn.properties'
export const TABLE_PROPERTIES_VERSION = 1
export const TABLE_MAX_BYTES = 2 * 1024 * 1024

/** Where a block lies; `sizeBytes` excludes the block's trailer. */
export interface BlockHandle {
  readonly offset: number
  readonly sizeBytes: number
}

export interface TableFooter {
  readonly metaindex: BlockHandle
  readonly index: BlockHandle
}

/** What a table holds, told by its `cairn.properties` block. */
export interface TableProperties {
  readonly entries: number
  readonly deletions: number
  /** Bytes of user keys, and of values, uncompressed. */
  readonly keyBytes: number
  readonly valueBytes: number
  readonly smallestSequence: number
  readonly largestSequence: number
}

export function putHandle(bytes: Uint8Array, offset: number, handle: BlockHandle): number {
  return putVarint(bytes, putVarint(bytes, offset, handle.offset), handle.sizeBytes)
}

export function encodeHandle(handle: BlockHandle): Uint8Array {
  const bytes = new Uint8Array(20)
  return bytes.slice(0, putHandle(bytes, 0, handle))
}

export function readHandle(reader: FieldReader): BlockHandle {
  return { offset: reader.varint64(), sizeBytes: reader.varint64() }
}

export function encodeFooter(footer: TableFooter): Uint8Array {
  const bytes = new Uint8Array(TABLE_FOOTER_BYTES)
  putHandle(bytes, putHandle(bytes, 0, footer.metaindex), footer.index)
  putFixed32(bytes, TABLE_HANDLES_BYTES, TABLE_MAGIC_LOW)
  putFixed32(bytes, TABLE_HANDLES_BYTES + 4, TABLE_MAGIC_HIGH)
  return bytes
}

/** Throws FormatError when the magic or a handle is wrong. */
export function decodeFooter(bytes: Uint8Array): TableFooter {
  if (bytes.length !== TABLE_FOOTER_BYTES) throw new FormatError('footer cut short', 0)
  const low = fixed32(bytes, TABLE_HANDLES_BYTES)
  const high = fixed32(bytes, TABLE_HANDLES_BYTES + 4)
  if (low !== TABLE_MAGIC_LOW || high !== TABLE_MAGIC_HIGH)
    throw new FormatError('not a table: wrong magic', TABLE_HANDLES_BYTES)
  const reader = new FieldReader(bytes, 0, TABLE_HANDLES_BYTES)
  return { metaindex: readHandle(reader), index: readHandle(reader) }
}

export function encodeProperties(properties: TableProperties): Uint8Array {
  const bytes = new Uint8Array(64)
  let end = putVarint(bytes, 0, TABLE_PROPERTIES_VERSION)
  end = putVarint(bytes, end, properties.entries)
  end = putVarint(bytes, end, properties.deletions)
  end = putVarint(bytes, end, properties.keyBytes)
  end = putVarint(bytes, end, properties.valueBytes)
  end = putVarint(bytes, end, properties.smallestSequence)
  end = putVarint(bytes, end, properties.largestSequence)
  return bytes.slice(0, end)
}

/** Undefined for a version that this reader does not know; FormatError for bad bytes. */
export function decodeProperties(bytes: Uint8Array): TableProperties | undefined {
  const reader = new FieldReader(bytes)
  if (reader.varint32() !== TABLE_PROPERTIES_VERSION) return undefined
  const properties = {
    entries: reader.varint64(),
    deletions: reader.varint64(),
    keyBytes: reader.varint64(),
    valueBytes: reader.varint64(),
    smallestSequence: reader.varint64(),
    largestSequence: reader.varint64(),
  }
  if (!reader.atEnd) throw new FormatError('bytes behind the properties', reader.offset)
  return properties
}
