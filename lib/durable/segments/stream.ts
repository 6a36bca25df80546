/**
 * SegmentStream: a segment or snapshot on its way into a journal writer: header, groups, seal.
 *
 * What follows the header is framed with checksums that begin with the salt. Groups are counted:
 * their number is the nonce, so a stream that failed is never written to again.
 * Format: docs/format/segment.md
 */
import { cipherCode, CIPHER_FILE_SEGMENT, CIPHER_FILE_SNAPSHOT } from '../../format/cipher.js'
import {
  GROUP_HEAD_BYTES,
  GROUP_SEAL,
  GROUP_SEAL_BYTES,
  encodeSeal,
  groupContext,
  putGroupHead,
} from '../../format/group.js'
import {
  SEGMENT_SALT_BYTES,
  SEGMENT_TAG_BYTES,
  encodeSegmentHeader,
  taggedPart,
  type SegmentHeader,
} from '../../format/segment.js'
import type { JournalWriter } from '../../plane.js'
import type { FileCipher } from '../cipher.js'
import type { StoreHome } from '../home.js'
import { INLINE_BYTES } from '../options.js'

/** What the store decides of a header; the rest is the store's own, or random. */
export type HeaderFields = Omit<
  SegmentHeader,
  'storeKind' | 'storeId' | 'cipher' | 'keyId' | 'salt'
>

/** A group's buffer must have so much room behind its bytes. */
export const GROUP_TAIL_BYTES = SEGMENT_TAG_BYTES

export class SegmentStream {
  readonly header: SegmentHeader
  /** Records and groups so far. */
  records = 0
  #index = 0
  /** Where the last group, or the header, ends. */
  #end: number
  readonly #writer: JournalWriter
  readonly #headerBytes: Uint8Array
  readonly #cipher: FileCipher | undefined

  /** Writes the header; the writer is new and empty. */
  constructor(home: StoreHome, writer: JournalWriter, fields: HeaderFields) {
    const { keys, identity } = home
    this.header = {
      ...fields,
      storeKind: identity.kind,
      storeId: identity.storeId,
      cipher: keys === undefined ? 0 : cipherCode(keys.cipher),
      keyId: keys === undefined ? 0 : keys.keyId,
      salt: home.random(SEGMENT_SALT_BYTES),
    }
    const { keyId, salt, isSnapshot } = this.header
    const kind = isSnapshot ? CIPHER_FILE_SNAPSHOT : CIPHER_FILE_SEGMENT
    this.#cipher = keys?.file(keyId, salt, kind)
    const bytes = encodeSegmentHeader(this.header)
    const tagged = taggedPart(bytes)
    if (this.#cipher) bytes.set(this.#cipher.headerTag(tagged), tagged.length)
    writer.append(bytes)
    writer.reseed(home.plane.crc32c(salt))
    this.#writer = writer
    this.#headerBytes = bytes
    this.#end = writer.position
  }

  /**
   * Writes `count` records, which are encoded in `bytes[GROUP_HEAD_BYTES .. size)`; the head is
   * filled in here. The bytes are free again when the call returns, or when its promise settles.
   */
  append(
    bytes: Uint8Array,
    size: number,
    firstSequence: number,
    count: number,
    flags: number,
    time: number,
    mark?: Uint8Array,
  ): Promise<void> | undefined {
    const index = ++this.#index
    putGroupHead(bytes, { firstSequence, count, flags, index, time })
    this.records += count
    if (size > INLINE_BYTES) return this.#appendLarge(bytes, size, index, mark)
    this.#writer.append(this.#sealed(bytes, size, index), mark)
    this.#end = this.#writer.position
    return undefined
  }

  /** Writes the seal; nothing may follow. */
  seal(nextSequence: number, time: number, mark?: Uint8Array): void {
    const index = ++this.#index
    const size = GROUP_HEAD_BYTES + GROUP_SEAL_BYTES
    const bytes = new Uint8Array(size + GROUP_TAIL_BYTES)
    putGroupHead(bytes, { firstSequence: nextSequence, count: 0, flags: GROUP_SEAL, index, time })
    bytes.set(encodeSeal({ records: this.records, end: this.#end }), GROUP_HEAD_BYTES)
    this.#writer.append(this.#sealed(bytes, size, index), mark)
  }

  async #appendLarge(
    bytes: Uint8Array,
    size: number,
    index: number,
    mark: Uint8Array | undefined,
  ): Promise<void> {
    let record = bytes.subarray(0, size)
    if (this.#cipher) {
      const body = bytes.subarray(GROUP_HEAD_BYTES, size)
      const context = groupContext(this.#headerBytes, bytes, body.length)
      const sealed = await this.#cipher.sealLarge(index, context, body)
      record = joined(bytes, sealed)
    }
    await this.#writer.appendLarge(record, mark)
    this.#end = this.#writer.position
  }

  /** The record as it is framed: the body encrypted in place where the store is. */
  #sealed(bytes: Uint8Array, size: number, index: number): Uint8Array {
    if (this.#cipher === undefined) return bytes.subarray(0, size)
    const body = bytes.subarray(GROUP_HEAD_BYTES, size)
    const context = groupContext(this.#headerBytes, bytes, body.length)
    return joined(bytes, this.#cipher.seal(index, context, body))
  }
}

function joined(bytes: Uint8Array, sealed: Uint8Array): Uint8Array {
  bytes.set(sealed, GROUP_HEAD_BYTES)
  return bytes.subarray(0, GROUP_HEAD_BYTES + sealed.length)
}
