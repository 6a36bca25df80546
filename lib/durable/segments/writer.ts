/**
 * SegmentFileWriter: a whole rewritten segment or snapshot, written beside its final name.
 *
 * Records go into sparse groups in the order in which they come. What is not published is a
 * temporary file, which the next opening removes.
 * Format: docs/format/segment.md
 */
import { GROUP_HEAD_BYTES, GROUP_SPARSE, GROUP_SPARSE_MOST_BYTES } from '../../format/group.js'
import { putSparse } from '../../format/group.js'
import { Memory, SameMemory, copyRun } from '../../format/memory.js'
import type { JournalWriter } from '../../plane.js'
import type { StoreHome } from '../home.js'
import { GROUP_TAIL_BYTES, SegmentStream, type HeaderFields } from './stream.js'

/** A group is written when it has so many bytes. */
const GROUP_BYTES = 256 * 1024
const TEMPORARY = '.new'

export class SegmentFileWriter {
  readonly #stream: SegmentStream
  #memory = new Memory(new Uint8Array(GROUP_BYTES + 4096))
  readonly #sources = new SameMemory()
  #size = GROUP_HEAD_BYTES
  #count = 0
  /** Of the group's first record, and the sequence of its last. */
  #first = 0
  #time = 0
  #last = 0
  #records = 0
  #finishing: Promise<number> | undefined
  #published = false

  private constructor(
    private readonly home: StoreHome,
    readonly name: string,
    private readonly writer: JournalWriter,
    fields: HeaderFields,
  ) {
    this.#stream = new SegmentStream(home, writer, fields)
  }

  /** Creates `name`.new. Salt, tag and key of the header are made here. */
  static async create(
    home: StoreHome,
    name: string,
    fields: HeaderFields,
  ): Promise<SegmentFileWriter> {
    await home.storage.remove(name + TEMPORARY)
    const writer = await home.plane.createJournal(name + TEMPORARY)
    try {
      return new SegmentFileWriter(home, name, writer, fields)
    } catch (error) {
      await discard(home, name, writer)
      throw error
    }
  }

  get header(): SegmentStream['header'] {
    return this.#stream.header
  }

  get records(): number {
    return this.#records
  }

  /** Bytes written so far; the group that is filling is not. */
  get bytes(): number {
    return this.writer.position
  }

  /** Adds `bytes[start..end)`. A promise, where there is one, settles before the next call. */
  add(
    sequence: number,
    time: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Promise<void> | undefined {
    this.#grow(GROUP_SPARSE_MOST_BYTES + end - start)
    if (this.#count === 0) {
      this.#first = this.#last = sequence
      this.#time = time
    }
    const [step, timeStep] = [sequence - this.#last, time - this.#time]
    const at = putSparse(this.#memory.bytes, this.#size, step, timeStep, end - start)
    copyRun(this.#sources.of(bytes), start, end, this.#memory, at)
    this.#size = at + end - start
    this.#last = sequence
    this.#count++
    this.#records++
    return this.#size >= GROUP_BYTES ? this.#flush() : undefined
  }

  /** Seals, syncs and closes, once; gives the size. The file still has its temporary name. */
  finish(): Promise<number> {
    this.#finishing ??= this.#finish()
    return this.#finishing
  }
  /** The file has its name, durable or not. */
  get isPublished(): boolean {
    return this.#published
  }

  /** Gives the finished file its name; durable when it settles. */
  async publish(): Promise<void> {
    await this.home.storage.rename(this.name + TEMPORARY, this.name)
    this.#published = true
    await this.home.storage.syncDirectory()
  }

  /** Closes, and removes what was not published. Never rejects. */
  async abandon(): Promise<void> {
    if (!this.#published) await discard(this.home, this.name, this.writer)
  }

  async #finish(): Promise<number> {
    if (this.#count > 0) await this.#flush()
    this.#stream.seal(this.header.lastSequence + 1, this.home.clock())
    await this.writer.sync()
    const { position } = this.writer
    await this.writer.close()
    return position
  }

  #flush(): Promise<void> | undefined {
    const [size, count] = [this.#size, this.#count]
    this.#size = GROUP_HEAD_BYTES
    this.#count = 0
    return this.#stream.append(
      this.#memory.bytes,
      size,
      this.#first,
      count,
      GROUP_SPARSE,
      this.#time,
    )
  }

  #grow(moreBytes: number): void {
    const room = this.#size + moreBytes + GROUP_TAIL_BYTES
    const { bytes } = this.#memory
    if (room <= bytes.length) return
    const larger = new Uint8Array(room)
    larger.set(bytes.subarray(0, this.#size))
    this.#memory = new Memory(larger)
  }
}

async function discard(home: StoreHome, name: string, writer: JournalWriter): Promise<void> {
  await writer.close().catch(() => {})
  await home.storage.remove(name + TEMPORARY).catch(() => {})
}
