/**
 * The options of CairnLevel: names, defaults, what is allowed, and their check.
 *
 * Decides: defaults and limits. Names that nobody here knows pass through, as everywhere in
 * abstract-level.
 */
import type { AbstractDatabaseOptions, AbstractOpenOptions } from 'abstract-level'
import { BLOCK_RESTART_INTERVAL, BLOCK_SIZE_BYTES } from '../../format/block.js'
import { FILTER_BITS_PER_KEY } from '../../format/filter.js'
import { TABLE_MAX_BYTES } from '../../format/table.js'
import type { Damage } from '../../commit/told.js'
import type { RecoveryMode } from '../../lsm/options.js'
import { GIB, KIB, MIB, flag, integer, choice, listener, readCommon } from '../options.js'
import type { CommonOptions, CommonSettings, Given } from '../options.js'

/** What `open()` takes, and the constructor too. */
export interface OpenOptions extends AbstractOpenOptions, CommonOptions {
  /** What to do with damage: refuse it, keep the prefix before it, or skip it. Default 'strict'. */
  recovery?: RecoveryMode | undefined
  /** Told of each piece that `recovery` drops. */
  onDrop?: ((damage: Damage) => void) | undefined
  /** Compress blocks with Snappy where that saves an eighth. Default true. */
  compression?: boolean | undefined
  /** Cache of verified table blocks, in bytes. Default 64 MiB. */
  cacheSize?: number | undefined
  /** Bytes of batches that a memtable takes before it is written out. Default 4 MiB. */
  writeBufferSize?: number | undefined
  /** Uncompressed size of a table's blocks, in bytes, about. Default 4096. */
  blockSize?: number | undefined
  /** Tables that are kept open at a time. Default 1000. */
  maxOpenFiles?: number | undefined
  /** Entries of a block between two whole keys. Default 16. */
  blockRestartInterval?: number | undefined
  /** Size after which a table is finished, in bytes. Default 2 MiB. */
  maxFileSize?: number | undefined
  /** Bloom filter bits per key; 0 writes no filters. Default 10. */
  filterBits?: number | undefined
  /** Sharing one store between worker threads is not supported: true refuses to open. */
  multithreading?: boolean | undefined
}

/** What the constructor takes. */
export interface DatabaseOptions<K, V>
  extends AbstractDatabaseOptions<K, V>, Omit<OpenOptions, 'passive'> {}

/** All options of a store, checked, with units in their names. */
export interface Settings extends CommonSettings {
  readonly recovery: RecoveryMode
  readonly onDrop: ((damage: Damage) => void) | undefined
  readonly compression: boolean
  readonly cacheBytes: number
  readonly writeBufferBytes: number
  readonly blockBytes: number
  readonly maxOpenTables: number
  readonly restartInterval: number
  readonly maxTableBytes: number
  readonly filterBits: number
  readonly multithreading: boolean
}

export const HIGH_WATER_MARK_BYTES = 64 * KIB

/** Checks options and fills in defaults. Throws TypeError and RangeError; touches nothing. */
export function readSettings(options: object): Settings {
  const given = options as Given
  return {
    ...readCommon(given),
    recovery: choice(given, 'recovery', 'strict', ['strict', 'prefix', 'salvage']),
    onDrop: listener(given, 'onDrop'),
    compression: flag(given, 'compression', true),
    cacheBytes: integer(given, 'cacheSize', 64 * MIB, 0, 1024 * GIB),
    writeBufferBytes: integer(given, 'writeBufferSize', 4 * MIB, 1, GIB),
    blockBytes: integer(given, 'blockSize', BLOCK_SIZE_BYTES, 1, 4 * MIB),
    maxOpenTables: integer(given, 'maxOpenFiles', 1000, 1, 2 ** 31 - 1),
    restartInterval: integer(given, 'blockRestartInterval', BLOCK_RESTART_INTERVAL, 1, 2 ** 31 - 1),
    maxTableBytes: integer(given, 'maxFileSize', TABLE_MAX_BYTES, 1, GIB),
    filterBits: integer(given, 'filterBits', FILTER_BITS_PER_KEY, 0, 64),
    multithreading: flag(given, 'multithreading', false),
  }
}

/** The `highWaterMarkBytes` of an iterator's options. */
export function readHighWaterMark(options: object): number {
  const given = options as Given
  return integer(given, 'highWaterMarkBytes', HIGH_WATER_MARK_BYTES, 0, 2 ** 32 - 1)
}
