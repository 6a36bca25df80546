/**
 * The options of CairnLevel: names, defaults, what is allowed, and their check.
 *
 * Decides: defaults and limits. Options are checked before anything is touched; a wrong type is
 * a TypeError and a wrong value a RangeError that name the option, what was given and what is
 * allowed. Names that nobody here knows pass through, as everywhere in abstract-level.
 */
import type { AbstractDatabaseOptions, AbstractOpenOptions } from 'abstract-level'
import { BLOCK_RESTART_INTERVAL, BLOCK_SIZE_BYTES } from '../../format/block.js'
import { FILTER_BITS_PER_KEY } from '../../format/filter.js'
import { TABLE_MAX_BYTES } from '../../format/table.js'
import type { Storage } from '../../io/files.js'
import type { Damage, RecoveryMode } from '../../lsm/options.js'

/** What `open()` takes, and the constructor too. */
export interface OpenOptions extends AbstractOpenOptions {
  /** Open beside other readers; create, cut, repair and delete nothing. Default false. */
  readOnly?: boolean | undefined
  /** How long to wait for another holder of the lock, in milliseconds. Default 0. */
  lockTimeoutMs?: number | undefined
  /** Which data plane to use. Default 'auto': native where it can be had. */
  plane?: 'auto' | 'native' | 'typescript' | undefined
  /** Where the files are. Default 'disk': the directory `location`. */
  storage?: 'disk' | 'memory' | Storage | undefined
  /** What to do with damage: refuse it, keep the prefix before it, or skip it. Default 'strict'. */
  recovery?: RecoveryMode | undefined
  /** Told of each piece that `recovery` drops. */
  onDrop?: ((damage: Damage) => void) | undefined
  /** false writes no LOG; a function gets its lines instead. Default true. */
  infoLog?: boolean | ((line: string) => void) | undefined
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
export interface Settings {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
  readonly readOnly: boolean
  readonly lockTimeoutMs: number
  readonly plane: 'auto' | 'native' | 'typescript'
  readonly storage: 'disk' | 'memory' | Storage
  readonly recovery: RecoveryMode
  readonly onDrop: ((damage: Damage) => void) | undefined
  readonly infoLog: boolean | ((line: string) => void)
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

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

export const HIGH_WATER_MARK_BYTES = 64 * KIB

/** Checks options and fills in defaults. Throws TypeError and RangeError; touches nothing. */
export function readSettings(options: object): Settings {
  const given = options as Record<string, unknown>
  return {
    createIfMissing: flag(given, 'createIfMissing', true),
    errorIfExists: flag(given, 'errorIfExists', false),
    readOnly: flag(given, 'readOnly', false),
    lockTimeoutMs: integer(given, 'lockTimeoutMs', 0, 0, 2 ** 31 - 1),
    plane: choice(given, 'plane', 'auto', ['auto', 'native', 'typescript']),
    storage: place(given),
    recovery: choice(given, 'recovery', 'strict', ['strict', 'prefix', 'salvage']),
    onDrop: listener(given, 'onDrop'),
    infoLog: typeof given.infoLog === 'function' ? line(given) : flag(given, 'infoLog', true),
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
  const given = options as Record<string, unknown>
  return integer(given, 'highWaterMarkBytes', HIGH_WATER_MARK_BYTES, 0, 2 ** 32 - 1)
}

/** A directory's name as callers give it. */
export function readLocation(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value
  throw new TypeError(`${name} must be a non-empty string without NUL, got ${shown(value)}`)
}

export function isStorage(value: unknown): value is Storage {
  if (typeof value !== 'object' || value === null) return false
  const { lock, list, open, create, rename, setCurrent } = value as Partial<Storage>
  return [lock, list, open, create, rename, setCurrent].every((part) => typeof part === 'function')
}

function flag(given: Record<string, unknown>, name: string, fallback: boolean): boolean {
  const value = given[name]
  if (value === undefined) return fallback
  if (typeof value === 'boolean') return value
  const also = name === 'infoLog' ? ' or a function' : ''
  throw new TypeError(`The option '${name}' must be true or false${also}, got ${shown(value)}`)
}

function integer(
  given: Record<string, unknown>,
  name: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const value = given[name]
  if (value === undefined) return fallback
  if (typeof value !== 'number')
    throw new TypeError(`The option '${name}' must be a number, got ${shown(value)}`)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(
    `The option '${name}' must be an integer from ${least} to ${most}, got ${shown(value)}`,
  )
}

function choice<T extends string>(
  given: Record<string, unknown>,
  name: string,
  fallback: T,
  allowed: readonly T[],
): T {
  const value = given[name]
  if (value === undefined) return fallback
  const names = allowed.map((word) => `'${word}'`).join(', ')
  if (typeof value !== 'string')
    throw new TypeError(`The option '${name}' must be one of ${names}, got ${shown(value)}`)
  const found = allowed.find((word) => word === value)
  if (found !== undefined) return found
  throw new RangeError(`The option '${name}' must be one of ${names}, got ${shown(value)}`)
}

function place(given: Record<string, unknown>): 'disk' | 'memory' | Storage {
  const { storage = 'disk' } = given
  if (storage === 'disk' || storage === 'memory' || isStorage(storage)) return storage
  const Wrong = typeof storage === 'string' ? RangeError : TypeError
  throw new Wrong(
    `The option 'storage' must be 'disk', 'memory' or a Storage, got ${shown(storage)}`,
  )
}

function listener(given: Record<string, unknown>, name: 'onDrop'): Settings['onDrop'] {
  const value = given[name]
  if (value === undefined || typeof value === 'function') return value as Settings['onDrop']
  throw new TypeError(`The option '${name}' must be a function, got ${shown(value)}`)
}

function line(given: Record<string, unknown>): (line: string) => void {
  return given.infoLog as (line: string) => void
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
