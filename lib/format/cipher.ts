/**
 * Ciphers as numbers: which there are, how long their parts are, what keys and nonces are made of.
 *
 * No cryptography here: lib/durable/cipher.ts does it with these bytes.
 * Format: docs/format/cipher.md
 */
import { putFixed32 } from './coding.js'

export const CIPHER_NONE = 0
export const CIPHER_AES_256_GCM = 1
export const CIPHER_CHACHA20_POLY1305 = 2
export const CIPHER_KEY_BYTES = 32
export const CIPHER_SALT_BYTES = 32
export const CIPHER_STORE_ID_BYTES = 16
export const CIPHER_NONCE_BYTES = 12
export const CIPHER_TAG_BYTES = 16
/** What a file is, as its keys are bound to it. */
export const CIPHER_FILE_SEGMENT = 1
export const CIPHER_FILE_SNAPSHOT = 2
/** A file seals at most this many groups: their number is a u32. */
export const CIPHER_INDEX_MAX = 0xffffffff
export const CIPHER_LABEL_CHECK = 'cairndb key check'
export const CIPHER_LABEL_WRAP = 'cairndb key wrap'
export const CIPHER_LABEL_HEADER = 'cairndb file header'
export const CIPHER_LABEL_DATA = 'cairndb file data'
export const CIPHER_LABEL_SEAL = 'cairndb store seal'

export type CipherName = 'aes-256-gcm' | 'chacha20-poly1305'

/** The ciphers by their numbers. */
const NAMES: Readonly<Record<number, CipherName>> = {
  [CIPHER_AES_256_GCM]: 'aes-256-gcm',
  [CIPHER_CHACHA20_POLY1305]: 'chacha20-poly1305',
}

/** Undefined for a number that is no cipher's. */
export function cipherName(code: number): CipherName | undefined {
  return Object.hasOwn(NAMES, code) ? NAMES[code] : undefined
}

export function cipherCode(name: CipherName): number {
  return name === 'aes-256-gcm' ? CIPHER_AES_256_GCM : CIPHER_CHACHA20_POLY1305
}

/** The nonce of a group: four zero bytes and its number in the file, from 1, as u64. */
export function nonceOf(index: number): Uint8Array {
  const nonce = new Uint8Array(CIPHER_NONCE_BYTES)
  putFixed32(nonce, 4, index)
  return nonce
}

/** What a subkey is bound to, for HKDF: the label, then the cipher, the store and the kind. */
export function keyInfo(
  label: string,
  cipher: CipherName,
  storeId: Uint8Array,
  fileKind: number,
): Uint8Array {
  const name = Buffer.from(label, 'latin1')
  const info = new Uint8Array(name.length + 2 + storeId.length)
  info.set(name)
  info[name.length] = cipherCode(cipher)
  info.set(storeId, name.length + 1)
  info[info.length - 1] = fileKind
  return info
}
