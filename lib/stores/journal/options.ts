/**
 * The options of a journal: names, defaults, what is allowed, and their check.
 *
 * Decides: defaults and limits. A map takes the same ones with other defaults.
 */
import type { KeyObject } from 'node:crypto'
import type { Damage } from '../../commit/told.js'
import type { JournalSetup, RecoveryMode, SyncMode } from '../../durable/options.js'
import { secretOfOptions, type Secret } from '../../durable/secret.js'
import {
  GIB,
  KIB,
  MIB,
  TIMER_MAX_MS,
  choice,
  integer,
  listener,
  readCommon,
  type CommonOptions,
  type CommonSettings,
  type Given,
} from '../options.js'

export interface EncryptionOptions {
  /** 32 bytes, or a secret KeyObject of 32 bytes: encrypts the store. */
  key?: Uint8Array | KeyObject | undefined
  /** 8 characters at least, instead of a key. */
  passphrase?: string | undefined
  /** What a new store is encrypted with. Default 'auto': what this CPU is faster with. */
  cipher?: 'auto' | 'aes-256-gcm' | 'chacha20-poly1305' | undefined
}

/** What `Journal.open` takes. */
export interface JournalOptions extends CommonOptions, EncryptionOptions {
  /** When an append settles: 'always' once it survives power loss; 'interval' and 'never' once it
   * survives the process. Default 'always'. */
  sync?: SyncMode | undefined
  /** With 'interval', at most so much is lost with power, in milliseconds. Default 1000. */
  syncIntervalMs?: number | undefined
  /** A segment ends before it grows beyond so many bytes. Default 64 MiB. */
  segmentBytes?: number | undefined
  /** Or beyond so many records. Default 100,000. */
  segmentRecords?: number | undefined
  /** Or gets a record when it is older than this, in milliseconds. Default an hour. */
  segmentAgeMs?: number | undefined
  /** A group of records that are written together ends at so many. Default 100. */
  batchRecords?: number | undefined
  /** Or at so many bytes. Default 1 MiB. */
  batchBytes?: number | undefined
  /** What to do with damage: refuse it, or skip it. Default 'strict'. */
  recovery?: RecoveryMode | undefined
  /** Told of each piece that `recovery: 'salvage'` drops. */
  onDrop?: ((damage: Damage) => void) | undefined
}

/** What of the settings the engine takes as it is. */
export type EngineSettings = Omit<JournalSetup, 'home' | 'folder' | 'position'>

export interface JournalSettings extends CommonSettings {
  readonly engine: EngineSettings
  readonly secret: Secret | undefined
  readonly cipher: 'auto' | 'aes-256-gcm' | 'chacha20-poly1305'
}

/** Defaults in which stores differ. */
export interface JournalDefaults {
  readonly sync: SyncMode
  readonly syncIntervalMs: number
}

const DEFAULTS: JournalDefaults = { sync: 'always', syncIntervalMs: 1000 }

/** Checks options and fills in defaults. Throws TypeError and RangeError; touches nothing. */
export function readJournalSettings(
  options: object,
  defaults: JournalDefaults = DEFAULTS,
): JournalSettings {
  const given = options as Given
  const onDrop = listener<Damage>(given, 'onDrop')
  return {
    ...readCommon(given),
    engine: {
      sync: choice(given, 'sync', defaults.sync, ['always', 'interval', 'never']),
      syncIntervalMs: integer(given, 'syncIntervalMs', defaults.syncIntervalMs, 1, TIMER_MAX_MS),
      segmentBytes: integer(given, 'segmentBytes', 64 * MIB, 4 * KIB, 1024 * GIB),
      segmentRecords: integer(given, 'segmentRecords', 100_000, 1, 2 ** 31 - 1),
      segmentAgeMs: integer(given, 'segmentAgeMs', 3_600_000, 1, 2 ** 43),
      batchRecords: integer(given, 'batchRecords', 100, 1, 1_000_000),
      batchBytes: integer(given, 'batchBytes', MIB, 1, 64 * MIB),
      recovery: choice(given, 'recovery', 'strict', ['strict', 'salvage']),
      ...(onDrop !== undefined && { onDrop }),
    },
    secret: secretOfOptions(given),
    cipher: choice(given, 'cipher', 'auto', ['auto', 'aes-256-gcm', 'chacha20-poly1305']),
  }
}
