/** CRC32C of a large and of a small piece. */
import { crc32c } from '../../lib/checksum/crc32c.js'
import type { Part } from './main.js'

export function checksumParts(): Part[] {
  const bytes = new Uint8Array(1024 * 1024).map((_, at) => at * 31)
  const small = bytes.subarray(0, 128)
  return [
    { name: 'crc32c, 1 MiB', operations: 1, bytes: bytes.length, run: () => crc32c(bytes) },
    { name: 'crc32c, 128 B', operations: 1, bytes: small.length, run: () => crc32c(small) },
  ]
}
