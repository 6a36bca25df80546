/**
 * Ranges as abstract-level gives them (`gt gte lt lte reverse`, encoded) as bounds of a scan.
 * `gte` goes before `gt` and `lte` before `lt`, as in LevelDB's other bindings.
 */
import type { Datum } from '../../format/batch.js'
import type { ScanBounds } from '../../plane.js'

export interface EncodedRange {
  readonly gt?: Datum
  readonly gte?: Datum
  readonly lt?: Datum
  readonly lte?: Datum
  readonly reverse?: boolean
}

/** The caller's own bytes are copied: a scan outlives the call that began it. */
export function ownBytes(datum: Datum): Uint8Array {
  return typeof datum === 'string' ? Buffer.from(datum) : Uint8Array.prototype.slice.call(datum)
}

export function scanBounds(range: EncodedRange): ScanBounds {
  const lower = range.gte ?? range.gt
  const upper = range.lte ?? range.lt
  return {
    ...(lower !== undefined && {
      lower: ownBytes(lower),
      lowerInclusive: range.gte !== undefined,
    }),
    ...(upper !== undefined && {
      upper: ownBytes(upper),
      upperInclusive: range.lte !== undefined,
    }),
    reverse: range.reverse === true,
  }
}

/** Whether `key` lies outside the bounds. */
export function outside(key: Uint8Array, bounds: ScanBounds): boolean {
  if (bounds.lower !== undefined) {
    const order = Buffer.compare(key, bounds.lower)
    if (order < 0 || (order === 0 && bounds.lowerInclusive !== true)) return true
  }
  if (bounds.upper === undefined) return false
  const order = Buffer.compare(key, bounds.upper)
  return order > 0 || (order === 0 && bounds.upperInclusive !== true)
}
