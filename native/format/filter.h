// The filter block of a table and the Bloom filters in it, as numbers.
// Format: docs/format/filter.md
// Twin: lib/format/filter.ts
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

inline constexpr uint32_t FILTER_BASE_LG = 11;
inline constexpr uint32_t FILTER_HASH_SEED = 0xbc9f1d34;
inline constexpr uint32_t FILTER_HASH_MULTIPLIER = 0xc6a4a793;
inline constexpr size_t FILTER_MIN_BITS = 64;
inline constexpr uint64_t FILTER_BITS_MAX = 1024;
inline constexpr uint32_t FILTER_PROBES_MAX = 30;
/** Probes are floor(bits per key x this), clamped to 1..FILTER_PROBES_MAX. */
inline constexpr double FILTER_PROBES_PER_BIT = 0.69;
inline constexpr char FILTER_NAME[] = "filter.leveldb.BuiltinBloomFilter2";
/** Written by older engines, read here. */
inline constexpr char FILTER_NAME_OLD[] = "filter.leveldb.BuiltinBloomFilter";

}  // namespace cairn
