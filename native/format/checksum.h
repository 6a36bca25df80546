// CRC-32C as it is stored: masked, so that a checksum over checksums stays strong.
// Format: docs/format/journal.md (checksums)
// Twin: lib/format/checksum.ts
#pragma once

#include <cstdint>

namespace cairn {

inline constexpr uint32_t CRC_POLYNOMIAL = 0x82f63b78;
inline constexpr uint32_t CRC_MASK_DELTA = 0xa282ead8;
inline constexpr uint32_t CRC_MASK_ROTATE = 15;

inline uint32_t maskCrc(uint32_t crc) {
  return (crc >> CRC_MASK_ROTATE | crc << (32 - CRC_MASK_ROTATE)) + CRC_MASK_DELTA;
}

}  // namespace cairn
