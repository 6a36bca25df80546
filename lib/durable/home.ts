/**
 * StoreHome: a journal or map store's directory, opened.
 *
 * The lock is held, the data plane chosen, the identity read or made, the keys opened. The engine
 * above it decides what lies in the directory.
 * Format: docs/format/store.md
 */
import { randomBytes } from 'node:crypto'
import { Claim, missing, type ClaimOptions } from '../commit/claim.js'
import { InfoLog, type LogOptions } from '../commit/log.js'
import type { ChoosePlane, Damage, PlaneInfo } from '../commit/told.js'
import { StoreError } from '../errors.js'
import type { CipherName } from '../format/cipher.js'
import { STORE_ID_BYTES, type StoreIdentity } from '../format/store.js'
import type { FileEntry, Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { everyEntry, findIdentity, replaceIdentity, writeIdentity } from './identity.js'
import { createKeys, openKeys, type RandomBytes, type StoreKeys } from './keys.js'
import type { RecoveryMode } from './options.js'
import type { Secret } from './secret.js'

export interface HomeOptions extends ClaimOptions, LogOptions {
  readonly errorIfExists: boolean
  readonly choose: ChoosePlane
  /** What encrypts the store; none for a plain one. */
  readonly secret?: Secret | undefined
  readonly cipher: CipherName | 'auto'
  readonly recovery?: RecoveryMode | undefined
  /** Microseconds since 1970; the system's by default. */
  readonly clock?: (() => number) | undefined
  /** Salts, ids and keys come from it; the system's by default. */
  readonly random?: RandomBytes | undefined
  /** Every background job ends before the next operation begins. */
  readonly serial?: boolean | undefined
}

/** Where one of these stands, the creation of an encrypted store had come to its KEYS. */
const LATER_KINDS: readonly FileEntry['kind'][] = ['keys', 'segment', 'snapshot', 'seal']

interface HomeParts {
  readonly claim: Claim
  readonly plane: DataPlane
  readonly reason: string
  readonly log: InfoLog
  readonly options: HomeOptions
}

export class StoreHome {
  readonly storage: Storage
  readonly plane: DataPlane
  readonly info: PlaneInfo
  readonly readOnly: boolean
  readonly serial: boolean
  readonly clock: () => number
  readonly random: RandomBytes
  readonly choose: ChoosePlane
  identity!: StoreIdentity
  keys: StoreKeys | undefined
  /** What salvage had to do without before the engine began. */
  damage: readonly Damage[] = []
  readonly #claim: Claim
  readonly #log: InfoLog
  #closing: Promise<void> | undefined

  private constructor({ claim, plane, reason, log, options }: HomeParts) {
    this.storage = claim.storage
    this.plane = plane
    this.info = { name: plane.name, io: plane.io, reason }
    this.readOnly = options.readOnly
    this.serial = options.serial ?? false
    this.clock = options.clock ?? now
    this.random = options.random ?? systemRandom
    this.choose = options.choose
    this.#claim = claim
    this.#log = log
  }

  /**
   * Opens or makes a store of this kind, then what `open` makes of it; nothing is left behind when
   * either fails. CAIRN_MISSING, CAIRN_EXISTS, CAIRN_LOCKED, CAIRN_FORMAT_VERSION,
   * CAIRN_WRONG_KEY, CAIRN_CORRUPTION, CAIRN_READ_ONLY, CAIRN_IO.
   */
  static async open<T>(
    storage: Storage,
    kind: number,
    options: HomeOptions,
    open: (home: StoreHome) => Promise<T>,
  ): Promise<T> {
    const claim = await Claim.on(storage, options)
    try {
      const { plane, reason } = options.choose(storage)
      try {
        const log = new InfoLog(storage, options)
        const home = new StoreHome({ claim, plane, reason, log, options })
        if (!options.readOnly) plane.lock()
        home.log(`opening: plane ${plane.name}, ${plane.io} (${reason})`)
        await home.#settleIn(kind, options)
        return await open(home)
      } catch (error) {
        await plane.close()
        throw error
      }
    } catch (error) {
      throw await claim.abandon(error)
    }
  }

  /** Writes a line to the LOG. */
  log(line: string): void {
    this.#log.line(line)
  }

  /** Opening has judged what is there and may change the directory from now on. */
  changing(): void {
    this.#log.release()
  }

  /** Lets go of plane and lock. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.log('closed')
    await this.plane.close()
    await this.#claim.lock.release()
  }

  async #settleIn(kind: number, options: HomeOptions): Promise<void> {
    const { storage, plane } = this
    const salvage = options.recovery === 'salvage'
    const found = await findIdentity(storage, plane, kind, salvage)
    if (found === undefined) {
      if (!options.createIfMissing || options.readOnly) throw missing(storage.location)
      this.changing()
      await this.#create(kind, options)
      return
    }
    if (options.errorIfExists)
      throw new StoreError('CAIRN_EXISTS', `${storage.location} exists (errorIfExists is true)`)
    const { identity, damage } = found
    this.identity = identity
    if (await this.#lacksKeys(identity, options)) {
      this.changing()
      await this.#createKeys(options)
    } else {
      this.keys = await openKeys(storage, plane, identity, options.secret)
    }
    if (damage === undefined) return
    this.damage = [damage]
    if (this.readOnly) return
    this.changing()
    await replaceIdentity(storage, plane, identity)
  }

  async #create(kind: number, options: HomeOptions): Promise<void> {
    const storeId = this.random(STORE_ID_BYTES)
    const encrypted = options.secret !== undefined
    this.identity = { kind, encrypted, storeId, createdAt: this.clock() }
    await writeIdentity(this.storage, this.plane, this.identity)
    if (encrypted) await this.#createKeys(options)
    this.log('created')
  }

  /** A creation was cut short between CAIRN-STORE and KEYS: nothing can be encrypted yet. */
  async #lacksKeys({ encrypted }: StoreIdentity, options: HomeOptions): Promise<boolean> {
    if (!encrypted || options.secret === undefined || options.readOnly) return false
    const entries = await everyEntry(this.storage)
    return !entries.some(({ kind }) => LATER_KINDS.includes(kind))
  }

  async #createKeys({ secret, cipher }: HomeOptions): Promise<void> {
    const { storage, plane, random } = this
    const { storeId } = this.identity
    this.keys = await createKeys(storage, plane, { secret: secret!, cipher, storeId, random })
  }
}

function now(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000)
}

function systemRandom(count: number): Uint8Array {
  return new Uint8Array(randomBytes(count))
}
