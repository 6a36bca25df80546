/**
 * The header of a segment or snapshot: who the file belongs to, which sequences it covers, what
 * its checksums and its keys begin with.
 *
 * Decoding takes bytes whose frame holds and refuses what no version wrote; whether the file
 * belongs here is the caller's decision.
 * Format: docs/format/segment.md
 */
import { FieldReader, FormatError, VersionError, putFixed32, putFixed64 } from './coding.js'
import { STORE_ID_BYTES } from './store.js'

export const SEGMENT_MAGIC = 'CAIRNSEG'
export const SNAPSHOT_MAGIC = 'CAIRNSNP'
export const SEGMENT_VERSION = 1
export const SEGMENT_HEADER_BYTES = 140
export const SEGMENT_SALT_BYTES = 32
export const SEGMENT_TAG_BYTES = 16
/** Where the part of the header begins and ends that every group's associated data repeat. */
export const SEGMENT_BOUND_START = 8
export const SEGMENT_BOUND_END = 40
/** The first segment of an opening: every older byte had been synced before. */
export const SEGMENT_OPENED = 1
/** Acknowledgements may precede syncs. */
export const SEGMENT_UNSYNCED = 2
/** Complete by construction, and with holes in its sequences. */
export const SEGMENT_REWRITTEN = 4
/** Sequences and times (microseconds) stay below 2^52, so that differences are exact. */
export const SEGMENT_SEQUENCE_MAX = 2 ** 52 - 1
/** How far a header reserves sequences beyond its own first. */
export const SEGMENT_RESERVED = 2 ** 20

export interface SegmentHeader {
  readonly isSnapshot: boolean
  readonly storeKind: number
  /** 0 none, else what docs/format/cipher.md numbers. */
  readonly cipher: number
  readonly flags: number
  readonly storeId: Uint8Array
  readonly number: number
  /** Of the segment before it in the chain, or of a snapshot's base; 0 for none. */
  readonly previousNumber: number
  readonly firstSequence: number
  /** The last one before this file. */
  readonly previousSequence: number
  /** Of a rewritten segment or a snapshot the last one that it covers; else 0. */
  readonly lastSequence: number
  /** Sequences below may have been handed out before another header was durable. */
  readonly reservedSequence: number
  /** Microseconds since 1970. */
  readonly createdAt: number
  /** Which of the store's keys; 0 where nothing is encrypted. */
  readonly keyId: number
  readonly salt: Uint8Array
}

/** Writes all but the tag, which stays zeros: it covers the bytes before it. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
  bytes.set(Buffer.from(header.isSnapshot ? SNAPSHOT_MAGIC : SEGMENT_MAGIC, 'latin1'))
  let end = putFixed32(bytes, 8, SEGMENT_VERSION)
  bytes[end++] = header.storeKind
  bytes[end++] = header.cipher
  bytes[end++] = 0
  bytes[end++] = header.flags
  bytes.set(header.storeId, end)
  end += STORE_ID_BYTES
  for (const number of [
    ...[header.number, header.previousNumber, header.firstSequence, header.previousSequence],
    ...[header.lastSequence, header.reservedSequence, header.createdAt],
  ])
    end = putFixed64(bytes, end, number)
  end = putFixed32(bytes, end, header.keyId)
  bytes.set(header.salt, end)
  return bytes
}

/** The bytes of an encoded header that its tag covers. */
export function taggedPart(header: Uint8Array): Uint8Array {
  return header.subarray(0, SEGMENT_HEADER_BYTES - SEGMENT_TAG_BYTES)
}

/** Views, not copies, of store id and salt. VersionError for a newer one, FormatError else. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader {
  const magic = Buffer.from(bytes.subarray(0, 8)).toString('latin1')
  if (magic !== SEGMENT_MAGIC && magic !== SNAPSHOT_MAGIC)
    throw new FormatError('not the header of a segment or snapshot', 0)
  const reader = new FieldReader(bytes, 8)
  const version = reader.fixed32()
  if (version !== SEGMENT_VERSION) throw new VersionError(`version ${version} of segments`, 8)
  if (bytes.length !== SEGMENT_HEADER_BYTES) throw new FormatError('a header of another size', 8)
  const [storeKind, cipher] = [reader.uint8(), reader.uint8()]
  if (reader.uint8() !== 0) throw new VersionError('compressed segments', 14)
  const flags = reader.uint8()
  if (flags > 7) throw new FormatError('unknown flags of a header', 15)
  reader.offset += STORE_ID_BYTES
  const header = {
    isSnapshot: magic === SNAPSHOT_MAGIC,
    storeKind,
    cipher,
    flags,
    storeId: bytes.subarray(16, 16 + STORE_ID_BYTES),
    number: reader.fixed64(),
    previousNumber: reader.fixed64(),
    firstSequence: reader.fixed64(),
    previousSequence: reader.fixed64(),
    lastSequence: reader.fixed64(),
    reservedSequence: reader.fixed64(),
    createdAt: reader.fixed64(),
    keyId: reader.fixed32(),
    salt: bytes.subarray(92, 92 + SEGMENT_SALT_BYTES),
  }
  const { firstSequence, previousSequence, lastSequence, reservedSequence } = header
  const most = Math.max(firstSequence, previousSequence, lastSequence, reservedSequence)
  if (firstSequence < 1 || most > SEGMENT_SEQUENCE_MAX + 1)
    throw new FormatError('a sequence out of range', 48)
  return header
}
