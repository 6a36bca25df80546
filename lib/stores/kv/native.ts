/**
 * What needs no encoding: the formats that the tree takes and gives as they are.
 *
 * Names and aliases are those of abstract-level. Everything else, encodings given as objects too,
 * is for abstract-level to encode.
 */
import type { BatchWriter, Datum } from '../../format/batch.js'
import type { ReadHow } from '../../lsm/reads.js'
import type { Operation } from './batch.js'
import type { Format } from './rows.js'

const HOW: Readonly<Record<Format, ReadHow>> = {
  utf8: { encoding: 'utf8' },
  buffer: { encoding: 'buffer' },
  view: { encoding: 'view' },
}
const HOW_UNCACHED: Readonly<Record<Format, ReadHow>> = {
  utf8: { encoding: 'utf8', fillCache: false },
  buffer: { encoding: 'buffer', fillCache: false },
  view: { encoding: 'view', fillCache: false },
}

/** How to read the newest, without an object for each read. */
export function plainHow(format: Format, fillCache: boolean): ReadHow {
  return fillCache ? HOW[format] : HOW_UNCACHED[format]
}

/** The format that an encoding leaves data in as they are; `fallback` when none is given. */
export function nativeFormat(encoding: unknown, fallback: Format | undefined): Format | undefined {
  if (encoding === undefined || encoding === null) return fallback
  if (encoding === 'utf8' || encoding === 'buffer' || encoding === 'view') return encoding
  if (encoding === 'utf-8') return 'utf8'
  return encoding === 'binary' ? 'buffer' : undefined
}

export function isNative(datum: unknown, format: Format | undefined): datum is Datum {
  if (format === 'utf8') return typeof datum === 'string'
  return format !== undefined && datum instanceof Uint8Array
}

export function areNative(data: unknown, format: Format | undefined): data is readonly Datum[] {
  if (!Array.isArray(data)) return false
  for (let i = 0; i < data.length; i++) if (!isNative(data[i], format)) return false
  return true
}

/** What `batch` takes beside the operations, and what they do with what it leaves out. */
export interface NativeDefaults {
  readonly keyFormat: Format | undefined
  readonly valueFormat: Format | undefined
  /** Whether the options of the call name encodings, which an operation's own undefined undoes. */
  readonly named: boolean
}

/**
 * Adds all operations to `batch`. Gives whether one of them asks for a sync; undefined when one
 * needs more than this, and then the batch is for nothing.
 */
export function addNative(
  batch: BatchWriter,
  operations: readonly unknown[],
  defaults: NativeDefaults,
): boolean | undefined {
  let sync = false
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as NativeOperation | null | undefined
    if (operation === null || operation === undefined) return undefined
    const { type, key, value, sublevel } = operation
    if (sublevel !== undefined && sublevel !== null) return undefined
    let { keyFormat, valueFormat } = defaults
    const { keyEncoding, valueEncoding } = operation
    if (keyEncoding !== undefined || valueEncoding !== undefined) {
      keyFormat = nativeFormat(keyEncoding, keyFormat)
      valueFormat = nativeFormat(valueEncoding, valueFormat)
    }
    if (defaults.named && ('keyEncoding' in operation || 'valueEncoding' in operation))
      return undefined
    if (!isNative(key, keyFormat)) return undefined
    if (type === 'put') {
      if (!isNative(value, valueFormat)) return undefined
      batch.put(key, value)
    } else if (type === 'del') {
      batch.delete(key)
    } else return undefined
    if (operation.sync) sync = true
  }
  return sync
}

interface NativeOperation extends Partial<Operation> {
  readonly keyEncoding?: unknown
  readonly valueEncoding?: unknown
}
