/**
 * The keys of an encrypted store: made, read and written, under the secret of its owner.
 *
 * A random store key encrypts; KEYS holds it wrapped under the secret, so that a secret can be
 * replaced without touching the data. Damage is told from a wrong secret, and neither changes a
 * byte. KEYS is replaced in one step.
 * Format: docs/format/cipher.md (KEYS)
 */
import { hkdfSync, type KeyObject } from 'node:crypto'
import { corruption, StoreError } from '../errors.js'
import { maskCrc } from '../format/checksum.js'
import {
  CIPHER_KEY_BYTES,
  CIPHER_LABEL_CHECK,
  CIPHER_LABEL_SEAL,
  CIPHER_LABEL_WRAP,
  CIPHER_SALT_BYTES,
  keyInfo,
  type CipherName,
} from '../format/cipher.js'
import { FormatError, fixed32, putFixed32 } from '../format/coding.js'
import {
  KEYS_CHECK_BYTES,
  KEYS_HEADER_BYTES,
  KEYS_MOST,
  KEYS_SCRYPT_COST,
  KEYS_VERSION,
  KEYS_WRAPPED_BYTES,
  decodeKeysBody,
  encodeKeysBody,
  encodeKeysHeader,
  keysVersion,
  type Keys,
} from '../format/keys.js'
import { FILE_KEYS } from '../format/names.js'
import type { StoreIdentity } from '../format/store.js'
import type { Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { SealingKey } from './aead.js'
import { FileCipher, deriveKey, isSame, tagOf } from './cipher.js'
import { readWhole, writeWhole } from '../commit/file.js'
import { fasterCipher } from './processor.js'
import { deriveRoot, takeKey, type Secret } from './secret.js'

const NO_SALT = new Uint8Array(0)
const LARGEST_BYTES = KEYS_HEADER_BYTES + KEYS_MOST * KEYS_WRAPPED_BYTES + 4

type Checksums = Pick<DataPlane, 'crc32c'>
/** Gives so many random bytes, which are the caller's. */
export type RandomBytes = (count: number) => Uint8Array

export interface KeysSetup {
  readonly secret: Secret
  readonly cipher: CipherName | 'auto'
  readonly storeId: Uint8Array
  readonly random: RandomBytes
}

/** The keys of a store that is open. */
export class StoreKeys {
  /** The key of new files. */
  readonly keyId: number

  constructor(
    readonly cipher: CipherName,
    readonly storeId: Uint8Array,
    /** By ascending id; two while a deep rekey is under way. */
    readonly keys: ReadonlyMap<number, KeyObject>,
  ) {
    this.keyId = Math.max(...keys.keys())
  }

  /** The cipher of a file; undefined when the store has no key of that id. */
  file(keyId: number, salt: Uint8Array, fileKind: number): FileCipher | undefined {
    const key = this.keys.get(keyId)
    const { cipher, storeId } = this
    return key && new FileCipher(key, { cipher, storeId, fileKind, salt })
  }

  /** The tag of what a clean close leaves behind. */
  sealTag(bytes: Uint8Array): Uint8Array {
    return tagOf(this.#sealKey(this.keys.get(this.keyId)!), bytes)
  }

  /** Whether that tag is right, under any key of the store. */
  isSealTag(bytes: Uint8Array, tag: Uint8Array): boolean {
    return [...this.keys.values()].some((key) => isSame(tagOf(this.#sealKey(key), bytes), tag))
  }

  #sealKey(key: KeyObject): KeyObject {
    return deriveKey(key, NO_SALT, keyInfo(CIPHER_LABEL_SEAL, this.cipher, this.storeId, 0))
  }
}

/** Makes the keys of a new store and its KEYS. */
export async function createKeys(
  storage: Storage,
  plane: Checksums,
  { secret, cipher, storeId, random }: KeysSetup,
): Promise<StoreKeys> {
  const chosen = cipher === 'auto' ? fasterCipher() : cipher
  const keys = new StoreKeys(chosen, storeId, new Map([[1, takeKey(random(CIPHER_KEY_BYTES))]]))
  await writeKeys(storage, plane, keys, secret, random)
  return keys
}

/** Replaces KEYS: the same or other keys under the same or another secret. */
export async function writeKeys(
  storage: Storage,
  plane: Checksums,
  keys: StoreKeys,
  secret: Secret,
  random: RandomBytes,
): Promise<void> {
  const salt = random(CIPHER_SALT_BYTES)
  const scryptCost = secret.kind === 'passphrase' ? KEYS_SCRYPT_COST : undefined
  const root = await deriveRoot(secret, salt, scryptCost)
  const { cipher, storeId } = keys
  const count = keys.keys.size
  const check = checkOf(root, salt)
  const header = encodeKeysHeader({ cipher, scryptCost, count, storeId, salt, check })
  const wrapping = wrappingKey(root, salt, cipher)
  const wrapped = [...keys.keys].map(([id, key], i) => {
    const bytes = key.export()
    const sealed = wrapping.seal({ index: i + 1, associated: associated(header, id), bytes })
    bytes.fill(0)
    return { id, sealed }
  })
  const body = encodeKeysBody(header, wrapped)
  const bytes = new Uint8Array(body.length + 4)
  bytes.set(body)
  putFixed32(bytes, body.length, maskCrc(plane.crc32c(body)))
  await writeWhole(storage, FILE_KEYS, bytes)
}

/**
 * Opens the keys of a store, undefined when it is not encrypted. CAIRN_WRONG_KEY when the secret
 * is not the store's or one is missing or too many, CAIRN_CORRUPTION when KEYS is damaged.
 */
export async function openKeys(
  storage: Storage,
  plane: Checksums,
  identity: Pick<StoreIdentity, 'encrypted' | 'storeId'>,
  secret: Secret | undefined,
): Promise<StoreKeys | undefined> {
  const { location } = storage
  if (!identity.encrypted) {
    if (secret === undefined) return undefined
    throw wrongKey(`${location} is not encrypted: open it without a ${secret.kind}`)
  }
  const file = await readKeys(storage, plane)
  if (!isSame(file.storeId, identity.storeId))
    throw corruption(FILE_KEYS, 0, 'it belongs to another store')
  const kind = file.scryptCost === undefined ? 'key' : 'passphrase'
  if (secret === undefined) throw wrongKey(`${location} is encrypted: open it with its ${kind}`)
  if (secret.kind !== kind)
    throw wrongKey(`${location} is encrypted with a ${kind}, not with a ${secret.kind}`)
  const root = await deriveRoot(secret, file.salt, file.scryptCost)
  if (!isSame(checkOf(root, file.salt), file.check))
    throw wrongKey(`the ${kind} is not that of ${location}`)
  return unwrap(file, root)
}

/** KEYS as it stands, its checksum verified. */
async function readKeys(storage: Storage, plane: Checksums): Promise<Keys> {
  const bytes = await readWhole(storage, FILE_KEYS, LARGEST_BYTES + 1)
  if (bytes === undefined) throw corruption(FILE_KEYS, 0, 'it is missing')
  const end = bytes.length - 4
  if (end < 0) throw corruption(FILE_KEYS, bytes.length, 'cut short')
  const body = bytes.subarray(0, end)
  const version = keysVersion(body)
  if (maskCrc(plane.crc32c(body)) !== fixed32(bytes, end) || version === undefined)
    throw corruption(FILE_KEYS, 0, 'checksum mismatch')
  if (version !== KEYS_VERSION)
    throw new StoreError(
      'CAIRN_FORMAT_VERSION',
      `${FILE_KEYS} has version ${version}; this cairndb reads version ${KEYS_VERSION}`,
      { file: FILE_KEYS },
    )
  try {
    return decodeKeysBody(body)
  } catch (error) {
    if (error instanceof FormatError) throw corruption(FILE_KEYS, error.offset, error.message)
    throw error
  }
}

function unwrap(file: Keys, root: KeyObject): StoreKeys {
  const wrapping = wrappingKey(root, file.salt, file.cipher)
  const keys = file.wrapped.map(({ id, sealed }, i): [number, KeyObject] => {
    const key = wrapping.open({
      index: i + 1,
      associated: associated(file.header, id),
      bytes: sealed,
    })
    // The secret is right, so somebody without it changed the file.
    if (key === undefined)
      throw corruption(FILE_KEYS, KEYS_HEADER_BYTES + i * KEYS_WRAPPED_BYTES, 'not as it was made')
    return [id, takeKey(key)]
  })
  return new StoreKeys(file.cipher, file.storeId, new Map(keys))
}

/** What tells a right secret from a wrong one, and tells nothing of either. */
function checkOf(root: KeyObject, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root, salt, CIPHER_LABEL_CHECK, KEYS_CHECK_BYTES))
}

function wrappingKey(root: KeyObject, salt: Uint8Array, cipher: CipherName): SealingKey {
  const info = Buffer.from(CIPHER_LABEL_WRAP, 'latin1')
  return new SealingKey(cipher, deriveKey(root, salt, info))
}

/** A wrapped key is bound to the whole header and to its id. */
function associated(header: Uint8Array, id: number): Uint8Array {
  const bytes = new Uint8Array(header.length + 4)
  bytes.set(header)
  putFixed32(bytes, header.length, id)
  return bytes
}

function wrongKey(message: string): StoreError {
  return new StoreError('CAIRN_WRONG_KEY', message)
}
