/**
 * The cipher of one file: what its header is tagged and its groups are sealed with.
 *
 * Both keys are derived from the store's key, the file's random salt and what the file is, so that
 * no other file has them; the nonce is the number of the group in the file. No pair of key and
 * nonce comes twice: a cipher seals ascending numbers only, and a file that was left is never
 * appended to again.
 * Format: docs/format/cipher.md
 */
import { createHmac, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto'
import {
  CIPHER_INDEX_MAX,
  CIPHER_KEY_BYTES,
  CIPHER_LABEL_DATA,
  CIPHER_LABEL_HEADER,
  CIPHER_TAG_BYTES,
  keyInfo,
  type CipherName,
} from '../format/cipher.js'
import { SealingKey } from './aead.js'
import { takeKey } from './secret.js'

/** Which file a cipher is for. */
export interface FileIdentity {
  readonly cipher: CipherName
  readonly storeId: Uint8Array
  readonly fileKind: number
  readonly salt: Uint8Array
}

export class FileCipher {
  readonly #headerKey: KeyObject
  readonly #dataKey: SealingKey
  #sealed = 0

  constructor(storeKey: KeyObject, { cipher, storeId, fileKind, salt }: FileIdentity) {
    const derive = (label: string): KeyObject =>
      deriveKey(storeKey, salt, keyInfo(label, cipher, storeId, fileKind))
    this.#headerKey = derive(CIPHER_LABEL_HEADER)
    this.#dataKey = new SealingKey(cipher, derive(CIPHER_LABEL_DATA))
  }

  /** 16 bytes that only who has the store's key can make. */
  headerTag(header: Uint8Array): Uint8Array {
    return tagOf(this.#headerKey, header)
  }

  isHeaderTag(header: Uint8Array, tag: Uint8Array): boolean {
    return isSame(this.headerTag(header), tag)
  }

  /** Seals the group of number `index`, from 1 and above all before: ciphertext and tag. */
  seal(index: number, associated: Uint8Array, plain: Uint8Array): Uint8Array {
    this.#advance(index)
    return this.#dataKey.seal({ index, associated, bytes: plain })
  }

  /** As `seal`, without holding the event loop; `plain` stays as it is until it settles. */
  async sealLarge(index: number, associated: Uint8Array, plain: Uint8Array): Promise<Uint8Array> {
    this.#advance(index)
    return this.#dataKey.sealLarge({ index, associated, bytes: plain })
  }

  /** What was sealed, or undefined where number, associated data or bytes are not as sealed. */
  open(index: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    return this.#dataKey.open({ index, associated, bytes: sealed })
  }

  /** As `open`, without holding the event loop; `sealed` stays as it is until it settles. */
  async openLarge(
    index: number,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    return this.#dataKey.openLarge({ index, associated, bytes: sealed })
  }

  /** A number that was used is gone, whatever became of its group. */
  #advance(index: number): void {
    if (!Number.isInteger(index) || index <= this.#sealed || index > CIPHER_INDEX_MAX)
      throw new RangeError(`group ${index} can not be sealed behind group ${this.#sealed}`)
    this.#sealed = index
  }
}

/** HKDF-SHA256: 32 bytes for one purpose. */
export function deriveKey(from: KeyObject, salt: Uint8Array, info: Uint8Array): KeyObject {
  return takeKey(new Uint8Array(hkdfSync('sha256', from, salt, info, CIPHER_KEY_BYTES)))
}

/** The first 16 bytes of HMAC-SHA256. */
export function tagOf(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(bytes).digest().subarray(0, CIPHER_TAG_BYTES)
}

/** Whether two tags are the same, in a time that does not tell where they differ. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
