/**
 * The secret of a store's owner, a key or a passphrase, and what is derived from it.
 *
 * It is copied when it is given and kept where no inspection shows it. No error holds any of it.
 * Format: docs/format/cipher.md (KEYS)
 */
import { KeyObject, createSecretKey, scrypt, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { CIPHER_KEY_BYTES } from '../format/cipher.js'
import { KEYS_SCRYPT_BLOCKS, KEYS_SCRYPT_LANES } from '../format/keys.js'

export const PASSPHRASE_LEAST_CHARACTERS = 8

/** What callers give: 32 bytes, a secret KeyObject of 32 bytes, or a passphrase. */
export type SecretInput = Uint8Array | KeyObject | string

export interface Secret {
  readonly kind: 'key' | 'passphrase'
  /** The key itself, or the passphrase as UTF-8. */
  readonly material: KeyObject
}

const scryptAsync = promisify<Buffer, Uint8Array, number, ScryptOptions, Buffer>(scrypt)

/** TypeError or RangeError for what can be no secret. */
export function secretOf(input: SecretInput): Secret {
  if (typeof input === 'string') return passphraseOf(input)
  if (input instanceof KeyObject) {
    if (input.type !== 'secret') throw new TypeError(`key is a KeyObject of type '${input.type}'`)
    checkKeyBytes(input.symmetricKeySize)
    return { kind: 'key', material: input }
  }
  if (!(input instanceof Uint8Array)) throw new TypeError('key must be a Uint8Array or KeyObject')
  checkKeyBytes(input.length)
  return { kind: 'key', material: createSecretKey(input) }
}

/** The secret that the options of a store name, if they name one. */
export function secretOfOptions(options: {
  readonly key?: Uint8Array | KeyObject | undefined
  readonly passphrase?: string | undefined
}): Secret | undefined {
  const { key, passphrase } = options
  if (key !== undefined && passphrase !== undefined)
    throw new TypeError('a store takes a key or a passphrase, not both')
  if (passphrase !== undefined) {
    if (typeof passphrase !== 'string') throw new TypeError('passphrase must be a string')
    return passphraseOf(passphrase)
  }
  if (typeof key === 'string') throw new TypeError('key must be a Uint8Array or KeyObject')
  return key === undefined ? undefined : secretOf(key)
}

function checkKeyBytes(bytes: number | undefined): void {
  if (bytes !== CIPHER_KEY_BYTES)
    throw new RangeError(`key must have ${CIPHER_KEY_BYTES} bytes; it has ${bytes}`)
}

function passphraseOf(text: string): Secret {
  // Lone surrogates would all become the same character.
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('passphrase must be well-formed Unicode')
  if ([...text].length < PASSPHRASE_LEAST_CHARACTERS)
    throw new RangeError(`passphrase must have ${PASSPHRASE_LEAST_CHARACTERS} characters at least`)
  // Keyboards differ in how they compose a letter with its accent.
  const bytes = Buffer.from(text.normalize('NFC'), 'utf8')
  try {
    return { kind: 'passphrase', material: createSecretKey(bytes) }
  } finally {
    bytes.fill(0)
  }
}

/**
 * The 32 bytes that a store's keys are wrapped under come from this: the key as it is, or scrypt
 * of the passphrase, which takes a while off the thread.
 */
export async function deriveRoot(
  secret: Secret,
  salt: Uint8Array,
  scryptCost: number | undefined,
): Promise<KeyObject> {
  if (scryptCost === undefined) return secret.material
  const N = 2 ** scryptCost
  const options = { N, r: KEYS_SCRYPT_BLOCKS, p: KEYS_SCRYPT_LANES }
  // scrypt holds 128 * N * r bytes and a little more.
  const maxmem = 256 * N * options.r
  const passphrase = secret.material.export()
  try {
    return takeKey(await scryptAsync(passphrase, salt, CIPHER_KEY_BYTES, { ...options, maxmem }))
  } finally {
    passphrase.fill(0)
  }
}

/** Takes bytes in as a KeyObject and leaves zeros. */
export function takeKey(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
