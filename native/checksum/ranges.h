// CrcRanges: the checksum of any range of a window of bytes, at a cost that does not depend on
// the length of the range.
// Format: docs/format/journal.md (checksums)
// Twin: lib/checksum/ranges.ts
#pragma once

#include <vector>

#include "base/slice.h"

namespace cairn {

class CrcRanges {
 public:
  /** For windows of up to `maxBytes`; holds 8 bytes of memory for each. */
  explicit CrcRanges(size_t maxBytes);

  /** Takes `bytes`, no more than `maxBytes`, as the window. */
  void fill(Slice bytes);

  /** CRC-32C, unmasked, of bytes [from, to) of the window; `seed` as that of `crc32c`. */
  uint32_t crc(size_t from, size_t to, uint32_t seed = 0) const;

 private:
  /** Register behind the first i bytes of the window, begun at zero. */
  std::vector<uint32_t> prefix_;
  /** x^8n modulo the polynomial. */
  std::vector<uint32_t> power_;
};

}  // namespace cairn
