/**
 * What stores tell of themselves in the same words: planes, damage, verification.
 */
import { StoreError } from '../errors.js'
import type { Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'

export interface PlaneChoice {
  readonly plane: DataPlane
  /** Why this plane: shown as `store.plane.reason`. */
  readonly reason: string
}

/** Picks the plane for a storage; called once the lock is held, and for backup targets. */
export type ChoosePlane = (storage: Storage) => PlaneChoice

export interface PlaneInfo {
  readonly name: 'native' | 'typescript'
  readonly io: string
  /** Why this plane was chosen. */
  readonly reason: string
}

/** Bytes that were not, or will not be, read. */
export interface Damage {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

export interface VerifyReport {
  /** Nothing damaged was found. */
  readonly ok: boolean
  readonly files: number
  /** Entries of tables and records of journals. */
  readonly records: number
  readonly bytes: number
  readonly damage: readonly Damage[]
}

/** Gathers a VerifyReport. */
export class Verification {
  #files = 0
  #records = 0
  #bytes = 0
  readonly damage: Damage[] = []

  file(bytes: number, records: number): void {
    this.#files++
    this.#bytes += bytes
    this.#records += records
  }

  finish(): VerifyReport {
    return {
      ok: this.damage.length === 0,
      files: this.#files,
      records: this.#records,
      bytes: this.#bytes,
      damage: this.damage,
    }
  }
}

/** What writes reject with after the first failure. */
export function poisonOf(action: string, cause: Error): StoreError {
  return new StoreError(
    'CAIRN_POISONED',
    `writing stopped after a failure (could not ${action}: ${cause.message}); ` +
      'close and open the store again',
    { cause },
  )
}
