/**
 * CAIRN-SEAL of journal and map stores: how a clean close left the newest segment.
 *
 * It is written when that segment is synced, and removed before a newer one is created. A damaged
 * one says nothing.
 * Format: docs/format/store.md (the seal)
 */
import { maskCrc } from '../format/checksum.js'
import { FormatError, fixed32, putFixed32 } from '../format/coding.js'
import { FILE_SEAL } from '../format/names.js'
import {
  END_BYTES,
  END_TAG_BYTES,
  decodeEndBody,
  encodeEndBody,
  type StoreEnd,
} from '../format/store.js'
import { readWhole, writeWhole } from '../commit/file.js'
import type { StoreHome } from './home.js'

const TAG_AT = END_BYTES - END_TAG_BYTES - 4
const CRC_AT = END_BYTES - 4

type Ending = Omit<StoreEnd, 'kind' | 'storeId'>
type Place = Pick<StoreHome, 'identity' | 'keys' | 'plane' | 'storage'>

/** Tag and checksum are made here. Durable when it settles. */
export async function writeEnding(home: Place, ending: Ending): Promise<void> {
  const { kind, storeId } = home.identity
  const body = encodeEndBody({ kind, storeId, ...ending })
  const bytes = new Uint8Array(END_BYTES)
  bytes.set(body)
  if (home.keys) bytes.set(home.keys.sealTag(body), TAG_AT)
  putFixed32(bytes, CRC_AT, maskCrc(home.plane.crc32c(bytes.subarray(0, CRC_AT))))
  await writeWhole(home.storage, FILE_SEAL, bytes)
}

/** Undefined when there is none, or none of this store that is whole. */
export async function readEnding(home: Place): Promise<Ending | undefined> {
  const bytes = await readWhole(home.storage, FILE_SEAL, END_BYTES + 1)
  if (bytes?.length !== END_BYTES) return undefined
  if (maskCrc(home.plane.crc32c(bytes.subarray(0, CRC_AT))) !== fixed32(bytes, CRC_AT))
    return undefined
  const body = bytes.subarray(0, TAG_AT)
  if (home.keys && !home.keys.isSealTag(body, bytes.subarray(TAG_AT, CRC_AT))) return undefined
  try {
    const { kind, storeId, ...ending } = decodeEndBody(body)
    const { identity } = home
    return kind === identity.kind && Buffer.compare(storeId, identity.storeId) === 0
      ? ending
      : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** Gone when it settles, so that a newer segment may be created. */
export async function removeEnding(home: Place): Promise<void> {
  await home.storage.remove(FILE_SEAL)
  await home.storage.syncDirectory()
}
