/**
 * Journals of the native plane: the writer, and the reader that serves records from pages.
 *
 * The native reader gives as many records as fit a page with one crossing; `next` gives them one
 * by one, as views of the page.
 */
import { StoreError } from '../../errors.js'
import { checkSeed } from '../../format/checksum.js'
import { checkOffset } from '../../format/journal.js'
import type { DamageReason, JournalReader, JournalRecord, JournalWriter } from '../../plane.js'
import type { Handle, NativeFunctions, NativeRecords } from '../addon.js'
import { HandleOwner } from './handle.js'

const PLACE_NUMBERS = 3

export class NativeJournalWriter extends HandleOwner implements JournalWriter {
  #position = 0
  #closing: Promise<void> | undefined

  constructor(
    addon: NativeFunctions,
    plane: Handle,
    readonly name: string,
  ) {
    super(addon, addon.journalCreate(plane, name), 'journalFree')
  }

  get position(): number {
    return this.#position
  }

  append(record: Uint8Array, mark?: Uint8Array): void {
    this.#position = this.addon.journalAppend(this.handle, record, mark)
  }

  reseed(seed: number): void {
    checkSeed(seed)
    this.addon.journalReseed(this.handle, seed)
  }

  async appendLarge(record: Uint8Array, mark?: Uint8Array): Promise<void> {
    const { handle } = this
    try {
      await this.addon.journalAppendLarge(handle, record, mark)
    } finally {
      if (!this.isClosed) this.#position = this.addon.journalPosition(handle)
    }
  }

  async pad(end: number): Promise<void> {
    await this.addon.journalPad(this.handle, end)
  }

  sync(): Promise<void> {
    if (this.isClosed) return Promise.reject(this.closedError())
    return this.addon.journalSync(this.handle)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.addon.journalClose(this.handle)
    } finally {
      this.release()
    }
  }

  protected override closedError(): Error {
    return new StoreError('CAIRN_NOT_OPEN', `${this.name} is closed`, { file: this.name })
  }
}

export class NativeJournalReader extends HandleOwner implements JournalReader {
  readonly sizeBytes: number
  #page: NativeRecords | undefined
  #index = 0
  #start = 0
  #verdict: JournalReader['verdict']

  constructor(
    addon: NativeFunctions,
    handle: Handle,
    readonly name: string,
  ) {
    super(addon, handle, 'readerFree')
    this.sizeBytes = addon.readerSize(handle)
  }

  get verdict(): JournalReader['verdict'] {
    return this.#verdict
  }

  async next(): Promise<JournalRecord | undefined> {
    const { handle } = this
    if (this.#verdict !== undefined) return undefined
    if (this.#page === undefined || this.#index === this.#page.places.length) {
      // A page may end with the verdict on what stands behind its records.
      if (this.#page !== undefined && this.#end(this.#page)) return undefined
      this.#page = await this.addon.readerNext(handle)
      this.#index = 0
      this.#start = 0
      if (this.#page.places.length === 0) {
        this.#end(this.#page)
        return undefined
      }
    }
    const { bytes, places } = this.#page
    const length = places[this.#index + 2]!
    const record = {
      bytes: bytes.subarray(this.#start, this.#start + length),
      offset: places[this.#index]!,
      end: places[this.#index + 1]!,
    }
    this.#start += length
    this.#index += PLACE_NUMBERS
    return record
  }

  async findMark(
    from: number,
    above: number,
  ): Promise<{ offset: number; sequence: number } | undefined> {
    const found = await this.addon.readerFindMark(this.handle, from, above)
    return found && { offset: found[0]!, sequence: found[1]! }
  }

  async findRecord(from: number, minBytes: number): Promise<number | undefined> {
    return this.addon.readerFindRecord(this.handle, from, minBytes)
  }

  resume(offset: number, seed?: number): void {
    checkOffset(offset)
    if (seed !== undefined) checkSeed(seed)
    this.addon.readerResume(this.handle, offset, seed)
    this.#page = undefined
    this.#verdict = undefined
  }

  async close(): Promise<void> {
    this.release()
  }

  /** Takes over the verdict that a page ends with, if it has one. */
  #end({ endAt, reason }: NativeRecords): boolean {
    if (endAt < 0) return false
    const bad = reason as DamageReason
    if (reason !== '') this.#verdict = { kind: 'bad', offset: endAt, reason: bad }
    else if (endAt < this.sizeBytes) this.#verdict = { kind: 'end', zerosFrom: endAt }
    else this.#verdict = { kind: 'end' }
    return true
  }

  protected override closedError(): Error {
    return new StoreError('CAIRN_NOT_OPEN', `${this.name} is closed`, { file: this.name })
  }
}
