/**
 * The worked examples of map.md, held to the codec.
 */
import type { Test } from 'tap'
import { FormatError } from '../../lib/format/coding.js'
import {
  MAP_CLEAR,
  MAP_DELETE,
  MAP_MODIFY,
  MAP_SET,
  MapRecord,
  mapRecordBytes,
  putMapHead,
} from '../../lib/format/map.js'
import { toHex } from './documents.js'

type Check = (t: Test, bytes: Uint8Array) => void

/** Holds one record to what it says, to its own bytes, and every cut of it to refusal. */
function check(operation: number, key: string, value: string | undefined): Check {
  return (t, bytes) => {
    const record = new MapRecord()
    // Among other bytes, as in a group.
    const framed = Buffer.concat([Buffer.of(9), bytes, Buffer.of(9)])
    record.read(framed, 1, 1 + bytes.length)
    const { keyStart, keyEnd, valueEnd } = record
    t.equal(record.operation, operation)
    t.equal(framed.toString('utf8', keyStart, keyEnd), key)
    t.equal(framed.toString('utf8', keyEnd, valueEnd), value ?? '')
    const again = new Uint8Array(mapRecordBytes(key.length, value?.length ?? 0))
    const end = putMapHead(again, 0, operation, Buffer.from(key))
    again.set(Buffer.from(value ?? ''), end)
    t.equal(toHex(again), toHex(bytes))
    if (value === undefined)
      t.throws(() => record.read(framed, 1, 2 + bytes.length), FormatError, 'bytes behind it')
    for (let cut = 0; cut < 3; cut++)
      t.throws(() => record.read(bytes, 0, cut), FormatError, `cut to ${cut} bytes`)
  }
}

export const MAP: Record<string, Check> = {
  'map-set': check(MAP_SET, 'k', 'v1'),
  'map-modify': check(MAP_MODIFY, 'k', 'v2'),
  'map-delete': check(MAP_DELETE, 'k', undefined),
  'map-clear': (t, bytes) => {
    const record = new MapRecord()
    record.read(bytes, 0, bytes.length)
    t.equal(record.operation, MAP_CLEAR)
    t.equal(record.valueEnd, 1)
    t.throws(() => record.read(Buffer.of(MAP_CLEAR, 0), 0, 2), FormatError, 'bytes behind it')
    t.throws(() => record.read(Buffer.of(0, 1, 1), 0, 3), FormatError, 'no such operation')
    const long = Buffer.from([MAP_SET, 0x81, 0x80, 0x04, ...new Uint8Array(65_537)])
    t.throws(() => record.read(long, 0, long.length), /over its limit/, 'a key over 64 KiB')
    const lies = Buffer.from([MAP_SET, 0x80, 0x80, 0x04, 1])
    t.throws(() => record.read(lies, 0, lies.length), /past the end/, 'a length past the end')
  },
}
