/**
 * Encodings: what callers give and get for keys and values, and the bytes between.
 *
 * Text goes in as its UTF-8 and bytes as they are, whatever the encoding; 'json' alone takes any
 * value. What comes out is the caller's own copy.
 */
import type { Datum } from '../../format/batch.js'
import { shown } from '../options.js'
import type { Encoding } from './options.js'

export interface Codec {
  /** TypeError for what can be neither text nor bytes, or no JSON. */
  encode(given: unknown): Datum
  decode(bytes: Buffer, start: number, end: number): unknown
}

/** Copies up to this many bytes are made by a loop: cheaper than a view. */
const LOOP_BYTES = 160

/** `what`: a key or a value, for messages. */
export function codecOf(encoding: Encoding, what: string): Codec {
  return { encode: encoderOf(encoding, what), decode: decoderOf(encoding, what) }
}

function encoderOf(encoding: Encoding, what: string): Codec['encode'] {
  return encoding === 'json'
    ? (given) => jsonOf(given, what)
    : (given) => {
        if (typeof given === 'string') return wellFormed(given, what)
        if (given instanceof Uint8Array) return given
        throw new TypeError(`A ${what} must be a string or a Uint8Array, got ${shown(given)}`)
      }
}

function decoderOf(encoding: Encoding, what: string): Codec['decode'] {
  switch (encoding) {
    case 'utf8':
      return textOf
    case 'buffer':
      return (bytes, start, end) => copy(bytes, start, end, Buffer.allocUnsafe(end - start))
    case 'view':
      return (bytes, start, end) => copy(bytes, start, end, new Uint8Array(end - start))
    case 'json':
      return (bytes, start, end) => {
        try {
          return JSON.parse(textOf(bytes, start, end)) as unknown
        } catch (error) {
          throw new TypeError(`The ${what} is no JSON: it was written with another encoding`, {
            cause: error,
          })
        }
      }
  }
}

function jsonOf(given: unknown, what: string): string {
  const text = JSON.stringify(given) as string | undefined
  if (text !== undefined) return text
  throw new TypeError(`A ${what} must have a JSON form, got ${shown(given)}`)
}

/** Lone surrogates have no UTF-8: another text would be written. */
function wellFormed(text: string, what: string): string {
  if (text.isWellFormed()) return text
  throw new TypeError(`A ${what} must be well-formed Unicode`)
}

function textOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end)
}

function copy<T extends Uint8Array>(bytes: Buffer, start: number, end: number, into: T): T {
  if (end - start > LOOP_BYTES) into.set(bytes.subarray(start, end))
  else for (let i = start; i < end; i++) into[i - start] = bytes[i]!
  return into
}
