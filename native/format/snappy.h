// What the Snappy encoder decides, as numbers.
// Format: docs/format/table.md (Snappy)
// Twin: lib/format/snappy.ts
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

inline constexpr size_t SNAPPY_FRAGMENT_BYTES = 65536;
inline constexpr size_t SNAPPY_MATCH_BYTES = 4;
inline constexpr uint32_t SNAPPY_HASH_MULTIPLIER = 0x1e35a7bd;
inline constexpr uint32_t SNAPPY_HASH_LG_MIN = 8;
inline constexpr uint32_t SNAPPY_HASH_LG_MAX = 14;
inline constexpr uint32_t SNAPPY_SKIP_LG = 5;

}  // namespace cairn
