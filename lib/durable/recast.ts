/**
 * Recasting: a segment or snapshot written anew under the newest key of its store.
 *
 * Group for group and mark for mark the same, each at its old place, so that whatever is said of
 * the file elsewhere (its size, the chain, the seal of a clean close) stays true. Only key, salt
 * and what they make of the bytes are others. The old file stands until the new one is synced.
 * Format: docs/format/segment.md, docs/format/cipher.md
 */
import { corruption } from '../errors.js'
import { BATCH_HEADER_BYTES } from '../format/batch.js'
import { CIPHER_FILE_SEGMENT, CIPHER_FILE_SNAPSHOT, CIPHER_TAG_BYTES } from '../format/cipher.js'
import { GROUP_HEAD_BYTES, decodeGroupHead, groupContext } from '../format/group.js'
import {
  SEGMENT_SALT_BYTES,
  encodeSegmentHeader,
  taggedPart,
  type SegmentHeader,
} from '../format/segment.js'
import type { JournalReader, JournalRecord, JournalWriter } from '../plane.js'
import type { FileCipher } from './cipher.js'
import type { StoreHome } from './home.js'
import { INLINE_BYTES } from './options.js'
import { SegmentFileReader } from './segments/reader.js'

const TEMPORARY = '.new'

/** Gives false when the file has the newest key already, or nothing in it. */
export async function recast(home: StoreHome, name: string): Promise<boolean> {
  const header = await headerOf(home, name)
  if (header === undefined || header.keyId === home.keys!.keyId) return false
  const reader = await home.plane.openJournal(name)
  try {
    await home.storage.remove(name + TEMPORARY)
    const writer = await home.plane.createJournal(name + TEMPORARY)
    try {
      await new Recasting(home, header, reader, writer).run()
      await writer.sync()
    } finally {
      await writer.close()
    }
    await growTo(home, name + TEMPORARY, reader.sizeBytes)
  } finally {
    await reader.close()
  }
  await home.storage.rename(name + TEMPORARY, name)
  await home.storage.syncDirectory()
  return true
}

/** Reads every record of a file: CAIRN_CORRUPTION where it could not be recast. */
export async function checkWhole(home: StoreHome, name: string): Promise<void> {
  const reader = await SegmentFileReader.open(home, name)
  try {
    while (await reader.next(() => {}));
    if (reader.bad) throw corruption(name, reader.bad.offset, reader.bad.reason)
  } finally {
    await reader.close()
  }
}

/** Zeros behind the records stay as they were. */
async function growTo({ storage }: StoreHome, name: string, sizeBytes: number): Promise<void> {
  const file = await storage.open(name)
  try {
    if (file.size() === sizeBytes) return
    await file.truncate(sizeBytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function headerOf(home: StoreHome, name: string): Promise<SegmentHeader | undefined> {
  const reader = await SegmentFileReader.open(home, name)
  try {
    if (reader.bad) throw corruption(name, reader.bad.offset, reader.bad.reason)
    return reader.header
  } finally {
    await reader.close()
  }
}

class Recasting {
  readonly #from: FileCipher
  readonly #to: FileCipher
  readonly #header: Uint8Array
  readonly #salts: { readonly from: Uint8Array; readonly to: Uint8Array }

  constructor(
    private readonly home: StoreHome,
    header: SegmentHeader,
    private readonly reader: JournalReader,
    private readonly writer: JournalWriter,
  ) {
    const keys = home.keys!
    const { keyId } = keys
    const kind = header.isSnapshot ? CIPHER_FILE_SNAPSHOT : CIPHER_FILE_SEGMENT
    const salt = home.random(SEGMENT_SALT_BYTES)
    this.#from = keys.file(header.keyId, header.salt, kind)!
    this.#to = keys.file(keyId, salt, kind)!
    this.#salts = { from: header.salt, to: salt }
    this.#header = encodeSegmentHeader({ ...header, keyId, salt })
    const tagged = taggedPart(this.#header)
    this.#header.set(this.#to.headerTag(tagged), tagged.length)
  }

  async run(): Promise<void> {
    const { home, reader, writer } = this
    const header = (await reader.next())!
    reader.resume(header.end, home.plane.crc32c(this.#salts.from))
    writer.append(this.#header)
    writer.reseed(home.plane.crc32c(this.#salts.to))
    for (let record = await reader.next(); record; record = await reader.next()) {
      if (record.bytes.length > BATCH_HEADER_BYTES) await this.#reseal(record)
      if (record.bytes.length > INLINE_BYTES) await writer.appendLarge(record.bytes)
      else writer.append(record.bytes)
    }
    const { verdict } = reader
    if (verdict?.kind === 'bad') throw corruption(reader.name, verdict.offset, verdict.reason)
  }

  /** Seals a group under the other key, in place. */
  async #reseal({ bytes, offset }: JournalRecord): Promise<void> {
    const { index } = decodeGroupHead(bytes)
    const sealed = bytes.subarray(GROUP_HEAD_BYTES)
    // What groups are bound to is the same in both headers.
    const context = groupContext(this.#header, bytes, sealed.length - CIPHER_TAG_BYTES)
    const plain = await this.#from.openLarge(index, context, sealed)
    if (plain === undefined) throw corruption(this.reader.name, offset, 'its tag does not hold')
    sealed.set(await this.#to.sealLarge(index, context, plain))
    plain.fill(0)
  }
}
