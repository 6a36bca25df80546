/**
 * The filter block of a table and the Bloom filters in it, as numbers.
 * Format: docs/format/filter.md
 */
export const FILTER_BASE_LG = 11
export const FILTER_BITS_PER_KEY = 10
export const FILTER_HASH_SEED = 0xbc9f1d34
export const FILTER_HASH_MULTIPLIER = 0xc6a4a793
export const FILTER_MIN_BITS = 64
/** A writer refuses more bits per key. */
export const FILTER_BITS_MAX = 1024
export const FILTER_PROBES_MAX = 30
/** Probes are floor(bits per key x this), clamped to 1..FILTER_PROBES_MAX. */
export const FILTER_PROBES_PER_BIT = 0.69
/** Metaindex names: the one that is written, and the ones that are read. */
export const FILTER_NAME = 'filter.leveldb.BuiltinBloomFilter2'
export const FILTER_NAMES = [FILTER_NAME, 'filter.leveldb.BuiltinBloomFilter'] as const
