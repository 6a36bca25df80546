/**
 * Journal: a write-ahead log of records, each with a sequence, that survives everything.
 *
 * What an append settles with is as durable as the sync mode says; records come back in order,
 * whole or not at all, and nothing that was not appended.
 * Stands on: DurableJournal
 */
import { EventEmitter } from 'node:events'
import { Verification, type PlaneInfo, type VerifyReport } from '../../commit/told.js'
import type { BackupReport } from '../../durable/backup.js'
import type { Recovered, SegmentInfo } from '../../durable/options.js'
import type { JournalEntry } from '../../durable/reading.js'
import type { JournalStats as EngineStats } from '../../durable/stats.js'
import { LENGTH_MOST_BYTES } from '../../durable/reservations.js'
import { secretOf, type SecretInput } from '../../durable/secret.js'
import { StoreError } from '../../errors.js'
import { GROUP_MAX_BYTES, RECORD_MAX_BYTES } from '../../format/group.js'
import type { Storage } from '../../io/files.js'
import { flag, readLocation, shown, type CommonOptions, type Given } from '../options.js'
import { Place, storageFor } from '../place.js'
import type { JournalDriver, ReadRange } from './driver.js'
import { openJournal, rekeyJournal, type OpenJournal } from './open.js'
import { readJournalSettings, type JournalOptions } from './options.js'
import { ownBytes, payloadBytes, type Payload } from './payload.js'

/** Times in milliseconds, sizes in bytes. Counters run from opening or `resetStats()`. */
export interface JournalStats extends EngineStats {
  /** What the store is encrypted with. */
  readonly cipher: 'none' | 'aes-256-gcm' | 'chacha20-poly1305'
}

export type RekeyOptions = Pick<
  CommonOptions,
  'lockTimeoutMs' | 'plane' | 'storage' | 'infoLog'
> & {
  /** Rewrite the data under a new store key. Default false. */
  deep?: boolean | undefined
}

export interface JournalVerifyReport extends VerifyReport {
  /** Names in the directory that are nobody's. */
  readonly foreign: readonly string[]
}

/** Emits `recovered` once when opening found something to tell, and `warning` with failures of
 * background work. */
export class Journal extends EventEmitter implements JournalDriver {
  /** The data plane: name, kind of I/O, why it was chosen. */
  readonly plane: PlaneInfo
  /** What opening found. */
  readonly recovered: Recovered
  readonly #open: OpenJournal
  /** What `storage: 'disk' | 'memory'` made; closed with the store. */
  readonly #ownStorage: Storage | undefined
  #closing: Promise<void> | undefined

  private constructor(open: OpenJournal, ownStorage: Storage | undefined) {
    super()
    const { home, engine } = open
    this.plane = home.info
    this.recovered = engine.recovered
    this.#open = open
    this.#ownStorage = ownStorage
    engine.onWarning = (error) => void this.emit('warning', error)
    const { torn, damage } = engine.recovered
    if (torn ?? damage) setImmediate(() => this.emit('recovered', engine.recovered))
  }

  /**
   * Opens a journal, or makes it. Rejects with TypeError and RangeError for options, and with
   * CAIRN_MISSING, CAIRN_EXISTS, CAIRN_LOCKED, CAIRN_CORRUPTION, CAIRN_FORMAT_VERSION,
   * CAIRN_WRONG_KEY, CAIRN_READ_ONLY, CAIRN_IO; nothing is changed then.
   */
  static async open(directory: string, options: JournalOptions = {}): Promise<Journal> {
    readLocation("The first argument 'directory'", directory)
    const settings = readJournalSettings(options)
    const storage = storageFor(directory, settings)
    const own = typeof settings.storage === 'string' ? storage : undefined
    try {
      return new Journal(await openJournal(storage, settings), own)
    } catch (error) {
      await own?.close()
      throw error
    }
  }

  /**
   * Gives an encrypted journal that is not open another secret: a key or a passphrase. With `deep`
   * its data get a new store key, too. A crash at any step leaves it readable with one of the two.
   * CAIRN_WRONG_KEY when `oldKey` is not the store's.
   */
  static async rekey(
    directory: string,
    oldKey: SecretInput,
    newKey: SecretInput,
    options: RekeyOptions = {},
  ): Promise<void> {
    readLocation("The first argument 'directory'", directory)
    const given = options as Given
    const settings = readJournalSettings(given)
    const deep = flag(given, 'deep', false)
    const secrets = { from: secretOf(oldKey), to: secretOf(newKey), deep }
    const storage = storageFor(directory, settings)
    try {
      await rekeyJournal(storage, settings, secrets)
    } finally {
      if (typeof settings.storage === 'string') await storage.close()
    }
  }

  get location(): string {
    return this.#open.home.storage.location
  }

  /** Of the oldest record that is there; lastSequence + 1 when none is. */
  get firstSequence(): number {
    return this.#open.engine.firstSequence
  }

  /** Of the newest settled record; 0 before the first. */
  get lastSequence(): number {
    return this.#open.engine.newestSequence
  }

  /** Settles with the sequence, as the sync mode says. CAIRN_LIMIT above 64 MiB. */
  append(payload: Payload): Promise<number> {
    const { engine } = this.#open
    try {
      const refusal = this.#ifOpen() ?? rejected(engine.refusal())
      if (refusal) return refusal
      const bytes = payloadBytes(payload)
      checkLength(bytes.length)
      if (engine.mustWait) {
        const own = ownBytes(payload)
        return engine.whenRoom(() => this.#add(own))
      }
      return this.#add(bytes)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #add(bytes: Uint8Array): Promise<number> {
    const reserved = this.#open.engine.reserve(bytes.length)
    reserved.bytes.set(bytes, reserved.at)
    const { sequence } = reserved
    return reserved.settled.then(() => sequence)
  }

  /** All records or none. Settles with the sequence of the first; the others follow it. */
  appendAll(payloads: Iterable<Payload>): Promise<number> {
    try {
      const refusal = this.#ifOpen() ?? rejected(this.#open.engine.refusal())
      return refusal ?? this.#appendAll(allBytes(payloads))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Records `from`..`to`, both inclusive, that were settled at the call. Rejects with CAIRN_MISSING
   * where they were trimmed, before or meanwhile, and with CAIRN_CORRUPTION. Payloads are copies.
   */
  read(range: ReadRange = {}): AsyncIterable<JournalEntry> {
    const { engine } = this.#open
    return this.#read(range, engine.firstSequence, engine.settledSequence)
  }

  /** Settles when everything acknowledged before the call survives power loss. */
  sync(): Promise<void> {
    return this.#ifOpen() ?? this.#open.engine.sync()
  }

  /** Ends the segment that is written to; settles when it is sealed. */
  rotate(): Promise<void> {
    return this.#ifOpen() ?? this.#open.engine.rotate()
  }

  /** Deletes segments whose records are all below `before`, oldest first; never the newest. */
  async trim(before: number): Promise<number> {
    this.#checkOpen()
    return this.#open.engine.trim(sequence('before', before))
  }

  /** Oldest first. */
  segments(): SegmentInfo[] {
    return this.#open.engine.segments()
  }

  /** Reads and checks everything; rejects only when it can not read. */
  async verify(): Promise<JournalVerifyReport> {
    this.#checkOpen()
    const report = new Verification()
    const { engine, home } = this.#open
    await engine.verify(report)
    const entries = await home.storage.list()
    const foreign = entries.filter(({ kind }) => !OWN_KINDS.includes(kind)).map(({ name }) => name)
    return { ...report.finish(), foreign: foreign.filter((name) => name !== 'damaged').sort() }
  }

  stats(): JournalStats {
    const { engine, home } = this.#open
    return { ...engine.stats(), cipher: home.keys?.cipher ?? 'none' }
  }

  resetStats(): void {
    this.#open.engine.resetStats()
  }

  /**
   * A complete copy as of the call, in a directory that is new or empty (CAIRN_EXISTS). What the
   * earlier backup `since` has already is taken from there.
   */
  async backup(
    directory: string | Storage,
    options: { since?: string | Storage | undefined } = {},
  ): Promise<BackupReport> {
    this.#checkOpen()
    const target = new Place("The first argument 'directory'", directory)
    const since =
      options.since === undefined ? undefined : new Place("The option 'since'", options.since)
    try {
      return await this.#open.engine.backup(target.storage, since?.storage)
    } finally {
      await target.close()
      await since?.close()
    }
  }

  /** Waits for what is under way and seals. Can be called twice; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const { engine, home } = this.#open
    // Callers that wait for room have their turn before the engine refuses them.
    await engine.barrier(async () => {}).catch(() => {})
    await engine.close()
    await home.close()
    await this.#ownStorage?.close()
  }

  #appendAll(payloads: readonly Uint8Array[]): Promise<number> {
    const { engine } = this.#open
    if (!engine.mustWait) return this.#addAll(payloads)
    const own = payloads.map(ownBytes)
    return engine.whenRoom(() => this.#addAll(own))
  }

  #addAll(payloads: readonly Uint8Array[]): Promise<number> {
    const { engine } = this.#open
    engine.together(
      payloads.length,
      payloads.reduce((sum, { length }) => sum + length, 0),
    )
    let settled = Promise.resolve()
    let first = 0
    for (const bytes of payloads) {
      const reserved = engine.reserve(bytes.length)
      reserved.bytes.set(bytes, reserved.at)
      first ||= reserved.sequence
      ;({ settled } = reserved)
    }
    return settled.then(() => first)
  }

  async *#read(range: ReadRange, first: number, last: number): AsyncGenerator<JournalEntry> {
    const from = range.from === undefined ? first : sequence('from', range.from)
    const to = range.to === undefined ? last : sequence('to', range.to)
    this.#checkOpen()
    if (from < first)
      throw new StoreError('CAIRN_MISSING', `record ${from} was trimmed away; first is ${first}`)
    for await (const entry of this.#open.engine.read(from, Math.min(to, last))) {
      this.#checkOpen()
      yield entry
    }
  }

  #ifOpen(): Promise<never> | undefined {
    return rejected(this.#closing && notOpen())
  }

  #checkOpen(): void {
    if (this.#closing) throw notOpen()
  }
}

function notOpen(): StoreError {
  return new StoreError('CAIRN_NOT_OPEN', 'the store is closed')
}

function rejected(refusal: StoreError | undefined): Promise<never> | undefined {
  return refusal && Promise.reject(refusal)
}

const OWN_KINDS: readonly string[] = [
  'store',
  'keys',
  'segment',
  'seal',
  'lock',
  'log',
  'temporary',
]

function sequence(name: string, value: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`'${name}' must be a sequence number, got ${shown(value)}`)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`'${name}' must be an integer from 1 on, got ${shown(value)}`)
}

function checkLength(bytes: number): void {
  if (bytes > RECORD_MAX_BYTES)
    throw new StoreError(
      'CAIRN_LIMIT',
      `a payload of ${bytes} bytes is too large: at most ${RECORD_MAX_BYTES}`,
    )
}

/** All payloads, checked before anything is done. */
function allBytes(payloads: Iterable<Payload>): Uint8Array[] {
  if (typeof payloads !== 'object' || payloads === null || !(Symbol.iterator in payloads))
    throw new TypeError(`payloads must be a list, got ${shown(payloads)}`)
  const all: Uint8Array[] = []
  let total = 0
  // A generator may give one buffer again and again.
  const isList = Array.isArray(payloads)
  for (const payload of payloads) {
    const isBytes = isList && payload instanceof Uint8Array
    const bytes = isBytes ? payload : ownBytes(payload)
    checkLength(bytes.length)
    total += bytes.length + LENGTH_MOST_BYTES
    if (total > GROUP_MAX_BYTES)
      throw new StoreError(
        'CAIRN_LIMIT',
        `payloads of more than ${GROUP_MAX_BYTES} bytes do not fit in one group`,
      )
    all.push(bytes)
  }
  if (all.length === 0) throw new RangeError('there must be one payload at least')
  return all
}
