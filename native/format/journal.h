// The framing of journals and MANIFESTs: records cut into fragments, fragments in blocks.
// Format: docs/format/journal.md
// Twin: lib/format/journal.ts
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

inline constexpr size_t JOURNAL_BLOCK_BYTES = 32768;
inline constexpr size_t JOURNAL_HEADER_BYTES = 7;
inline constexpr uint8_t JOURNAL_KIND_ZERO = 0;
inline constexpr uint8_t JOURNAL_KIND_FULL = 1;
inline constexpr uint8_t JOURNAL_KIND_FIRST = 2;
inline constexpr uint8_t JOURNAL_KIND_MIDDLE = 3;
inline constexpr uint8_t JOURNAL_KIND_LAST = 4;
inline constexpr size_t JOURNAL_FRAGMENT_MAX_BYTES = JOURNAL_BLOCK_BYTES - JOURNAL_HEADER_BYTES;

}  // namespace cairn
