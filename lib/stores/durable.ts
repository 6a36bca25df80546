/**
 * The options that journal and map stores share, and their check.
 *
 * Decides: defaults and limits
 */
import type { KeyObject } from 'node:crypto'
import type { Damage } from '../commit/told.js'
import type { RecoveryMode, SyncMode } from '../durable/options.js'
import { secretOfOptions, type Secret } from '../durable/secret.js'
import type { CipherName } from '../format/cipher.js'
import {
  GIB,
  MIB,
  TIMER_MAX_MS,
  choice,
  integer,
  listener,
  readCommon,
  type CommonOptions,
  type CommonSettings,
  type Given,
} from './options.js'

/** What opening a journal or map takes. */
export interface DurableOptions extends CommonOptions {
  /** When an acknowledgement comes: after a sync, before the timer's next one, or with none. */
  sync?: SyncMode | undefined
  /** How long the timer of 'interval' waits, in milliseconds. */
  syncIntervalMs?: number | undefined
  /** A segment is finished at so many bytes. Default 64 MiB. */
  segmentBytes?: number | undefined
  /** And at so many records. Default 100,000. */
  segmentRecords?: number | undefined
  /** And when it is so old, in milliseconds. Default an hour. */
  segmentAgeMs?: number | undefined
  /** A group is closed at so many records. Default 100. */
  batchRecords?: number | undefined
  /** And at so many bytes. Default 1 MiB. */
  batchBytes?: number | undefined
  /** What to do with damage: refuse it, or skip it. Default 'strict'. */
  recovery?: RecoveryMode | undefined
  /** Told of each piece that 'salvage' drops. */
  onDrop?: ((damage: Damage) => void) | undefined
  /** Encrypts the store: 32 bytes, or a secret KeyObject of as many. */
  key?: Uint8Array | KeyObject | undefined
  /** Encrypts the store, instead of a key: 8 characters at least. */
  passphrase?: string | undefined
  /** With which cipher a new store is encrypted. Default 'auto': AES where the CPU has it. */
  cipher?: 'auto' | CipherName | undefined
}

/** The same, checked. */
export interface DurableSettings extends CommonSettings {
  readonly sync: SyncMode
  readonly syncIntervalMs: number
  readonly segmentBytes: number
  readonly segmentRecords: number
  readonly segmentAgeMs: number
  readonly batchRecords: number
  readonly batchBytes: number
  readonly recovery: RecoveryMode
  readonly onDrop: ((damage: Damage) => void) | undefined
  readonly secret: Secret | undefined
  readonly cipher: 'auto' | CipherName
}

export interface SyncDefaults {
  readonly sync: SyncMode
  readonly syncIntervalMs: number
}

const CIPHERS = ['auto', 'aes-256-gcm', 'chacha20-poly1305'] as const

export function readDurable(given: Given, defaults: SyncDefaults): DurableSettings {
  return {
    ...readCommon(given),
    sync: choice(given, 'sync', defaults.sync, ['always', 'interval', 'never']),
    syncIntervalMs: integer(given, 'syncIntervalMs', defaults.syncIntervalMs, 1, TIMER_MAX_MS),
    segmentBytes: integer(given, 'segmentBytes', 64 * MIB, 1, 64 * GIB),
    segmentRecords: integer(given, 'segmentRecords', 100_000, 1, 2 ** 31 - 1),
    segmentAgeMs: integer(given, 'segmentAgeMs', 3_600_000, 1, TIMER_MAX_MS),
    batchRecords: integer(given, 'batchRecords', 100, 1, 1_000_000),
    batchBytes: integer(given, 'batchBytes', MIB, 1, 64 * MIB),
    recovery: choice(given, 'recovery', 'strict', ['strict', 'salvage']),
    onDrop: listener(given, 'onDrop'),
    secret: secretOfOptions(given),
    cipher: choice(given, 'cipher', 'auto', CIPHERS),
  }
}
