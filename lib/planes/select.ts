/**
 * Chooses the data plane of a store, and says why.
 *
 * The environment variable CAIRN_PLANE overrides what the options ask for. A plane that was
 * demanded and can not be had is an error, never silently another one. CAIRN_IO does the same for
 * the way in which the native plane syncs.
 * Decides: native or TypeScript
 */
import { StoreError } from '../errors.js'
import type { DataPlane } from '../plane.js'
import type { IoWanted } from './addon.js'
import { nativePlane } from './bridge/plane.js'
import { findNative } from './native.js'
import type { NativeFound, NativeSearch } from './native.js'
import { typescriptPlane } from './typescript.js'
import type { PlaneOptions } from './typescript.js'

export type WantedPlane = 'auto' | 'native' | 'typescript'

export interface SelectedPlane {
  readonly plane: DataPlane
  /** Why this one, for people to read. */
  readonly reason: string
}

let searched: { named: string | undefined; search: NativeSearch } | undefined

/** Throws StoreError CAIRN_NATIVE_UNAVAILABLE when 'native' is demanded and can not be had;
 * RangeError when CAIRN_PLANE has another value than native or typescript. */
export function selectPlane(wanted: WantedPlane, options: PlaneOptions): SelectedPlane {
  const forced = forcedPlane(process.env.CAIRN_PLANE)
  const choice = forced ?? wanted
  if (choice === 'typescript') {
    const reason = forced ? 'CAIRN_PLANE asks for it' : 'the options ask for it'
    return { plane: typescriptPlane(options), reason }
  }
  const refusal = refusalOf(options)
  if (typeof refusal !== 'string') {
    const plane = nativePlane(refusal.addon, options, wantedIo(process.env.CAIRN_IO))
    const why = plane.refusal === '' ? '' : `; no io_uring: ${plane.refusal}`
    return { plane, reason: `the addon ${refusal.file} is proven${why}` }
  }
  if (choice === 'native')
    throw new StoreError('CAIRN_NATIVE_UNAVAILABLE', `no native plane: ${refusal}`)
  return { plane: typescriptPlane(options), reason: refusal }
}

/** A proven addon, or why there is none for this store. */
function refusalOf(options: PlaneOptions): string | NativeFound {
  const { kind } = options.storage
  if (kind !== 'disk') return `storage of kind ${kind} is kept to the TypeScript plane`
  const search = nativeSearch()
  return search.addon === undefined ? search.reason : search
}

/** Loading is tried once per CAIRN_ADDON: a library can not be loaded better a second time. */
function nativeSearch(): NativeSearch {
  const named = process.env.CAIRN_ADDON || undefined
  if (searched === undefined || searched.named !== named)
    searched = { named, search: findNative(named) }
  return searched.search
}

/** How the native plane is to do its syncs; the ring where it can be had, unless CAIRN_IO says. */
function wantedIo(value: string | undefined): IoWanted {
  if (value === undefined || value === '') return 'auto'
  if (value === 'io_uring' || value === 'threads') return value
  throw new RangeError(`CAIRN_IO is '${value}'; it may be io_uring or threads`)
}

function forcedPlane(value: string | undefined): 'native' | 'typescript' | undefined {
  if (value === undefined || value === '') return undefined
  if (value === 'native' || value === 'typescript') return value
  throw new RangeError(`CAIRN_PLANE is '${value}'; it may be native or typescript`)
}
