/**
 * CRC-32C as it is stored: masked, so that a checksum over checksums stays strong.
 * Format: docs/format/journal.md (checksums)
 */
export const CRC_POLYNOMIAL = 0x82f63b78
export const CRC_MASK_DELTA = 0xa282ead8
export const CRC_MASK_ROTATE = 15
/** CRC-32C of the ASCII digits "123456789": the vector that a plane must know. */
export const CRC_CHECK = 0xe3069283

/** RangeError unless `seed` can be the checksum of something. */
export function checkSeed(seed: number): void {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new RangeError(`no checksum: ${seed}`)
}

export function maskCrc(crc: number): number {
  const rotated = (crc >>> CRC_MASK_ROTATE) | (crc << (32 - CRC_MASK_ROTATE))
  return (rotated + CRC_MASK_DELTA) >>> 0
}

export function unmaskCrc(masked: number): number {
  const rotated = (masked - CRC_MASK_DELTA) | 0
  return ((rotated << CRC_MASK_ROTATE) | (rotated >>> (32 - CRC_MASK_ROTATE))) >>> 0
}
