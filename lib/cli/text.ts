/**
 * Bytes as text and back: how the command shows keys and values, and reads them again.
 *
 * In JSON, bytes that are valid UTF-8 are a string and all others `{"base64":"..."}`, so that
 * what `dump` writes is what `load` stores, byte for byte.
 */
import { isUtf8 } from 'node:buffer'

export type JsonBytes = string | { base64: string }

export function bytesToJson(bytes: Uint8Array): JsonBytes {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return isUtf8(view) ? view.toString('utf8') : { base64: view.toString('base64') }
}

/** The bytes of `{"base64":"..."}`; undefined when `value` is not exactly that. */
export function base64Object(value: unknown): Buffer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const names = Object.keys(value)
  if (names.length !== 1 || names[0] !== 'base64') return undefined
  return decodeBase64((value as { base64: unknown }).base64)
}

/** Undefined for anything that is not well-formed base64, where Buffer.from would guess. */
export function decodeBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text.length % 4 !== 0) return undefined
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let scaled = bytes / 1024
  let unit = 0
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024
    unit++
  }
  return `${scaled.toFixed(scaled < 10 ? 2 : 1)} ${units[unit]}`
}

export function formatSeconds(seconds: number): string {
  if (seconds >= 120) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`
}
