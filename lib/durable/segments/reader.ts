/**
 * SegmentFileReader: the records of one segment or snapshot, judged byte for byte.
 *
 * Nothing of a group is given before all of it has proved whole: frame, tag, place in the file,
 * every length. What is bad is told; whether it is a torn tail or damage is decided elsewhere.
 * Format: docs/format/segment.md
 */
import { Slice } from '../../commit/turns.js'
import { StoreError } from '../../errors.js'
import { BATCH_HEADER_BYTES, batchCount, batchSequence } from '../../format/batch.js'
import { CIPHER_FILE_SEGMENT, CIPHER_FILE_SNAPSHOT, cipherCode } from '../../format/cipher.js'
import { FormatError, VersionError } from '../../format/coding.js'
import {
  GROUP_HEAD_BYTES,
  GROUP_SEAL,
  GROUP_SPARSE,
  GroupReader,
  decodeGroupHead,
  decodeSeal,
  groupContext,
  type GroupHead,
  type SegmentSeal,
} from '../../format/group.js'
import {
  SEGMENT_REWRITTEN,
  SEGMENT_TAG_BYTES,
  decodeSegmentHeader,
  taggedPart,
  type SegmentHeader,
} from '../../format/segment.js'
import type { JournalReader, JournalRecord } from '../../plane.js'
import type { FileCipher } from '../cipher.js'
import type { StoreHome } from '../home.js'
import { INLINE_BYTES, type RecordSink } from '../options.js'
import { mendHeader, readFramedHeader, saltIn } from './header.js'

/** A group has a head and a record of at least a byte; a mark is shorter. */
const GROUP_LEAST_BYTES = GROUP_HEAD_BYTES + 1
/** The seal of a finished file lies in its last bytes: framed, perhaps in two fragments. */
const SEAL_REACH_BYTES = 128

export interface BadPlace {
  readonly offset: number
  readonly reason: string
  /** A frame that holds around what no writer wrote: no crash does that. */
  readonly rot: boolean
}

export class SegmentFileReader {
  /** Undefined when the file is empty, or begins with none that is whole: see `bad`. */
  header: SegmentHeader | undefined
  /** Found at the end of a finished file. */
  seal: SegmentSeal | undefined
  /** Why reading ended before the end. */
  bad: BadPlace | undefined
  records = 0
  /** Of the last record that was given; 0 before the first. */
  lastSequence = 0
  lastTime = 0
  /** Where the last whole record of any kind ends. */
  end = 0
  #headerBytes!: Uint8Array
  #cipher: FileCipher | undefined
  /** Where the last group, or the header, ends. */
  #groupsEnd = 0
  #index = 0
  /** Groups were skipped: the next one may have any later number. */
  #skipped = false
  /** The record behind the last group, on its way while that is gone through. */
  #ahead: Promise<JournalRecord | undefined> | undefined

  private constructor(
    private readonly home: StoreHome,
    private readonly reader: JournalReader,
  ) {}

  /** Reads up to byte `end`. CAIRN_MISSING when there is no file, CAIRN_FORMAT_VERSION when it is
   * of a newer version. */
  static async open(home: StoreHome, name: string, end?: number): Promise<SegmentFileReader> {
    const reader = await home.plane.openJournal(name, end)
    try {
      const opened = new SegmentFileReader(home, reader)
      await opened.#begin()
      return opened
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  get name(): string {
    return this.reader.name
  }

  get sizeBytes(): number {
    return this.reader.sizeBytes
  }

  /** The next sequence of a segment that was not rewritten. */
  get expected(): number {
    return this.lastSequence === 0 ? this.header!.firstSequence : this.lastSequence + 1
  }

  /**
   * Gives the records of the next group to the sink, whole or not at all. False at the end. Until
   * then nothing else may be asked.
   */
  async next(sink: RecordSink): Promise<boolean> {
    const group = await this.group()
    if (group === undefined) return false
    this.#ahead = this.reader.next()
    // Whoever asks for it hears of its failure.
    this.#ahead.catch(() => {})
    const slice = new Slice()
    while (group.next()) {
      sink(group.sequence, group.time, group.body, group.start, group.end)
      if (slice.isDue()) await slice.rest()
    }
    return true
  }

  /** The next group, to be gone through; it counts as read. Undefined at the end. */
  async group(): Promise<GroupReader | undefined> {
    if (this.header === undefined || this.bad !== undefined) return undefined
    for (;;) {
      const ahead = this.#ahead
      this.#ahead = undefined
      const record = await (ahead ?? this.reader.next())
      if (record === undefined) {
        this.#ended()
        return undefined
      }
      let group: GroupReader | undefined
      try {
        group = await this.#judge(record)
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
        this.bad = { offset: record.offset, reason: error.message, rot: true }
        return undefined
      }
      this.end = record.end
      if (group === undefined) continue
      this.#groupsEnd = record.end
      return group
    }
  }

  /** Goes on behind the bad place, at the next whole group. Gives where; the size for nowhere. */
  async skip(): Promise<number> {
    const from = this.bad!.offset + 1
    this.bad = undefined
    this.#skipped = true
    const found = this.header && (await this.reader.findRecord(from, GROUP_LEAST_BYTES))
    const next = found ?? this.sizeBytes
    this.reader.resume(next)
    return next
  }

  /** The first complete mark behind byte `from` with a sequence from `least` on. */
  findMark(from: number, least: number): Promise<{ offset: number } | undefined> {
    return this.reader.findMark(from, least - 1)
  }

  /** The seal, looked for at the end of the file, with nothing before it judged. Ends reading. */
  async findSeal(): Promise<SegmentSeal | undefined> {
    const from = Math.max(this.end, this.sizeBytes - SEAL_REACH_BYTES)
    const found = this.header && (await this.reader.findRecord(from, GROUP_LEAST_BYTES))
    if (found === undefined) return undefined
    this.reader.resume(found)
    try {
      for (let record; (record = await this.reader.next()) !== undefined;) {
        const { bytes } = record
        if (bytes.length < GROUP_LEAST_BYTES) continue
        const head = decodeGroupHead(bytes)
        if (head.flags === GROUP_SEAL) return decodeSeal(await this.#opened(bytes, head))
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
    return undefined
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => {})
    await this.reader.close()
  }

  async #begin(): Promise<void> {
    const record = await this.reader.next()
    if (record === undefined) {
      this.#ended()
      if (this.bad !== undefined) await this.#suspect()
      return
    }
    try {
      this.#enter(record.bytes, record.end)
    } catch (error) {
      if (error instanceof VersionError)
        throw new StoreError('CAIRN_FORMAT_VERSION', `${this.name} has ${error.message}`, {
          file: this.name,
        })
      if (!(error instanceof FormatError)) throw error
      this.bad = { offset: record.offset, reason: error.message, rot: true }
    }
  }

  #enter(headerBytes: Uint8Array, end: number): void {
    const header = this.#headerOf(headerBytes)
    this.reader.resume(end, this.home.plane.crc32c(header.salt))
    this.header = header
    this.#headerBytes = headerBytes
    this.end = this.#groupsEnd = end
  }

  /**
   * Looks at a header whose frame does not hold. No crash changes one bit: then it is rot, and what
   * it was is known. Otherwise marks may still be found with what stands where the salt was.
   */
  async #suspect(): Promise<void> {
    const framed = await readFramedHeader(this.home.storage, this.name)
    if (framed === undefined) return
    const end = framed.length
    const mended = mendHeader(framed, this.home.plane)
    try {
      if (mended) this.#enter(mended, end)
      else this.reader.resume(end, this.home.plane.crc32c(saltIn(framed)))
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
    if (mended) this.bad = { offset: 0, reason: 'one bit of the header is changed', rot: true }
  }

  #headerOf(bytes: Uint8Array): SegmentHeader {
    const header = decodeSegmentHeader(bytes)
    const { identity, keys } = this.home
    const isOurs =
      header.storeKind === identity.kind && Buffer.compare(header.storeId, identity.storeId) === 0
    if (!isOurs) throw new FormatError('it belongs to another store', 0)
    if (header.cipher !== (keys === undefined ? 0 : cipherCode(keys.cipher)))
      throw new FormatError('its cipher is not that of the store', 0)
    if (keys === undefined) return header
    const kind = header.isSnapshot ? CIPHER_FILE_SNAPSHOT : CIPHER_FILE_SEGMENT
    this.#cipher = keys.file(header.keyId, header.salt, kind)
    if (this.#cipher === undefined) throw new FormatError('the store has no such key', 0)
    const tagged = taggedPart(bytes)
    if (!this.#cipher.isHeaderTag(tagged, bytes.subarray(tagged.length)))
      throw new FormatError('its tag does not hold', 0)
    return header
  }

  /** Takes over how the records ended. */
  #ended(): void {
    const verdict = this.reader.verdict!
    const isWhole = this.header && (this.header.isSnapshot || this.#isRewritten)
    if (verdict.kind === 'bad') this.bad = { ...verdict, rot: false }
    else if (isWhole && this.seal === undefined && !this.#skipped)
      this.bad = { offset: this.end, reason: 'the end is missing', rot: true }
  }

  get #isRewritten(): boolean {
    return (this.header!.flags & SEGMENT_REWRITTEN) !== 0
  }

  /** A group, its records checked; undefined for a mark or the seal. FormatError for rot. */
  async #judge({ bytes }: JournalRecord): Promise<GroupReader | undefined> {
    if (this.seal) throw new FormatError('a record behind the seal', 0)
    if (bytes.length === BATCH_HEADER_BYTES) {
      const isDue = this.#skipped || batchSequence(bytes) === this.expected
      if (batchCount(bytes) === 0 && isDue) return undefined
      throw new FormatError('a mark out of order', 0)
    }
    const head = decodeGroupHead(bytes)
    const isNext = this.#skipped ? head.index > this.#index : head.index === this.#index + 1
    if (!isNext) throw new FormatError('a group out of order', 0)
    const body = await this.#opened(bytes, head)
    if (head.flags === GROUP_SEAL) this.#checkSeal(head, decodeSeal(body))
    const group = head.flags === GROUP_SEAL ? undefined : await this.#checked(head, body)
    this.#index = head.index
    return group
  }

  async #opened(bytes: Uint8Array, head: GroupHead): Promise<Uint8Array> {
    const body = bytes.subarray(GROUP_HEAD_BYTES)
    if (this.#cipher === undefined) return body
    const context = groupContext(this.#headerBytes, bytes, body.length - SEGMENT_TAG_BYTES)
    const plain =
      body.length > INLINE_BYTES
        ? await this.#cipher.openLarge(head.index, context, body)
        : this.#cipher.open(head.index, context, body)
    if (plain === undefined) throw new FormatError('its tag does not hold', 0)
    return plain
  }

  #checkSeal(head: GroupHead, seal: SegmentSeal): void {
    const { lastSequence, isSnapshot } = this.header!
    const next = isSnapshot || this.#isRewritten ? lastSequence + 1 : this.expected
    const isSame =
      head.firstSequence === next && seal.records === this.records && seal.end === this.#groupsEnd
    if (!isSame && !this.#skipped) throw new FormatError('a seal of other records', 0)
    this.seal = seal
  }

  /** Goes through all records once before any is given. */
  async #checked(head: GroupHead, body: Uint8Array): Promise<GroupReader> {
    const { isSnapshot, firstSequence, lastSequence } = this.header!
    const isWhole = isSnapshot || this.#isRewritten
    if ((head.flags === GROUP_SPARSE) !== isWhole) throw new FormatError('a group out of place', 12)
    const isInOrder = this.#skipped
      ? head.firstSequence >= this.expected
      : head.firstSequence === this.expected
    if (!isWhole && !isInOrder) throw new FormatError('a sequence out of order', 0)
    const group = new GroupReader(head, body)
    let last = this.lastSequence
    const slice = new Slice()
    while (group.next()) {
      const { sequence } = group
      const isOutside = sequence > lastSequence || (!isSnapshot && sequence < firstSequence)
      if (isWhole && (isOutside || (!isSnapshot && sequence <= last)))
        throw new FormatError('a sequence out of order', 0)
      last = sequence
      if (slice.isDue()) await slice.rest()
    }
    this.records += head.count
    this.lastSequence = last
    this.lastTime = group.time
    return new GroupReader(head, body)
  }
}
