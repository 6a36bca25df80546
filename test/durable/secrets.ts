/** Secrets and keys of stores for tests, and what can be done to KEYS without them. */
import { createSecretKey } from 'node:crypto'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { openKeys, type RandomBytes, type StoreKeys } from '../../lib/durable/keys.js'
import { secretOf, type Secret } from '../../lib/durable/secret.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { putFixed32 } from '../../lib/format/coding.js'
import type { Storage } from '../../lib/io/files.js'
import { random } from '../../lib/io/random.js'

export const STORE_ID = new Uint8Array(16).fill(0x5d)
export const IDENTITY = { storeId: STORE_ID, encrypted: true }
export const PLANE = { crc32c }

/** A key of 32 bytes that only this letter has. */
export const keyBytes = (letter: string): Uint8Array =>
  new Uint8Array(32).fill(letter.charCodeAt(0))
export const keySecret = (letter: string): Secret => secretOf(keyBytes(letter))
export const keyObject = (letter: string): Secret => secretOf(createSecretKey(keyBytes(letter)))

/** The same bytes for the same seed. */
export function seededBytes(seed: number): RandomBytes {
  const next = random(seed)
  return (count) => Uint8Array.from({ length: count }, () => next() * 256)
}

/** Replaces the checksum at the end, as who forges KEYS would. */
export function withChecksum(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4
  putFixed32(bytes, end, maskCrc(crc32c(bytes.subarray(0, end))))
  return bytes
}

/** The store keys in hex by their ids; what opening them rejected with otherwise. */
export async function openedBy(storage: Storage, secret: Secret): Promise<unknown> {
  try {
    const keys = await openKeys(storage, PLANE, IDENTITY, secret)
    return keys && hexOf(keys)
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
}

export function hexOf({ keys }: StoreKeys): Record<number, string> {
  return Object.fromEntries([...keys].map(([id, key]) => [id, key.export().toString('hex')]))
}
