/**
 * A place for journal files that a test watches and breaks: every call is listed, each can be
 * made to fail, and syncs can be held until the test lets them go. And the framing of journals
 * once more, written as plainly as its document says it, to compare with.
 * Format: docs/format/journal.md
 */
import { crc32c } from '../../lib/checksum/crc32c.js'
import type { Test } from 'tap'
import { journalName } from '../../lib/format/names.js'
import type { Storage, StorageFile } from '../../lib/io/files.js'
import { openJournal } from '../../lib/journal/reader.js'
import type { JournalReader } from '../../lib/plane.js'
import { makePlane, putFile } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'

type Operation = 'read' | 'write' | 'sync' | 'truncate' | 'size' | 'close'

export class WatchedFile implements StorageFile {
  bytes: Buffer = Buffer.alloc(0)
  readonly calls: string[] = []
  /** What the next call of an operation throws; `short` bytes of a write arrive before that. */
  readonly failures = new Map<Operation, { error: Error; short?: number }>()
  /** While set, syncs wait here for the test. */
  held: { settle(error?: Error): void }[] | undefined

  constructor(readonly name: string) {}

  readSync(into: Uint8Array, position: number): number {
    this.#enter('read')
    return this.bytes.copy(into, 0, position)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position)
  }

  writeSync(bytes: Uint8Array, position: number): void {
    const short = this.failures.get('write')?.short
    if (short !== undefined) this.#put(bytes.subarray(0, short), position)
    this.#enter('write')
    this.#put(bytes, position)
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.writeSync(bytes, position)
  }

  async sync(): Promise<void> {
    this.#enter('sync')
    const { held } = this
    if (held === undefined) return
    await new Promise<void>((resolve, reject) =>
      held.push({ settle: (error) => (error === undefined ? resolve() : reject(error)) }),
    )
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#enter('truncate')
    this.bytes = this.bytes.subarray(0, sizeBytes)
  }

  size(): number {
    this.#enter('size')
    return this.bytes.length
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  #enter(operation: Operation): void {
    this.calls.push(operation)
    const failure = this.failures.get(operation)
    if (failure === undefined) return
    this.failures.delete(operation)
    throw failure.error
  }

  #put(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (end > this.bytes.length) {
      const grown = Buffer.alloc(end)
      this.bytes.copy(grown)
      this.bytes = grown
    }
    this.bytes.set(bytes, position)
  }
}

/** A storage with one file, which `create` and `open` both give. */
export function watchedStorage(content?: Uint8Array): { storage: Storage; file: WatchedFile } {
  const file = new WatchedFile('000001.log')
  if (content !== undefined) file.bytes = Buffer.from(content)
  const storage: Pick<Storage, 'create' | 'open'> = {
    create: async () => file,
    open: async () => file,
  }
  return { storage: storage as Storage, file }
}

/** Opens what it is given as a journal, in a file of its own where the plane takes files. */
export type Opener = (content: Uint8Array) => Promise<JournalReader>

/** Readers that a test has done with are closed when so many more were opened. */
const OPEN_MOST = 8

export async function opener(t: Pick<Test, 'teardown'>, name: PlaneName): Promise<Opener> {
  if (name === 'typescript')
    return (content) => openJournal(watchedStorage(content).storage, '000001.log')
  const { plane, storage } = await makePlane(t, name)
  const readers: JournalReader[] = []
  let number = 0
  return async (content) => {
    const file = journalName(++number)
    putFile(storage, file, content)
    const reader = await plane.openJournal(file)
    readers.push(reader)
    if (readers.length > OPEN_MOST) {
      const oldest = readers.shift()!
      await oldest.close()
      await storage.remove(oldest.name)
    }
    return reader
  }
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: told by the test`), { code })
}

/** CRC-32C, bit by bit. */
export function crcByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

/** One fragment with a true checksum that continues from `seed`, whatever its kind. */
export function fragment(kind: number, data: Uint8Array, seed = 0): Buffer {
  const crc = crc32c(data, crc32c(Buffer.of(kind), seed))
  const bytes = Buffer.alloc(7)
  bytes.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  bytes.writeUInt16LE(data.length, 4)
  bytes[6] = kind
  return Buffer.concat([bytes, data])
}

/** The file that holds these records, the i-th under `seeds[i]` or else 0, and where each begins
 * and ends. */
export function framed(
  records: readonly Uint8Array[],
  seeds: readonly number[] = [],
): {
  bytes: Buffer
  spans: { offset: number; end: number }[]
} {
  const pieces: Buffer[] = []
  const spans: { offset: number; end: number }[] = []
  let position = 0
  const put = (piece: Buffer) => {
    pieces.push(piece)
    position += piece.length
  }
  for (const [i, record] of records.entries()) {
    let from = 0
    let offset = -1
    do {
      const room = 32768 - (position % 32768)
      if (room < 7) put(Buffer.alloc(room))
      const data = record.subarray(from, from + 32768 - (position % 32768) - 7)
      const first = offset < 0
      if (first) offset = position
      from += data.length
      const last = from === record.length
      put(fragment(first ? (last ? 1 : 2) : last ? 4 : 3, data, seeds[i]))
    } while (from < record.length)
    spans.push({ offset, end: position })
  }
  return { bytes: Buffer.concat(pieces), spans }
}

/** `length` bytes that differ from place to place and from seed to seed; no system involved. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = (seed * 2654435761 + 1) >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
