/**
 * Mutations of bytes by a seed: flips, truncations, splices, and lengths set to extremes.
 */
import type { Next } from '../support/shapes.js'
import { one } from '../support/shapes.js'

/** Small numbers that lie on a border of something, as the bytes of a length field. */
const EXTREMES: readonly (readonly number[])[] = [
  [0],
  [1],
  [0x7f],
  [0x80],
  [0xff],
  [0x80, 0x00],
  [0xff, 0x7f],
  [0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0x00, 0x00, 0x00, 0x80],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00],
]

type Mutation = (bytes: Buffer, next: Next) => Buffer

const flip: Mutation = (bytes, next) => {
  if (bytes.length > 0) bytes[next(bytes.length)]! ^= 1 << next(8)
  return bytes
}

const cut: Mutation = (bytes, next) => bytes.subarray(0, next(bytes.length + 1))

const splice: Mutation = (bytes, next) => {
  const [from, to] = [next(bytes.length + 1), next(bytes.length + 1)]
  const length = Math.min(next(64), bytes.length - from)
  const piece = bytes.subarray(from, from + length)
  const skip = next(2) === 0 ? length : next(32)
  return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to + skip)])
}

const fill: Mutation = (bytes, next) => {
  const from = next(bytes.length + 1)
  return bytes.fill(one(next, [0, 0xff]), from, Math.min(bytes.length, from + next(40)))
}

const extreme: Mutation = (bytes, next) => {
  const at = next(bytes.length + 1)
  const field = one(next, EXTREMES).slice(0, bytes.length - at)
  bytes.set(field, at)
  return bytes
}

const MUTATIONS = [flip, flip, extreme, extreme, splice, fill, cut]

/** A mutated copy. */
export function mutated(bytes: Uint8Array, next: Next): Buffer {
  let copy: Buffer = Buffer.from(bytes)
  for (let times = 1 + next(3); times > 0; times--) copy = one(next, MUTATIONS)(copy, next)
  return copy
}
