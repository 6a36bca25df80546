// Checksums of ranges: registers behind every prefix, and products that move them.
// Twin: lib/checksum/ranges.ts
#include "checksum/ranges.h"

#include "checksum/crc32c.h"

namespace cairn {

namespace {

/** The product of two polynomials modulo CRC_POLYNOMIAL, bits reflected, without branches. */
uint32_t product(uint32_t a, uint32_t b) {
  uint32_t sum = 0;
  for (; a != 0; a <<= 1) {
    sum ^= b & (0 - (a >> 31));
    b = crcTimesX(b);
  }
  return sum;
}

}  // namespace

CrcRanges::CrcRanges(size_t maxBytes) : prefix_(maxBytes + 1), power_(maxBytes + 1) {
  uint32_t power = crcPower(0);
  for (uint32_t& entry : power_) {
    entry = power;
    power = crcByte(power, 0);
  }
}

void CrcRanges::fill(Slice bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size; i++) prefix_[i + 1] = value = crcByte(value, bytes[i]);
}

uint32_t CrcRanges::crc(size_t from, size_t to, uint32_t seed) const {
  return ~(prefix_[to] ^ product(~(prefix_[from] ^ seed), power_[to - from]));
}

}  // namespace cairn
