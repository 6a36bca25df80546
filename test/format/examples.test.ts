/**
 * Holds the code to the worked examples of docs/format: each is decoded by the code, holds what
 * the document says, and is encoded again to the same bytes.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import {
  BatchReader,
  BatchWriter,
  batchCount,
  batchSequence,
  checkBatch,
  markBatch,
} from '../../lib/format/batch.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { FieldReader, fixed32, putVarint } from '../../lib/format/coding.js'
import { decodeEdit, encodeEdit, type VersionEdit } from '../../lib/format/edit.js'
import { JOURNAL_BLOCK_BYTES, JOURNAL_HEADER_BYTES } from '../../lib/format/journal.js'
import {
  KEY_COMPARATOR,
  internalKey,
  internalSeparator,
  internalSuccessor,
  sequenceOf,
  typeOf,
  userKey,
} from '../../lib/format/key.js'
import { manifestName, parseFileName } from '../../lib/format/names.js'
import { SEAL_BYTES, decodeSealBody, encodeSealBody } from '../../lib/format/seal.js'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage } from '../../lib/io/memory.js'
import { openJournal } from '../../lib/journal/reader.js'
import { createJournal } from '../../lib/journal/writer.js'
import type { JournalRecord } from '../../lib/plane.js'
import { framed } from '../plane/journal-storage.js'
import { documentExamples, toHex, type Check } from './documents.js'
import { CIPHER } from './examples-cipher.js'
import { SEGMENT, STORE } from './examples-durable.js'
import { MAP } from './examples-map.js'
import { SNAPSHOT } from './examples-snapshot.js'
import { APPLE, CHERRY, FILTER, TABLE } from './examples-table.js'

const NAME = '000001.log'
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const join2 = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

async function emptyStorage(): Promise<Storage> {
  const storage = memoryStorage()
  await storage.createDirectory()
  return storage
}

async function readRecords(bytes: Uint8Array): Promise<JournalRecord[]> {
  const storage = await emptyStorage()
  const file = await storage.create(NAME)
  file.writeSync(bytes, 0)
  await file.close()
  const reader = await openJournal(storage, NAME)
  const records: JournalRecord[] = []
  for (;;) {
    const record = await reader.next()
    if (record === undefined) break
    records.push(record)
  }
  const { verdict } = reader
  await reader.close()
  if (verdict?.kind !== 'end') throw new Error(`the journal ends with ${JSON.stringify(verdict)}`)
  return records
}

async function frameRecords(records: readonly Uint8Array[]): Promise<Uint8Array> {
  const storage = await emptyStorage()
  const writer = await createJournal(storage, NAME)
  for (const record of records) writer.append(record)
  const bytes = new Uint8Array(writer.position)
  await writer.close()
  const file = await storage.open(NAME)
  file.readSync(bytes, 0)
  await file.close()
  return bytes
}

/** Decodes a batch into text and gives it encoded again. */
function rewrite(batch: Uint8Array): { told: string[]; again: Uint8Array } {
  checkBatch(batch)
  const writer = new BatchWriter()
  const reader = new BatchReader(batch)
  const told: string[] = []
  while (reader.next()) {
    const key = batch.subarray(reader.keyStart, reader.keyEnd)
    const value = batch.subarray(reader.valueStart, reader.valueEnd)
    told.push(`${reader.type} ${text(key)} ${text(value)}`)
    if (reader.type === 1) writer.put(key, value)
    else writer.delete(key)
  }
  return { told, again: writer.stamp(reader.sequence) }
}

const varint =
  (value: number): Check =>
  (t, bytes) => {
    t.equal(new FieldReader(bytes).varint64(), value)
    const again = new Uint8Array(10)
    t.equal(toHex(again.subarray(0, putVarint(again, 0, value))), toHex(bytes))
  }

const batch =
  (sequence: number, records: readonly string[]): Check =>
  (t, bytes) => {
    const { told, again } = rewrite(bytes)
    t.equal(batchSequence(bytes), sequence)
    t.same(told, records)
    t.equal(toHex(again), toHex(bytes))
  }

const internal =
  (user: string, sequence: number, type: number): Check =>
  (t, bytes) => {
    t.equal(text(userKey(bytes)), user)
    t.equal(sequenceOf(bytes), sequence)
    t.equal(typeOf(bytes), type)
    t.equal(toHex(internalKey(ascii(user), sequence, type)), toHex(bytes))
  }

const edit =
  (expected: VersionEdit): Check =>
  (t, bytes) => {
    t.same(decodeEdit(bytes), expected)
    t.equal(toHex(encodeEdit(expected)), toHex(bytes))
  }

const JOURNAL: Record<string, Check> = {
  'journal-record': async (t, bytes) => {
    const [record, ...more] = await readRecords(bytes)
    t.same(rewrite(record!.bytes).told, ['1 a 1'])
    t.equal(more.length, 0)
    t.equal(toHex(await frameRecords([record!.bytes])), toHex(bytes))
    const specimen = readFileSync(join('test', 'data', 'leveldb-files', 'cpp-log', '000003.log'))
    t.equal(toHex(specimen.subarray(0, bytes.length)), toHex(bytes), 'as LevelDB wrote it')
  },
  'journal-seeded': (t, bytes) => {
    const abc = ascii('abc')
    t.equal(crc32c(abc), 0x364b3fb7)
    t.equal(toHex(framed([abc, abc], [0, crc32c(abc)]).bytes), toHex(bytes))
  },
  'journal-ours': async (t, bytes) => {
    t.equal(toHex((await readRecords(bytes))[0]!.bytes), toHex(markBatch(1)))
    t.equal(toHex(await frameRecords([markBatch(1)])), toHex(bytes))
  },
  'journal-split-mark': async (t, bytes) => {
    const before = JOURNAL_BLOCK_BYTES - 12
    const filling = new Uint8Array(before - JOURNAL_HEADER_BYTES)
    const whole = await frameRecords([filling, markBatch(7)])
    t.equal(toHex(whole.subarray(before)), toHex(bytes))
    const [, mark] = await readRecords(join2(whole.subarray(0, before), bytes))
    t.equal(toHex(mark!.bytes), toHex(markBatch(7)))
    t.equal(mark!.offset, before)
  },
  'journal-boundary': async (t, bytes) => {
    const path = join('test', 'data', 'leveldb-files', 'cpp-boundary', '000003.log')
    const specimen = new Uint8Array(readFileSync(path))
    const at = JOURNAL_BLOCK_BYTES - 14
    t.equal(toHex(specimen.subarray(at, at + bytes.length)), toHex(bytes), 'as LevelDB wrote it')
    const records = await readRecords(specimen)
    t.equal(records[0]!.end, JOURNAL_BLOCK_BYTES - 7)
    t.equal(records[1]!.offset, JOURNAL_BLOCK_BYTES - 7)
    t.equal(batchSequence(records[1]!.bytes), 2)
    const again = await frameRecords(records.map((record) => record.bytes))
    t.ok(Buffer.from(again).equals(specimen), 'the whole journal, framed again')
  },
}

const BATCH: Record<string, Check> = {
  'varint-300': varint(300),
  'varint-largest': varint(Number.MAX_SAFE_INTEGER),
  slice: (t, bytes) => {
    t.equal(text(new FieldReader(bytes).slice()), 'ricot')
    const again = new Uint8Array(bytes.length)
    again.set(ascii('ricot'), putVarint(again, 0, 5))
    t.equal(toHex(again), toHex(bytes))
  },
  'batch-put': batch(1, ['1 a 1']),
  'batch-delete': batch(2, ['0 a ']),
  'batch-three': batch(3, ['1 k1 v1', '0 k2 ', `1 k3 ${'x'.repeat(200)}`]),
  'batch-mark': (t, bytes) => {
    t.equal(batchCount(bytes), 0)
    batch(7, [])(t, bytes)
    t.equal(toHex(markBatch(7)), toHex(bytes))
  },
}

const KEY: Record<string, Check> = {
  'key-value': internal('apple', 1, 1),
  'key-deletion': internal('cherry', 4, 0),
  'key-separator': (t, bytes) => {
    const made = internalSeparator(
      internalKey(ascii('abcdef'), 5, 1),
      internalKey(ascii('abzz'), 9, 1),
    )
    t.equal(toHex(made), toHex(bytes))
  },
  'key-successor': (t, bytes) => void t.equal(toHex(internalSuccessor(CHERRY)), toHex(bytes)),
}

const MANIFEST: Record<string, Check> = {
  'edit-created': edit({
    comparator: KEY_COMPARATOR,
    logNumber: 0,
    previousLogNumber: 0,
    nextFileNumber: 257,
    lastSequence: 0,
  }),
  'edit-rotation': edit({
    logNumber: 6,
    previousLogNumber: 3,
    nextFileNumber: 72,
    lastSequence: 1024,
  }),
  'edit-compaction': edit({
    nextFileNumber: 72,
    lastSequence: 4,
    compactPointers: [{ level: 0, key: CHERRY }],
    deleted: [
      { level: 0, number: 5 },
      { level: 1, number: 2 },
    ],
    added: [{ level: 1, table: { number: 8, sizeBytes: 244, smallest: APPLE, largest: CHERRY } }],
  }),
  'manifest-leveldb': async (t, bytes) => {
    const records = await readRecords(bytes)
    const edits = records.map((record) => decodeEdit(record.bytes))
    t.same(edits, [
      { comparator: KEY_COMPARATOR },
      { logNumber: 3, previousLogNumber: 0, nextFileNumber: 4, lastSequence: 0 },
      {
        logNumber: 4,
        previousLogNumber: 0,
        nextFileNumber: 6,
        lastSequence: 4,
        added: [
          { level: 2, table: { number: 5, sizeBytes: 244, smallest: APPLE, largest: CHERRY } },
        ],
      },
    ])
    t.equal(toHex(await frameRecords(edits.map(encodeEdit))), toHex(bytes))
    const path = join('test', 'data', 'leveldb-files', 'cpp-sst-bloom', 'MANIFEST-000002')
    t.equal(toHex(readFileSync(path)), toHex(bytes), 'as LevelDB wrote it')
  },
}

const FILES: Record<string, Check> = {
  current: async (t, bytes) => {
    t.same(parseFileName(text(bytes).slice(0, -1)), { kind: 'manifest', number: 2 })
    const storage = await emptyStorage()
    await storage.setCurrent(manifestName(2))
    t.equal(await storage.getCurrent(), text(bytes))
  },
  seal: async (t, bytes) => {
    const body = bytes.subarray(0, SEAL_BYTES - 4)
    const journal = await frameRecords([markBatch(1)])
    const path = join('test', 'data', 'leveldb-files', 'cpp-log', 'MANIFEST-000002')
    const manifest = readFileSync(path)
    const seal = {
      journal: { number: 3, sizeBytes: journal.length, crc: crc32c(journal) },
      manifest: { number: 2, sizeBytes: manifest.length, crc: crc32c(manifest) },
    }
    t.same(decodeSealBody(body), seal)
    t.equal(toHex(encodeSealBody(seal)), toHex(body))
    t.equal(bytes.length, SEAL_BYTES)
    t.equal(fixed32(bytes, SEAL_BYTES - 4), maskCrc(crc32c(body)))
  },
}

t.test('worked examples', async (t) => {
  const checks: Record<string, Record<string, Check>> = {
    'journal.md': JOURNAL,
    'batch.md': BATCH,
    'key.md': KEY,
    'table.md': TABLE,
    'filter.md': FILTER,
    'manifest.md': MANIFEST,
    'files.md': FILES,
    'cipher.md': CIPHER,
    'segment.md': SEGMENT,
    'store.md': STORE,
    'map.md': MAP,
    'snapshot.md': SNAPSHOT,
  }
  const examples = documentExamples()
  for (const { file, name, bytes } of examples)
    await t.test(`${file}: ${name}`, async (t) => {
      const check = checks[file]?.[name]
      t.ok(check, 'the test knows the example')
      await check?.(t, bytes)
    })
  for (const [file, byName] of Object.entries(checks))
    for (const name of Object.keys(byName)) {
      const found = examples.filter((example) => example.file === file && example.name === name)
      t.equal(found.length, 1, `${file} has ${name} once`)
    }
})
