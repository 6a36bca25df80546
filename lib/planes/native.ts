/**
 * Finds the native plane's addon and proves it before anything is trusted to it.
 *
 * Proof: it lies in this package (or CAIRN_ADDON names it), its format constants equal
 * lib/format's, its error codes equal the union, and it knows the CRC-32C vector. A binary that is
 * stale, foreign or broken is refused with a reason, never used in part. The one cast from what
 * was loaded to a type is here, behind that proof.
 * Decides: whether a native plane can be had
 */
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { STORE_ERROR_CODES } from '../errors.js'
import { BATCH_HEADER_BYTES } from '../format/batch.js'
import { BLOCK_KIND_SNAPPY, BLOCK_SIZE_BYTES, BLOCK_TRAILER_BYTES } from '../format/block.js'
import { CRC_CHECK, CRC_MASK_DELTA, CRC_POLYNOMIAL } from '../format/checksum.js'
import { FILTER_BASE_LG, FILTER_HASH_MULTIPLIER, FILTER_HASH_SEED } from '../format/filter.js'
import { JOURNAL_BLOCK_BYTES, JOURNAL_HEADER_BYTES, JOURNAL_KIND_LAST } from '../format/journal.js'
import {
  KEY_SEQUENCE_MAX,
  KEY_TRAILER_BYTES,
  KEY_TYPE_SEEK,
  KEY_TYPE_VALUE,
} from '../format/key.js'
import {
  TABLE_FOOTER_BYTES,
  TABLE_MAGIC_HIGH,
  TABLE_MAGIC_LOW,
  TABLE_PROPERTIES_VERSION,
} from '../format/table.js'
import { ADDON_REVISION, NATIVE_FUNCTIONS } from './addon.js'
import type { NativeAddon } from './addon.js'
import { isCutLibrary } from './elf.js'

export interface NativeFound {
  readonly addon: NativeAddon
  readonly file: string
}

export type NativeSearch = NativeFound | { readonly addon?: undefined; readonly reason: string }

/** The constants that both planes must agree on; the addon exports its own under these names. */
export const FORMAT_CONSTANTS: Readonly<Record<string, number>> = {
  BATCH_HEADER_BYTES,
  BLOCK_KIND_SNAPPY,
  BLOCK_SIZE_BYTES,
  BLOCK_TRAILER_BYTES,
  CRC_MASK_DELTA,
  CRC_POLYNOMIAL,
  FILTER_BASE_LG,
  FILTER_HASH_MULTIPLIER,
  FILTER_HASH_SEED,
  JOURNAL_BLOCK_BYTES,
  JOURNAL_HEADER_BYTES,
  JOURNAL_KIND_LAST,
  KEY_SEQUENCE_MAX,
  KEY_TRAILER_BYTES,
  KEY_TYPE_SEEK,
  KEY_TYPE_VALUE,
  TABLE_FOOTER_BYTES,
  TABLE_MAGIC_HIGH,
  TABLE_MAGIC_LOW,
  TABLE_PROPERTIES_VERSION,
}

/** Looks for an addon and proves it; `named` is CAIRN_ADDON. Never throws. */
export function findNative(named: string | undefined): NativeSearch {
  const require = createRequire(import.meta.url)
  try {
    const file = named ? namedFile(named) : packagedFile(require)
    if (isCutLibrary(file)) return { reason: `the addon ${file} is cut short` }
    const loaded: unknown = require(file)
    const flaw = flawOf(loaded)
    if (flaw !== undefined) return { reason: `the addon ${file} was refused: ${flaw}` }
    return { addon: loaded as NativeAddon, file }
  } catch (error) {
    return { reason: error instanceof Error ? firstLine(error.message) : String(error) }
  }
}

/** What is wrong with a loaded addon; undefined when nothing is. */
export function flawOf(loaded: unknown): string | undefined {
  if (typeof loaded !== 'object' || loaded === null) return 'it exports nothing'
  const addon = loaded as Partial<NativeAddon>
  const { constants, errorCodes } = addon
  if (addon.revision !== ADDON_REVISION) return 'it was built for another version of cairndb'
  if (typeof constants !== 'object' || constants === null) return 'it tells no format constants'
  for (const [name, value] of Object.entries(FORMAT_CONSTANTS))
    if (constants[name] !== value) return `its ${name} is not ${value}`
  if (!Array.isArray(errorCodes) || errorCodes.join() !== STORE_ERROR_CODES.join())
    return 'its error codes are others'
  for (const name of Object.keys(NATIVE_FUNCTIONS) as (keyof typeof NATIVE_FUNCTIONS)[])
    if (typeof addon[name] !== 'function') return `it has no ${name}`
  // Perhaps of another realm: test runners give modules one of their own.
  if (!types.isFloat64Array(addon.words)) return 'it has no words'
  if (addon.crc32c!(Buffer.from('123456789'), 0) !== CRC_CHECK) return 'its CRC-32C is wrong'
  return undefined
}

function namedFile(named: string): string {
  if (!isAbsolute(named)) throw new Error('CAIRN_ADDON is not an absolute path')
  return named
}

function packagedFile(require: NodeJS.Require): string {
  const root = packageRoot()
  const build = require('node-gyp-build') as { resolve(directory: string): string }
  let file: string
  try {
    file = build.resolve(root)
  } catch {
    throw new Error('this package holds no addon for this platform')
  }
  if (!realpathSync(file).startsWith(realpathSync(root) + sep))
    throw new Error('the addon lies outside this package, and CAIRN_ADDON does not name it')
  return file
}

/** The nearest folder above this file that holds a package.json. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) throw new Error('this file is in no package')
    folder = dirname(folder)
  }
  return folder
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!
}
