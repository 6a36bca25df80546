/**
 * Reads the records of a journal or MANIFEST and says where and why they end.
 *
 * The reader stops at the first bad byte and judges only that: whether it is a torn tail or
 * damage is the caller's decision, by the marks that stand behind it. Every length is held
 * against its block and the file before it is used. Behind a whole record, zeros and nothing else
 * are no bad byte: a writer that was cut off left them.
 *
 * The search for what stands behind tries every byte, except the inside of a fragment that has
 * proved valid: those bytes are a value, not framing. That, and checksums of ranges at a fixed
 * price, keep it linear in the size of the file whatever lengths the bytes claim.
 * Format: docs/format/journal.md
 * Twin: native/journal/reader
 */
import { constants } from 'node:buffer'
import { crc32c } from '../checksum/crc32c.js'
import { CrcRanges } from '../checksum/ranges.js'
import { StoreError } from '../errors.js'
import { BATCH_HEADER_BYTES, batchCount, batchSequence } from '../format/batch.js'
import { checkSeed, maskCrc } from '../format/checksum.js'
import { fixed32 } from '../format/coding.js'
import {
  JOURNAL_BLOCK_BYTES,
  JOURNAL_HEADER_BYTES,
  JOURNAL_KIND_FIRST,
  JOURNAL_KIND_FULL,
  JOURNAL_KIND_LAST,
  JOURNAL_KIND_ZERO,
  checkOffset,
} from '../format/journal.js'
import { KEY_SEQUENCE_MAX } from '../format/key.js'
import type { Storage, StorageFile } from '../io/files.js'
import type { DamageReason, JournalReader, JournalRecord } from '../plane.js'
import { JournalWindow } from './window.js'

/** Large records are put together in steps of so many fragments: about 4 MiB. */
const JOIN_FRAGMENTS = 128

type Verdict = NonNullable<JournalReader['verdict']>
const END: Verdict = { kind: 'end' }

/** How a record ended; `whole`: its fragments are all there and valid. */
type Outcome = Verdict | { readonly kind: 'whole' }
const WHOLE: Outcome = { kind: 'whole' }

/**
 * Opens a file to read, up to byte `end`; CAIRN_MISSING when there is none. The reader serves one
 * call at a time; its promises reject with CAIRN_IO when the file can not be read, and can then be
 * asked again.
 */
export async function openJournal(
  storage: Storage,
  name: string,
  end = Number.MAX_SAFE_INTEGER,
): Promise<JournalReader> {
  checkOffset(end)
  const file = await storage.open(name)
  try {
    return new FileJournalReader(file, end)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** A record on its way: what has been read of it, and where to go on. */
class Gathering {
  /** Where its FIRST or FULL stands; -1 while there is none. */
  begin = -1
  /** The data of its fragments, empty ones left out. */
  readonly parts: Uint8Array[] = []
  length = 0
  /** So far it is nothing but a FIRST without data at the end of a block. */
  hollow = false

  constructor(public at: number) {}

  bad(reason: DamageReason): Verdict {
    return { kind: 'bad', offset: this.begin < 0 ? this.at : this.begin, reason }
  }

  /** The whole record, copied out in steps that let the event loop run between them. */
  async join(): Promise<Uint8Array> {
    if (this.length > constants.MAX_LENGTH)
      throw new StoreError('CAIRN_LIMIT', `a record of ${this.length} bytes is too large`)
    const bytes = new Uint8Array(this.length)
    let end = 0
    for (const [i, part] of this.parts.entries()) {
      if (i % JOIN_FRAGMENTS === JOIN_FRAGMENTS - 1)
        await new Promise((resolve) => setImmediate(resolve))
      bytes.set(part, end)
      end += part.length
    }
    return bytes
  }
}

class FileJournalReader implements JournalReader {
  readonly name: string
  readonly sizeBytes: number
  verdict: Verdict | undefined
  readonly #file: StorageFile
  readonly #window: JournalWindow
  /** Where `next` goes on. */
  #position = 0
  /** The checksum that those of fragments continue. */
  #seed = 0
  /** Checksums of the ranges of one block, and where that block begins. */
  #ranges: CrcRanges | undefined
  #rangesBlock = -1
  /** Where the fragment that the search found last ends. */
  #foundEnd = 0
  #closed = false

  constructor(file: StorageFile, end: number) {
    this.name = file.name
    this.#file = file
    this.#window = new JournalWindow(file, end)
    this.sizeBytes = this.#window.sizeBytes
  }

  async next(): Promise<JournalRecord | undefined> {
    this.#checkOpen()
    if (this.verdict !== undefined) return undefined
    const record = new Gathering(this.#position)
    const outcome = this.#gather(record) ?? (await this.#gatherOn(record))
    if (outcome.kind !== 'whole') {
      const ends = outcome.kind === 'bad' && record.begin < 0 && (await this.#endsIn(record.at))
      this.verdict = ends ? { kind: 'end', zerosFrom: record.at } : outcome
      return undefined
    }
    const bytes = record.parts.length === 1 ? record.parts[0]! : await record.join()
    this.#position = record.at
    return { bytes, offset: record.begin, end: record.at }
  }

  async findMark(
    from: number,
    above: number,
  ): Promise<{ offset: number; sequence: number } | undefined> {
    this.#checkOpen()
    let at = await this.#findBegin(Math.max(from, 1))
    while (at !== undefined) {
      const end = this.#foundEnd
      if (end - at <= JOURNAL_HEADER_BYTES + BATCH_HEADER_BYTES) {
        const mark = await this.#markAt(at)
        if (mark !== undefined && mark.sequence > above) return mark
      }
      at = await this.#findBegin(end)
    }
    return undefined
  }

  async findRecord(from: number, minBytes: number): Promise<number | undefined> {
    this.#checkOpen()
    let at = await this.#findBegin(from)
    while (at !== undefined) {
      const end = this.#foundEnd
      const record = new Gathering(at)
      const outcome = this.#gather(record) ?? (await this.#gatherOn(record))
      if (outcome.kind === 'whole' && record.length >= minBytes) return record.begin
      at = await this.#findBegin(end)
    }
    return undefined
  }

  resume(offset: number, seed?: number): void {
    checkOffset(offset)
    if (seed !== undefined) checkSeed(seed)
    this.#seed = seed ?? this.#seed
    this.#position = offset
    this.verdict = undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#file.close()
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new StoreError('CAIRN_NOT_OPEN', `${this.name} is closed`, { file: this.name })
  }

  async #gatherOn(record: Gathering): Promise<Outcome> {
    for (;;) {
      await this.#window.load(record.at)
      const outcome = this.#gather(record)
      if (outcome !== undefined) return outcome
    }
  }

  /** Reads on while the window lasts; undefined when it must hold `record.at` to go on. */
  #gather(record: Gathering): Outcome | undefined {
    for (;;) {
      if (record.at >= this.sizeBytes)
        return record.begin < 0 ? END : record.bad('missing fragment')
      if (!this.#window.has(record.at)) return undefined
      const room = JOURNAL_BLOCK_BYTES - (record.at % JOURNAL_BLOCK_BYTES)
      if (room < JOURNAL_HEADER_BYTES) {
        const end = Math.min(record.at + room, this.sizeBytes)
        if (!this.#zeros(record.at, end)) return record.bad('invalid fragment kind')
        record.at = end
        continue
      }
      const reason = this.#judge(record, room)
      if (reason !== undefined) return record.bad(reason)
      if (this.#take(record, room)) return WHOLE
    }
  }

  /** What is wrong with the fragment at `record.at`, as the next one of the record. */
  #judge(record: Gathering, room: number): DamageReason | undefined {
    const { bytes, start } = this.#window
    const i = record.at - start
    const rest = Math.min(room, this.sizeBytes - record.at)
    if (rest < JOURNAL_HEADER_BYTES) return 'missing fragment'
    const crc = fixed32(bytes, i)
    const length = bytes[i + 4]! | (bytes[i + 5]! << 8)
    const kind = bytes[i + 6]!
    if (kind === JOURNAL_KIND_ZERO && length === 0 && crc === 0) return 'zero header'
    if (kind === JOURNAL_KIND_ZERO || kind > JOURNAL_KIND_LAST) return 'invalid fragment kind'
    const end = JOURNAL_HEADER_BYTES + length
    if (end > room) return 'length overflows block'
    if (end > rest) return 'missing fragment'
    if (maskCrc(crc32c(bytes, this.#seed, i + 6, i + end)) !== crc) return 'checksum mismatch'
    const begins = kind === JOURNAL_KIND_FULL || kind === JOURNAL_KIND_FIRST
    if (begins && record.begin >= 0 && !record.hollow) return 'missing fragment'
    if (!begins && record.begin < 0) return 'orphan fragment'
    return undefined
  }

  /** Adds the fragment that was judged good; whether it is the last. */
  #take(record: Gathering, room: number): boolean {
    const { bytes, start } = this.#window
    const i = record.at - start
    const length = bytes[i + 4]! | (bytes[i + 5]! << 8)
    const kind = bytes[i + 6]!
    // Old writers left a FIRST without data in the last 7 bytes and began the record anew.
    if (kind === JOURNAL_KIND_FULL || kind === JOURNAL_KIND_FIRST) record.begin = record.at
    record.hollow = kind === JOURNAL_KIND_FIRST && room === JOURNAL_HEADER_BYTES
    if (length > 0) {
      // Out of the pool of small buffers: `slice` takes an allocation for each and is far slower.
      const data = Buffer.allocUnsafe(length)
      data.set(bytes.subarray(i + JOURNAL_HEADER_BYTES, i + JOURNAL_HEADER_BYTES + length))
      record.parts.push(data)
    }
    record.length += length
    record.at += JOURNAL_HEADER_BYTES + length
    return kind === JOURNAL_KIND_FULL || kind === JOURNAL_KIND_LAST
  }

  /** Whether all bytes from `at` on are zeros. */
  async #endsIn(at: number): Promise<boolean> {
    while (at < this.sizeBytes) {
      if (!this.#window.has(at)) await this.#window.load(at)
      const { end } = this.#window
      if (!this.#zeros(at, end)) return false
      at = end
    }
    return true
  }

  #zeros(from: number, end: number): boolean {
    const { bytes, start } = this.#window
    for (let i = from - start; i < end - start; i++) if (bytes[i] !== 0) return false
    return true
  }

  /** The mark that begins with the valid fragment at `at`, if one does. */
  async #markAt(at: number): Promise<{ offset: number; sequence: number } | undefined> {
    const record = new Gathering(at)
    const outcome = this.#gather(record) ?? (await this.#gatherOn(record))
    if (outcome.kind !== 'whole' || record.length !== BATCH_HEADER_BYTES) return undefined
    const batch = await record.join()
    const sequence = batchSequence(batch)
    if (batchCount(batch) !== 0 || sequence > KEY_SEQUENCE_MAX) return undefined
    return { offset: record.begin, sequence }
  }

  /** The first valid FULL or FIRST at or after `from`; `#foundEnd` is where it ends. */
  async #findBegin(from: number): Promise<number | undefined> {
    let at = from
    while (at + JOURNAL_HEADER_BYTES <= this.sizeBytes) {
      if (!this.#window.has(at)) await this.#window.load(at)
      const block = at - (at % JOURNAL_BLOCK_BYTES)
      const limit = Math.min(block + JOURNAL_BLOCK_BYTES, this.sizeBytes)
      at = this.#searchBlock(block, at, limit)
      if (at < limit) return at
    }
    return undefined
  }

  /** As `#findBegin` in [from, limit) of one block, which the window holds; `limit` for none. */
  #searchBlock(block: number, from: number, limit: number): number {
    const { bytes, start } = this.#window
    const ranges = (this.#ranges ??= new CrcRanges(Math.min(JOURNAL_BLOCK_BYTES, this.sizeBytes)))
    if (this.#rangesBlock !== block) ranges.fill(bytes, block - start, limit - start)
    this.#rangesBlock = block
    for (let at = from; at + JOURNAL_HEADER_BYTES <= limit; at++) {
      const i = at - start
      const kind = bytes[i + 6]!
      if (kind === JOURNAL_KIND_ZERO || kind > JOURNAL_KIND_LAST) continue
      const end = at + JOURNAL_HEADER_BYTES + (bytes[i + 4]! | (bytes[i + 5]! << 8))
      if (end > limit) continue
      const crc = ranges.crc(at + 6 - block, end - block, this.#seed)
      if (maskCrc(crc) !== fixed32(bytes, i)) continue
      if (kind === JOURNAL_KIND_FULL || kind === JOURNAL_KIND_FIRST) {
        this.#foundEnd = end
        return at
      }
      at = end - 1
    }
    return limit
  }
}
