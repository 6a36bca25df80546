/**
 * What every store's options have in common, and how options are checked.
 *
 * Options are checked before anything is touched; a wrong type is a TypeError and a wrong value a
 * RangeError that name the option, what was given and what is allowed.
 * Decides: defaults of the common options
 */
import type { Storage } from '../io/files.js'

/** What every store's opening takes. */
export interface CommonOptions {
  /** Make the store when it does not exist. Default true. */
  createIfMissing?: boolean | undefined
  /** Refuse to open a store that exists. Default false. */
  errorIfExists?: boolean | undefined
  /** Open beside other readers; create, cut, repair and delete nothing. Default false. */
  readOnly?: boolean | undefined
  /** How long to wait for another holder of the lock, in milliseconds. Default 0. */
  lockTimeoutMs?: number | undefined
  /** Which data plane to use. Default 'auto': native where it can be had. */
  plane?: 'auto' | 'native' | 'typescript' | undefined
  /** Where the files are. Default 'disk': the directory that is opened. */
  storage?: 'disk' | 'memory' | Storage | undefined
  /** false writes no LOG; a function gets its lines instead. Default true. */
  infoLog?: boolean | ((line: string) => void) | undefined
}

/** The same, checked. */
export interface CommonSettings {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
  readonly readOnly: boolean
  readonly lockTimeoutMs: number
  readonly plane: 'auto' | 'native' | 'typescript'
  readonly storage: 'disk' | 'memory' | Storage
  readonly infoLog: boolean | ((line: string) => void)
}

/** Options by name, as callers give them. */
export type Given = Record<string, unknown>

export const KIB = 1024
export const MIB = 1024 * KIB
export const GIB = 1024 * MIB
/** What timers can count, in milliseconds. */
export const TIMER_MAX_MS = 2 ** 31 - 1

export function readCommon(given: Given): CommonSettings {
  return {
    createIfMissing: flag(given, 'createIfMissing', true),
    errorIfExists: flag(given, 'errorIfExists', false),
    readOnly: flag(given, 'readOnly', false),
    lockTimeoutMs: integer(given, 'lockTimeoutMs', 0, 0, TIMER_MAX_MS),
    plane: choice(given, 'plane', 'auto', ['auto', 'native', 'typescript']),
    storage: place(given),
    infoLog: infoLog(given),
  }
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

export function flag(given: Given, name: string, fallback: boolean): boolean {
  const value = given[name]
  if (value === undefined) return fallback
  if (typeof value === 'boolean') return value
  const also = name === 'infoLog' ? ' or a function' : ''
  throw new TypeError(`The option '${name}' must be true or false${also}, got ${shown(value)}`)
}

function infoLog(given: Given): boolean | ((line: string) => void) {
  const value = given['infoLog']
  if (typeof value === 'function') return value as (line: string) => void
  return flag(given, 'infoLog', true)
}

export function integer(
  given: Given,
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

export function choice<T extends string>(
  given: Given,
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

function place(given: Given): 'disk' | 'memory' | Storage {
  const { storage = 'disk' } = given
  if (storage === 'disk' || storage === 'memory' || isStorage(storage)) return storage
  const Wrong = typeof storage === 'string' ? RangeError : TypeError
  throw new Wrong(
    `The option 'storage' must be 'disk', 'memory' or a Storage, got ${shown(storage)}`,
  )
}

/** A function that is given or not. */
export function listener<T>(given: Given, name: string): ((told: T) => void) | undefined {
  const value = given[name]
  if (value === undefined || typeof value === 'function')
    return value as ((told: T) => void) | undefined
  throw new TypeError(`The option '${name}' must be a function, got ${shown(value)}`)
}

/** A value as messages show it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
