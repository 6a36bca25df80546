// Blocks of a table, as numbers: entries, restart points, and the trailer on disk.
// Format: docs/format/table.md (blocks)
// Twin: lib/format/block.ts
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

inline constexpr size_t BLOCK_TRAILER_BYTES = 5;
inline constexpr uint8_t BLOCK_KIND_NONE = 0;
inline constexpr uint8_t BLOCK_KIND_SNAPPY = 1;
inline constexpr uint8_t BLOCK_KIND_ZSTD = 2;
inline constexpr uint32_t BLOCK_SIZE_BYTES = 4096;
inline constexpr uint32_t BLOCK_INDEX_RESTART_INTERVAL = 1;
inline constexpr size_t BLOCK_COMPRESS_DIVISOR = 8;

}  // namespace cairn
