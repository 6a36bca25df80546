/**
 * What the Snappy encoder decides, as numbers: they fix the compressed bytes, not who can read
 * them.
 * Format: docs/format/table.md (Snappy)
 */
/** Input is compressed in fragments of this size, each for itself: an offset fits 16 bits. */
export const SNAPPY_FRAGMENT_BYTES = 65536
/** Bytes that are hashed, and the shortest match. */
export const SNAPPY_MATCH_BYTES = 4
export const SNAPPY_HASH_MULTIPLIER = 0x1e35a7bd
/** Logarithms of the smallest and the largest table of positions. */
export const SNAPPY_HASH_LG_MIN = 8
export const SNAPPY_HASH_LG_MAX = 14
/** A search steps on by 1 byte for 2^SNAPPY_SKIP_LG tries, then by 2 for as many, and so on. */
export const SNAPPY_SKIP_LG = 5
