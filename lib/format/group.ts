/**
 * Groups: the records of one or more callers that were written together, and the seal that ends
 * a finished file.
 *
 * A group is whole or absent. Decoding takes bytes whose frame, and tag where there is one, hold;
 * every length is held against what is left before it is used.
 * Format: docs/format/segment.md
 */
import { FieldReader, FormatError, putFixed32, putFixed64, putVarint } from './coding.js'
import { SEGMENT_BOUND_END, SEGMENT_BOUND_START, SEGMENT_SEQUENCE_MAX } from './segment.js'

export const GROUP_HEAD_BYTES = 25
/** Each record has a sequence and a time of its own. */
export const GROUP_SPARSE = 1
/** No group: the end of a finished file. */
export const GROUP_SEAL = 2
export const GROUP_SEAL_BYTES = 16
export const GROUP_CONTEXT_BYTES = 61
/** A record's payload, and all that one group holds. */
export const RECORD_MAX_BYTES = 64 * 1024 * 1024
/** A map's records have a key beside such a value. */
export const GROUP_RECORD_MAX_BYTES = RECORD_MAX_BYTES + 128 * 1024
export const GROUP_MAX_BYTES = 256 * 1024 * 1024

export interface GroupHead {
  /** Of the first record; of a sparse group what differences begin with; of a seal the next. */
  readonly firstSequence: number
  readonly count: number
  readonly flags: number
  /** Counts groups and the seal of a file from 1: the nonce. */
  readonly index: number
  /** Microseconds since 1970. */
  readonly time: number
}

export interface SegmentSeal {
  /** Records of the file. */
  readonly records: number
  /** Where the last of them ends, in bytes of the file. */
  readonly end: number
}

/** Writes the head at the beginning of `bytes`. */
export function putGroupHead(bytes: Uint8Array, head: GroupHead): void {
  putFixed64(bytes, 0, head.firstSequence)
  putFixed32(bytes, 8, head.count)
  bytes[12] = head.flags
  putFixed32(bytes, 13, head.index)
  putFixed64(bytes, 17, head.time)
}

/** FormatError for what no writer wrote. The body begins at GROUP_HEAD_BYTES. */
export function decodeGroupHead(bytes: Uint8Array): GroupHead {
  const reader = new FieldReader(bytes)
  const head = {
    firstSequence: reader.fixed64(),
    count: reader.fixed32(),
    flags: reader.uint8(),
    index: reader.fixed32(),
    time: reader.fixed64(),
  }
  const { firstSequence, count, flags } = head
  if (flags > GROUP_SEAL) throw new FormatError('unknown flags of a group', 12)
  if ((flags === GROUP_SEAL) !== (count === 0)) throw new FormatError('a group of no record', 8)
  const last = flags === GROUP_SPARSE ? firstSequence : firstSequence + count - 1
  if (firstSequence < 1 || last > SEGMENT_SEQUENCE_MAX || head.time > SEGMENT_SEQUENCE_MAX)
    throw new FormatError('a sequence or time out of range', 0)
  return head
}

/** What an encrypted group is bound to: its file, its head, its length. */
export function groupContext(header: Uint8Array, head: Uint8Array, plainBytes: number): Uint8Array {
  const bytes = new Uint8Array(GROUP_CONTEXT_BYTES)
  bytes.set(header.subarray(SEGMENT_BOUND_START, SEGMENT_BOUND_END))
  const at = SEGMENT_BOUND_END - SEGMENT_BOUND_START
  bytes.set(head.subarray(0, GROUP_HEAD_BYTES), at)
  putFixed32(bytes, at + GROUP_HEAD_BYTES, plainBytes)
  return bytes
}

/** Most bytes that a record takes in the body of a sparse group, beside its payload. */
export const GROUP_SPARSE_MOST_BYTES = 21

/** Writes what stands before a sparse record's payload; gives the offset behind it. */
export function putSparse(
  bytes: Uint8Array,
  offset: number,
  sequenceStep: number,
  timeStep: number,
  payloadBytes: number,
): number {
  offset = putVarint(bytes, offset, zigzag(sequenceStep))
  offset = putVarint(bytes, offset, zigzag(timeStep))
  return putVarint(bytes, offset, payloadBytes)
}

/** Goes through the records of a decoded group: no object for each. */
export class GroupReader {
  sequence: number
  time: number
  /** Where the payload begins and ends, in the body. */
  start = 0
  end = 0
  readonly #reader: FieldReader
  readonly #isSparse: boolean
  #left: number

  constructor(
    readonly head: GroupHead,
    readonly body: Uint8Array,
  ) {
    this.#reader = new FieldReader(body)
    this.#isSparse = head.flags === GROUP_SPARSE
    this.#left = head.count
    this.sequence = this.#isSparse ? head.firstSequence : head.firstSequence - 1
    this.time = head.time
  }

  /** Moves to the next record; false behind the last. FormatError where the body is none. */
  next(): boolean {
    const reader = this.#reader
    if (this.#left === 0) {
      if (!reader.atEnd) throw new FormatError('bytes behind the last record', reader.offset)
      return false
    }
    this.#left--
    if (this.#isSparse) this.#step()
    else this.sequence++
    const length = reader.varint32()
    if (length > GROUP_RECORD_MAX_BYTES || length > reader.end - reader.offset)
      throw new FormatError('a payload runs past the end', reader.offset)
    this.start = reader.offset
    this.end = reader.offset += length
    return true
  }

  #step(): void {
    const reader = this.#reader
    const at = reader.offset
    this.sequence += unzigzag(reader.varint64())
    this.time = this.head.time + unzigzag(reader.varint64())
    const most = Math.max(this.sequence, this.time)
    if (this.sequence < 1 || this.time < 0 || most > SEGMENT_SEQUENCE_MAX)
      throw new FormatError('a sequence or time out of range', at)
  }
}

/** FormatError unless every record of the body is whole and nothing is behind the last. */
export function checkGroup(head: GroupHead, body: Uint8Array): void {
  const reader = new GroupReader(head, body)
  while (reader.next());
}

export function encodeSeal(seal: SegmentSeal): Uint8Array {
  const bytes = new Uint8Array(GROUP_SEAL_BYTES)
  putFixed64(bytes, putFixed64(bytes, 0, seal.records), seal.end)
  return bytes
}

export function decodeSeal(body: Uint8Array): SegmentSeal {
  const reader = new FieldReader(body)
  const seal = { records: reader.fixed64(), end: reader.fixed64() }
  if (!reader.atEnd) throw new FormatError('bytes behind the seal', reader.offset)
  return seal
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
