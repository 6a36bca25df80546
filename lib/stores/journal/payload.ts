/**
 * Payloads as callers give them: bytes as they are, strings as their UTF-8.
 */
import { TextBytes } from '../../format/text.js'
import { shown } from '../options.js'

export type Payload = Uint8Array | string

/** Longer strings get memory of their own. */
const SHORT_CHARACTERS = 1024

const short = new TextBytes()

/** Bytes that hold until the next call. TypeError for anything else. */
export function payloadBytes(payload: Payload): Uint8Array {
  if (typeof payload === 'string') {
    // Lone surrogates have no UTF-8: another text would be written.
    if (!payload.isWellFormed()) throw new TypeError('a payload must be well-formed Unicode')
    return payload.length <= SHORT_CHARACTERS ? short.of(payload) : Buffer.from(payload)
  }
  if (payload instanceof Uint8Array) return payload
  throw new TypeError(`a payload must be a Uint8Array or a string, got ${shown(payload)}`)
}

/** Bytes that later changes of the caller's do not reach. */
export function ownBytes(payload: Payload): Uint8Array {
  return Uint8Array.prototype.slice.call(payloadBytes(payload))
}
