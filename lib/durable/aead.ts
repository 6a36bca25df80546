/**
 * Sealing and opening of bytes under one key, AES-256-GCM or ChaCha20-Poly1305: whole, or in
 * pieces between which the event loop goes on.
 *
 * A seal is the ciphertext and a tag of 16 bytes, never a shorter one. What was opened stays here
 * until the tag has been checked, and is wiped when it does not hold.
 * Format: docs/format/cipher.md (seals)
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { CipherGCM, DecipherGCM, KeyObject } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CIPHER_TAG_BYTES, nonceOf, type CipherName } from '../format/cipher.js'

const TAG = { authTagLength: CIPHER_TAG_BYTES }
/** What a turn of the event loop takes: a millisecond or two, with some to spare. */
const PIECE_BYTES = 1024 * 1024

/** What is sealed or opened, and under which number of its key. */
export interface Seal {
  readonly index: number
  readonly associated: Uint8Array
  /** The plain bytes to seal, or the sealed ones to open. */
  readonly bytes: Uint8Array
}

/** A key that seals each index at most once. */
export class SealingKey {
  constructor(
    readonly cipher: CipherName,
    readonly key: KeyObject,
  ) {}

  seal({ index, associated, bytes }: Seal): Uint8Array {
    const sealing = this.#sealing(index, associated, bytes.length)
    const sealed = new Uint8Array(bytes.length + CIPHER_TAG_BYTES)
    sealed.set(sealing.update(bytes))
    return finishSeal(sealing, sealed)
  }

  /** As `seal`; `bytes` must stay as they are until it settles. */
  async sealLarge({ index, associated, bytes }: Seal): Promise<Uint8Array> {
    const sealing = this.#sealing(index, associated, bytes.length)
    const sealed = new Uint8Array(bytes.length + CIPHER_TAG_BYTES)
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      if (at > 0) await nextTurn()
      sealed.set(sealing.update(bytes.subarray(at, at + PIECE_BYTES)), at)
    }
    return finishSeal(sealing, sealed)
  }

  /** The plain bytes, or undefined where anything is not as it was sealed. */
  open({ index, associated, bytes }: Seal): Uint8Array | undefined {
    const opening = this.#opening(index, associated, bytes)
    if (opening === undefined) return undefined
    const { buffer, byteOffset, length } = opening.update(
      bytes.subarray(0, bytes.length - CIPHER_TAG_BYTES),
    )
    // No Buffer goes out: its `slice` is no copy.
    return finishOpen(opening, new Uint8Array(buffer, byteOffset, length))
  }

  /** As `open`; `bytes` must stay as they are until it settles. */
  async openLarge({ index, associated, bytes }: Seal): Promise<Uint8Array | undefined> {
    const opening = this.#opening(index, associated, bytes)
    if (opening === undefined) return undefined
    const plain = new Uint8Array(bytes.length - CIPHER_TAG_BYTES)
    for (let at = 0; at < plain.length; at += PIECE_BYTES) {
      if (at > 0) await nextTurn()
      const end = Math.min(at + PIECE_BYTES, plain.length)
      plain.set(opening.update(bytes.subarray(at, end)), at)
    }
    return finishOpen(opening, plain)
  }

  #sealing(index: number, associated: Uint8Array, plaintextLength: number): CipherGCM {
    const nonce = nonceOf(index)
    // The same call twice, as each cipher has an overload of its own.
    const sealing: CipherGCM =
      this.cipher === 'aes-256-gcm'
        ? createCipheriv(this.cipher, this.key, nonce, TAG)
        : createCipheriv(this.cipher, this.key, nonce, TAG)
    sealing.setAAD(associated, { plaintextLength })
    return sealing
  }

  /** Undefined when there is not even room for a tag. */
  #opening(index: number, associated: Uint8Array, sealed: Uint8Array): DecipherGCM | undefined {
    const plaintextLength = sealed.length - CIPHER_TAG_BYTES
    if (plaintextLength < 0) return undefined
    const nonce = nonceOf(index)
    const opening: DecipherGCM =
      this.cipher === 'aes-256-gcm'
        ? createDecipheriv(this.cipher, this.key, nonce, TAG)
        : createDecipheriv(this.cipher, this.key, nonce, TAG)
    opening.setAAD(associated, { plaintextLength })
    opening.setAuthTag(sealed.subarray(plaintextLength))
    return opening
  }
}

function finishSeal(sealing: CipherGCM, sealed: Uint8Array): Uint8Array {
  sealing.final()
  sealed.set(sealing.getAuthTag(), sealed.length - CIPHER_TAG_BYTES)
  return sealed
}

function finishOpen(opening: DecipherGCM, plain: Uint8Array): Uint8Array | undefined {
  try {
    opening.final()
  } catch {
    plain.fill(0)
    return undefined
  }
  return plain
}
