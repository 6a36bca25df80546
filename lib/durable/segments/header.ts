/**
 * The framed header at the beginning of a file, without what stands behind it: whether it holds,
 * and what can still be said of one that does not.
 */
import { maskCrc } from '../../format/checksum.js'
import { fixed32 } from '../../format/coding.js'
import { JOURNAL_HEADER_BYTES, JOURNAL_KIND_FULL } from '../../format/journal.js'
import {
  SEGMENT_HEADER_BYTES,
  SEGMENT_SALT_BYTES,
  SEGMENT_TAG_BYTES,
} from '../../format/segment.js'
import type { DataPlane } from '../../plane.js'
import type { Storage } from '../../io/files.js'

const FRAMED_BYTES = JOURNAL_HEADER_BYTES + SEGMENT_HEADER_BYTES
const SALT_END = FRAMED_BYTES - SEGMENT_TAG_BYTES

/** The bytes where the framed header of a file stands; undefined when it is too short. */
export async function readFramedHeader(
  storage: Storage,
  name: string,
): Promise<Uint8Array | undefined> {
  const file = await storage.open(name)
  try {
    const bytes = new Uint8Array(FRAMED_BYTES)
    return (await file.read(bytes, 0)) === FRAMED_BYTES ? bytes : undefined
  } finally {
    await file.close()
  }
}

/** The header, if its frame holds. */
export function wholeHeader(framed: Uint8Array, plane: DataPlane): Uint8Array | undefined {
  return holds(framed, plane) ? framed.subarray(JOURNAL_HEADER_BYTES) : undefined
}

/** The header, if one bit makes its frame hold again. */
export function mendHeader(framed: Uint8Array, plane: DataPlane): Uint8Array | undefined {
  const bytes = framed.slice()
  for (let bit = 0; bit < FRAMED_BYTES * 8; bit++) {
    const [at, mask] = [bit >>> 3, 1 << (bit & 7)]
    bytes[at]! ^= mask
    if (holds(bytes, plane)) return bytes.subarray(JOURNAL_HEADER_BYTES)
    bytes[at]! ^= mask
  }
  return undefined
}

/** What stands where the salt was written. */
export function saltIn(framed: Uint8Array): Uint8Array {
  return framed.subarray(SALT_END - SEGMENT_SALT_BYTES, SALT_END)
}

function holds(bytes: Uint8Array, plane: DataPlane): boolean {
  const length = bytes[4]! | (bytes[5]! << 8)
  if (length !== SEGMENT_HEADER_BYTES || bytes[6] !== JOURNAL_KIND_FULL) return false
  const crc = plane.crc32c(bytes.subarray(JOURNAL_HEADER_BYTES - 1))
  return maskCrc(crc) === fixed32(bytes, 0)
}
