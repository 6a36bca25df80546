/**
 * KEYS: the keys of an encrypted store, wrapped under the secret of its owner.
 *
 * Everything in it is bound to everything else: the checksum finds damage without the secret, and
 * what stands before a wrapped key is its associated data, so that nobody can change it unseen.
 * Format: docs/format/cipher.md (KEYS)
 */
import {
  CIPHER_KEY_BYTES,
  CIPHER_SALT_BYTES,
  CIPHER_STORE_ID_BYTES,
  CIPHER_TAG_BYTES,
  cipherCode,
  cipherName,
  type CipherName,
} from './cipher.js'
import { FormatError, fixed32, putFixed32 } from './coding.js'

export const KEYS_MAGIC = 'CAIRNKEY'
export const KEYS_VERSION = 1
export const KEYS_DERIVATION_RAW = 1
export const KEYS_DERIVATION_SCRYPT = 2
/** log2 of scrypt's N that is written, and the largest one that is believed. */
export const KEYS_SCRYPT_COST = 17
export const KEYS_SCRYPT_COST_MOST = 20
export const KEYS_SCRYPT_BLOCKS = 8
export const KEYS_SCRYPT_LANES = 1
export const KEYS_CHECK_BYTES = 16
/** Everything before the first wrapped key. */
export const KEYS_HEADER_BYTES = 92
/** Key id u32, key and tag. */
export const KEYS_WRAPPED_BYTES = 52
/** Two while a deep rekey is under way. */
export const KEYS_MOST = 2

const SALT_AT = 32
const COST_AT = SALT_AT + CIPHER_SALT_BYTES
const CHECK_AT = COST_AT + 12

export interface WrappedKey {
  /** Above 0; the newest has the highest. */
  readonly id: number
  /** The key, sealed: its bytes, then the tag. */
  readonly sealed: Uint8Array
}

export interface KeysHeader {
  readonly cipher: CipherName
  /** log2 of scrypt's N for a passphrase; undefined for a key. */
  readonly scryptCost: number | undefined
  readonly count: number
  readonly storeId: Uint8Array
  readonly salt: Uint8Array
  readonly check: Uint8Array
}

export interface Keys extends KeysHeader {
  /** The header as it stands in the file: associated data of the wrapped keys. */
  readonly header: Uint8Array
  /** By ascending id. */
  readonly wrapped: readonly WrappedKey[]
}

export function encodeKeysHeader(header: KeysHeader): Uint8Array {
  const bytes = new Uint8Array(KEYS_HEADER_BYTES)
  const isScrypt = header.scryptCost !== undefined
  bytes.set(Buffer.from(KEYS_MAGIC, 'latin1'))
  putFixed32(bytes, 8, KEYS_VERSION)
  bytes[12] = cipherCode(header.cipher)
  bytes[13] = isScrypt ? KEYS_DERIVATION_SCRYPT : KEYS_DERIVATION_RAW
  bytes[14] = header.count
  bytes.set(header.storeId, 16)
  bytes.set(header.salt, SALT_AT)
  putFixed32(bytes, COST_AT, header.scryptCost ?? 0)
  putFixed32(bytes, COST_AT + 4, isScrypt ? KEYS_SCRYPT_BLOCKS : 0)
  putFixed32(bytes, COST_AT + 8, isScrypt ? KEYS_SCRYPT_LANES : 0)
  bytes.set(header.check, CHECK_AT)
  return bytes
}

/** KEYS without its checksum, which the caller appends: masked CRC-32C of these bytes. */
export function encodeKeysBody(header: Uint8Array, wrapped: readonly WrappedKey[]): Uint8Array {
  const bytes = new Uint8Array(header.length + wrapped.length * KEYS_WRAPPED_BYTES)
  bytes.set(header)
  wrapped.forEach(({ id, sealed }, i) => {
    const at = header.length + i * KEYS_WRAPPED_BYTES
    bytes.set(sealed, putFixed32(bytes, at, id))
  })
  return bytes
}

/** The version of bytes that begin as KEYS does; undefined for others. */
export function keysVersion(bytes: Uint8Array): number | undefined {
  const isOurs = Buffer.from(KEYS_MAGIC, 'latin1').every((code, i) => bytes[i] === code)
  return isOurs && bytes.length >= 12 ? fixed32(bytes, 8) : undefined
}

/** Decodes a body whose checksum has been verified and whose version is ours. */
export function decodeKeysBody(bytes: Uint8Array): Keys {
  if (keysVersion(bytes) !== KEYS_VERSION) throw new FormatError('not KEYS of this version', 0)
  if (bytes.length < KEYS_HEADER_BYTES) throw new FormatError('cut short', bytes.length)
  const cipher = cipherName(bytes[12]!)
  if (cipher === undefined) throw new FormatError('unknown cipher', 12)
  const count = bytes[14]!
  if (count < 1 || count > KEYS_MOST) throw new FormatError('wrong number of keys', 14)
  if (bytes[15] !== 0) throw new FormatError('a byte that is not zero', 15)
  if (bytes.length !== KEYS_HEADER_BYTES + count * KEYS_WRAPPED_BYTES)
    throw new FormatError('not the size of its keys', bytes.length)
  return {
    cipher,
    scryptCost: decodeCost(bytes),
    count,
    storeId: bytes.slice(16, 16 + CIPHER_STORE_ID_BYTES),
    salt: bytes.slice(SALT_AT, COST_AT),
    check: bytes.slice(CHECK_AT, KEYS_HEADER_BYTES),
    header: bytes.slice(0, KEYS_HEADER_BYTES),
    wrapped: decodeWrapped(bytes, count),
  }
}

/** No more work and memory for scrypt than a store can have asked for. */
function decodeCost(bytes: Uint8Array): number | undefined {
  const cost = fixed32(bytes, COST_AT)
  const [blocks, lanes] = [fixed32(bytes, COST_AT + 4), fixed32(bytes, COST_AT + 8)]
  if (bytes[13] === KEYS_DERIVATION_RAW) {
    if (cost + blocks + lanes !== 0) throw new FormatError('a cost for a key', COST_AT)
    return undefined
  }
  if (bytes[13] !== KEYS_DERIVATION_SCRYPT) throw new FormatError('unknown derivation', 13)
  if (cost < KEYS_SCRYPT_COST || cost > KEYS_SCRYPT_COST_MOST)
    throw new FormatError('cost of scrypt out of range', COST_AT)
  if (blocks !== KEYS_SCRYPT_BLOCKS || lanes !== KEYS_SCRYPT_LANES)
    throw new FormatError('unknown parameters of scrypt', COST_AT + 4)
  return cost
}

function decodeWrapped(bytes: Uint8Array, count: number): WrappedKey[] {
  const sealedBytes = CIPHER_KEY_BYTES + CIPHER_TAG_BYTES
  return Array.from({ length: count }, (_, i) => {
    const at = KEYS_HEADER_BYTES + i * KEYS_WRAPPED_BYTES
    const id = fixed32(bytes, at)
    if (id === 0 || (i > 0 && id <= fixed32(bytes, at - KEYS_WRAPPED_BYTES)))
      throw new FormatError('key ids do not ascend', at)
    return { id, sealed: bytes.slice(at + 4, at + 4 + sealedBytes) }
  })
}
