/**
 * What makes a directory a journal or map store (CAIRN-STORE), and what a clean close leaves in
 * it (CAIRN-SEAL).
 *
 * Both bodies go without their own checksum, which the caller appends: the masked CRC-32C of
 * these bytes. Decoding takes bytes whose checksum holds.
 * Format: docs/format/store.md
 */
import { FieldReader, FormatError, VersionError, putFixed32, putFixed64 } from './coding.js'

export const STORE_MAGIC = 'CAIRNSTO'
export const STORE_VERSION = 1
export const STORE_BYTES = 44
export const STORE_ID_BYTES = 16
export const STORE_KIND_JOURNAL = 1
export const STORE_KIND_MAP = 2
export const END_MAGIC = 'CAIRNEND'
export const END_VERSION = 1
export const END_BYTES = 76
export const END_TAG_BYTES = 16

export interface StoreIdentity {
  /** STORE_KIND_JOURNAL or STORE_KIND_MAP. */
  readonly kind: number
  readonly encrypted: boolean
  readonly storeId: Uint8Array
  /** Microseconds since 1970. */
  readonly createdAt: number
}

/** How a store ended when it was closed. */
export interface StoreEnd {
  readonly kind: number
  readonly storeId: Uint8Array
  /** Number and size of the newest segment; 0 where there is none. */
  readonly segment: number
  readonly segmentBytes: number
  readonly nextSequence: number
}

export function encodeIdentityBody(identity: StoreIdentity): Uint8Array {
  const bytes = new Uint8Array(STORE_BYTES - 4)
  bytes.set(Buffer.from(STORE_MAGIC, 'latin1'))
  let end = putFixed32(bytes, 8, STORE_VERSION)
  bytes[end++] = identity.kind
  bytes[end++] = identity.encrypted ? 1 : 0
  end += 2
  bytes.set(identity.storeId, end)
  putFixed64(bytes, end + STORE_ID_BYTES, identity.createdAt)
  return bytes
}

/** VersionError for a newer version; FormatError for what none wrote. */
export function decodeIdentityBody(bytes: Uint8Array): StoreIdentity {
  const reader = expectMagic(bytes, STORE_MAGIC)
  const version = reader.fixed32()
  if (version !== STORE_VERSION) throw new VersionError(`version ${version} of stores`, 8)
  const kind = reader.uint8()
  const encrypted = reader.uint8()
  if (encrypted > 1) throw new FormatError('neither encrypted nor plain', 13)
  reader.offset += 2
  const storeId = readId(reader)
  const identity = { kind, encrypted: encrypted === 1, storeId, createdAt: reader.fixed64() }
  if (!reader.atEnd) throw new FormatError('bytes behind the identity', reader.offset)
  return identity
}

/** All but the tag, which covers these bytes, and the checksum behind it. */
export function encodeEndBody(ending: StoreEnd): Uint8Array {
  const bytes = new Uint8Array(END_BYTES - END_TAG_BYTES - 4)
  bytes.set(Buffer.from(END_MAGIC, 'latin1'))
  let end = putFixed32(bytes, 8, END_VERSION)
  end = putFixed32(bytes, end, ending.kind)
  bytes.set(ending.storeId, end)
  end = putFixed64(bytes, end + STORE_ID_BYTES, ending.segment)
  end = putFixed64(bytes, end, ending.segmentBytes)
  putFixed64(bytes, end, ending.nextSequence)
  return bytes
}

export function decodeEndBody(bytes: Uint8Array): StoreEnd {
  const reader = expectMagic(bytes, END_MAGIC)
  if (reader.fixed32() !== END_VERSION) throw new VersionError('another version of the seal', 8)
  const kind = reader.fixed32()
  const storeId = readId(reader)
  const [segment, segmentBytes] = [reader.fixed64(), reader.fixed64()]
  const ending = { kind, storeId, segment, segmentBytes, nextSequence: reader.fixed64() }
  if (!reader.atEnd) throw new FormatError('bytes behind the seal', reader.offset)
  return ending
}

function expectMagic(bytes: Uint8Array, magic: string): FieldReader {
  const found = Buffer.from(bytes.subarray(0, magic.length)).toString('latin1')
  if (found !== magic) throw new FormatError(`not ${magic}`, 0)
  return new FieldReader(bytes, magic.length)
}

function readId(reader: FieldReader): Uint8Array {
  const start = reader.offset
  if (reader.end - start < STORE_ID_BYTES) throw new FormatError('store id cut short', start)
  reader.offset += STORE_ID_BYTES
  return reader.bytes.slice(start, reader.offset)
}
