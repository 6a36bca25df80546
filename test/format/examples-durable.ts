/**
 * The worked examples of segment.md and store.md, held to the codecs.
 */
import type { Test } from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { markBatch } from '../../lib/format/batch.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { fixed32 } from '../../lib/format/coding.js'
import {
  GROUP_HEAD_BYTES,
  GROUP_SEAL,
  GROUP_SPARSE,
  GroupReader,
  decodeGroupHead,
  decodeSeal,
  encodeSeal,
  putGroupHead,
  putSparse,
} from '../../lib/format/group.js'
import type { GroupHead } from '../../lib/format/group.js'
import { JOURNAL_HEADER_BYTES } from '../../lib/format/journal.js'
import {
  SEGMENT_OPENED,
  SEGMENT_RESERVED,
  decodeSegmentHeader,
  encodeSegmentHeader,
} from '../../lib/format/segment.js'
import {
  END_TAG_BYTES,
  decodeEndBody,
  decodeIdentityBody,
  encodeEndBody,
  encodeIdentityBody,
} from '../../lib/format/store.js'
import { toHex, type Check } from './documents.js'

const TIME = 1_767_225_600_000_000
const SALT = new Uint8Array(32).fill(0x5a)
const STORE_ID = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i)

/** The data of a FULL fragment, whose checksum begins with `seed`. */
function unframed(t: Test, bytes: Uint8Array, seed: number): Uint8Array {
  t.equal(fixed32(bytes, 0), maskCrc(crc32c(bytes, seed, JOURNAL_HEADER_BYTES - 1)))
  return bytes.subarray(JOURNAL_HEADER_BYTES)
}

function checkHead(t: Test, record: Uint8Array, head: GroupHead): Uint8Array {
  t.same(decodeGroupHead(record), head)
  const again = new Uint8Array(GROUP_HEAD_BYTES)
  putGroupHead(again, head)
  t.equal(toHex(again), toHex(record.subarray(0, GROUP_HEAD_BYTES)))
  return record.subarray(GROUP_HEAD_BYTES)
}

function recordsOf(head: GroupHead, body: Uint8Array): [number, number, string][] {
  const reader = new GroupReader(head, body)
  const records: [number, number, string][] = []
  while (reader.next()) {
    const payload = Buffer.from(body.subarray(reader.start, reader.end)).toString()
    records.push([reader.sequence, reader.time, payload])
  }
  return records
}

export const SEGMENT: Record<string, Check> = {
  'segment-header': (t, bytes) => {
    const header = {
      isSnapshot: false,
      storeKind: 1,
      cipher: 0,
      flags: SEGMENT_OPENED,
      storeId: STORE_ID,
      number: 1,
      previousNumber: 0,
      firstSequence: 1,
      previousSequence: 0,
      lastSequence: 0,
      reservedSequence: 1 + SEGMENT_RESERVED,
      createdAt: TIME,
      keyId: 0,
      salt: SALT,
    }
    const record = unframed(t, bytes, 0)
    t.same(decodeSegmentHeader(record), header)
    t.equal(toHex(encodeSegmentHeader(header)), toHex(record))
  },
  'segment-group': (t, bytes) => {
    const head = { firstSequence: 1, count: 2, flags: 0, index: 1, time: TIME + 1 }
    const body = checkHead(t, unframed(t, bytes, crc32c(SALT)), head)
    t.same(recordsOf(head, body), [
      [1, TIME + 1, 'one'],
      [2, TIME + 1, 'two'],
    ])
  },
  'segment-sparse': (t, bytes) => {
    const head = { firstSequence: 7, count: 2, flags: GROUP_SPARSE, index: 1, time: TIME + 1 }
    const body = checkHead(t, bytes, head)
    t.same(recordsOf(head, body), [
      [7, TIME + 11, 'one'],
      [4, TIME + 6, 'two'],
    ])
    const again = new Uint8Array(body.length)
    let end = putSparse(again, 0, 0, 10, 3)
    again.set(Buffer.from('one'), end)
    end = putSparse(again, end + 3, -3, 5, 3)
    again.set(Buffer.from('two'), end)
    t.equal(toHex(again), toHex(body))
  },
  'segment-seal': (t, bytes) => {
    const seed = crc32c(SALT)
    t.equal(toHex(unframed(t, bytes.subarray(0, 19), seed)), toHex(markBatch(3)))
    const head = { firstSequence: 3, count: 0, flags: GROUP_SEAL, index: 2, time: TIME + 2 }
    const body = checkHead(t, unframed(t, bytes.subarray(19), seed), head)
    t.same(decodeSeal(body), { records: 2, end: 187 })
    t.equal(toHex(encodeSeal({ records: 2, end: 187 })), toHex(body))
  },
}

/** All but the checksum at the end, which is held to the bytes. */
function checked(t: Test, bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, bytes.length - 4)
  t.equal(fixed32(bytes, body.length), maskCrc(crc32c(body)))
  return body
}

export const STORE: Record<string, Check> = {
  'store-identity': (t, bytes) => {
    const identity = { kind: 1, encrypted: false, storeId: STORE_ID, createdAt: TIME }
    const body = checked(t, bytes)
    t.same(decodeIdentityBody(body), identity)
    t.equal(toHex(encodeIdentityBody(identity)), toHex(body))
  },
  'store-seal': (t, bytes) => {
    const ending = {
      kind: 1,
      storeId: STORE_ID,
      segment: 1,
      segmentBytes: 254,
      nextSequence: 3,
    }
    const body = checked(t, bytes)
    const told = body.subarray(0, body.length - END_TAG_BYTES)
    t.same(decodeEndBody(told), ending)
    t.equal(toHex(encodeEndBody(ending)), toHex(told))
  },
}
