/**
 * CAIRN-SEAL: written by a clean close, it says how journal and MANIFEST ended.
 *
 * It counts only for exactly the files that it names; a damaged seal is ignored.
 * Format: docs/format/files.md (seal)
 */
import { FieldReader, FormatError, putFixed32, putFixed64 } from './coding.js'

export const SEAL_MAGIC = 'CAIRNSEA'
export const SEAL_VERSION = 1
/** Magic, version u32, journal and MANIFEST (number u64, size u64, crc u32 each), checksum u32. */
export const SEAL_BYTES = 56

export interface SealedFile {
  readonly number: number
  readonly sizeBytes: number
  /** CRC-32C of the whole file, unmasked. */
  readonly crc: number
}

export interface Seal {
  readonly journal: SealedFile
  readonly manifest: SealedFile
}

/** The seal without its own checksum, which the caller appends: masked CRC32C of these bytes. */
export function encodeSealBody(seal: Seal): Uint8Array {
  const bytes = new Uint8Array(SEAL_BYTES - 4)
  bytes.set(Buffer.from(SEAL_MAGIC, 'latin1'))
  let end = putFixed32(bytes, 8, SEAL_VERSION)
  for (const file of [seal.journal, seal.manifest]) {
    end = putFixed64(bytes, end, file.number)
    end = putFixed64(bytes, end, file.sizeBytes)
    end = putFixed32(bytes, end, file.crc)
  }
  return bytes
}

/** Decodes a body whose checksum has been verified. Throws FormatError for another version. */
export function decodeSealBody(bytes: Uint8Array): Seal {
  const reader = new FieldReader(bytes)
  for (const code of Buffer.from(SEAL_MAGIC, 'latin1'))
    if (reader.uint8() !== code) throw new FormatError('not a seal', 0)
  if (reader.fixed32() !== SEAL_VERSION) throw new FormatError('unknown version of the seal', 8)
  const seal = { journal: sealedFile(reader), manifest: sealedFile(reader) }
  if (!reader.atEnd) throw new FormatError('bytes behind the seal', reader.offset)
  return seal
}

function sealedFile(reader: FieldReader): SealedFile {
  return { number: reader.fixed64(), sizeBytes: reader.fixed64(), crc: reader.fixed32() }
}
