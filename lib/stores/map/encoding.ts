/**
 * Encodings: what callers give and get for keys and values, and the bytes between.
 *
 * Text goes in as its UTF-8 and bytes as they are, whatever the encoding; 'json' alone takes any
 * value. What comes out is the caller's own copy.
 */
import { markAsUntransferable } from 'node:worker_threads'
import type { Datum } from '../../format/batch.js'
import { Memory, copyRun } from '../../format/memory.js'
import { shown } from '../options.js'
import type { Encoding } from './options.js'

export interface Codec {
  /** TypeError for what can be neither text nor bytes, or no JSON. */
  encode(given: unknown): Datum
  decode(from: Memory<Buffer>, start: number, end: number): unknown
}

/** A copy up to this many bytes is made by a loop: cheaper than a view. */
const LOOP_BYTES = 64

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
      return bufferDecoder()
    case 'view':
      return viewOf
    case 'json':
      return (from, start, end) => {
        try {
          return JSON.parse(textOf(from, start, end)) as unknown
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

function textOf({ bytes }: Memory<Buffer>, start: number, end: number): string {
  return bytes.toString('utf8', start, end)
}

/** Short copies share memory, as Node's small buffers do. */
function bufferDecoder(): Codec['decode'] {
  let pool = new Memory(Buffer.allocUnsafeSlow(0))
  let at = 0
  return (from, start, end) => {
    const length = end - start
    if (length > Buffer.poolSize >>> 1) return Buffer.from(from.bytes.subarray(start, end))
    if (length > pool.bytes.length - at) {
      pool = new Memory(Buffer.allocUnsafeSlow(Buffer.poolSize))
      // One that went to another thread would take its neighbours along.
      markAsUntransferable(pool.bytes.buffer)
      at = 0
    }
    copyRun(from, start, end, pool, at)
    const copy = pool.bytes.subarray(at, at + length)
    at += (length + 7) & ~7
    return copy
  }
}

function viewOf({ bytes }: Memory<Buffer>, start: number, end: number): Uint8Array {
  const into = new Uint8Array(end - start)
  if (end - start > LOOP_BYTES) into.set(bytes.subarray(start, end))
  else for (let i = start; i < end; i++) into[i - start] = bytes[i]!
  return into
}
