/**
 * The seal of a clean close: how journal and MANIFEST ended, so that a later cut is seen.
 *
 * It counts only for exactly the MANIFEST that CURRENT names; a damaged seal is ignored, for a
 * clean close wrote marks as well.
 * Format: docs/format/files.md (seal)
 */
import { corruption } from '../errors.js'
import { maskCrc } from '../format/checksum.js'
import { FormatError, fixed32, putFixed32 } from '../format/coding.js'
import { FILE_SEAL, journalName, manifestName } from '../format/names.js'
import {
  SEAL_BYTES,
  decodeSealBody,
  encodeSealBody,
  type Seal,
  type SealedFile,
} from '../format/seal.js'
import type { Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { readWhole, sizeOf, writeWhole } from '../commit/file.js'

const READ_BYTES = 1024 * 1024

/** CRC-32C of the first `sizeBytes` of a file. */
async function checksumFile(
  storage: Storage,
  plane: DataPlane,
  name: string,
  sizeBytes: number,
): Promise<number> {
  const file = await storage.open(name)
  try {
    const piece = new Uint8Array(Math.min(READ_BYTES, sizeBytes))
    let crc = 0
    for (let at = 0; at < sizeBytes;) {
      const count = await file.read(piece.subarray(0, Math.min(piece.length, sizeBytes - at)), at)
      if (count === 0) throw corruption(name, at, 'the file ends here')
      crc = plane.crc32c(piece.subarray(0, count), crc)
      at += count
    }
    return crc
  } finally {
    await file.close()
  }
}

async function sealFile(
  storage: Storage,
  plane: DataPlane,
  name: string,
  number: number,
): Promise<SealedFile> {
  const sizeBytes = await sizeOf(storage, name)
  return { number, sizeBytes, crc: await checksumFile(storage, plane, name, sizeBytes) }
}

/** Writes the seal of two files that are closed and synced: temporary file, sync, rename, sync. */
export async function writeSeal(
  storage: Storage,
  plane: DataPlane,
  journalNumber: number,
  manifestNumber: number,
): Promise<void> {
  const body = encodeSealBody({
    journal: await sealFile(storage, plane, journalName(journalNumber), journalNumber),
    manifest: await sealFile(storage, plane, manifestName(manifestNumber), manifestNumber),
  })
  const bytes = new Uint8Array(SEAL_BYTES)
  bytes.set(body)
  putFixed32(bytes, body.length, maskCrc(plane.crc32c(body)))
  await writeWhole(storage, FILE_SEAL, bytes)
}

/** The seal, or undefined when there is none or it is damaged. */
export async function readSeal(storage: Storage, plane: DataPlane): Promise<Seal | undefined> {
  const bytes = await readWhole(storage, FILE_SEAL, SEAL_BYTES + 1)
  if (bytes === undefined || bytes.length !== SEAL_BYTES) return undefined
  const body = bytes.subarray(0, SEAL_BYTES - 4)
  if (maskCrc(plane.crc32c(body)) !== fixed32(bytes, SEAL_BYTES - 4)) return undefined
  try {
    return decodeSealBody(body)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/**
 * Holds the sealed files to the seal. True: they are exactly as the clean close left them. False:
 * somebody appended behind an unchanged sealed part, so the seal says nothing any more.
 * CAIRN_CORRUPTION when a sealed file is gone, cut or changed.
 */
export async function checkSeal(storage: Storage, plane: DataPlane, seal: Seal): Promise<boolean> {
  const journal = await checkFile(storage, plane, journalName(seal.journal.number), seal.journal)
  const manifest = await checkFile(
    storage,
    plane,
    manifestName(seal.manifest.number),
    seal.manifest,
  )
  return journal && manifest
}

async function checkFile(
  storage: Storage,
  plane: DataPlane,
  name: string,
  sealed: SealedFile,
): Promise<boolean> {
  const sizeBytes = await sizeOf(storage, name)
  if (sizeBytes < sealed.sizeBytes)
    throw corruption(name, sizeBytes, `cut short: it was closed with ${sealed.sizeBytes} bytes`)
  const crc = await checksumFile(storage, plane, name, sealed.sizeBytes)
  if (crc !== sealed.crc) throw corruption(name, 0, 'not as it was when the store was closed')
  return sizeBytes === sealed.sizeBytes
}
