// CRC-32C: the choice of a kernel, and slicing-by-8 for machines without one.
// Format: docs/format/journal.md (checksums)
// Twin: lib/checksum/crc32c.ts
#include "checksum/crc32c.h"

#include <array>

#include "format/coding.h"

namespace cairn {

namespace {

constexpr size_t TABLES = 8;

struct Tables {
  std::array<std::array<uint32_t, 256>, TABLES> of;
};

constexpr Tables makeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = crcTimesX(value);
    tables.of[0][byte] = value;
  }
  for (size_t k = 1; k < TABLES; k++)
    for (size_t byte = 0; byte < 256; byte++) {
      const uint32_t value = tables.of[k - 1][byte];
      tables.of[k][byte] = value >> 8 ^ tables.of[0][value & 255];
    }
  return tables;
}

constexpr Tables TABLE = makeTables();

CrcKernel chosenKernel() {
  CrcKernel kernels[CRC_KERNELS_MAX];
  return crcKernelsOfMachine(kernels) > 0 ? kernels[0] : crcBySlicing;
}

}  // namespace

uint32_t crc32c(Slice bytes, uint32_t seed) {
  static const CrcKernel kernel = chosenKernel();
  return ~kernel(~seed, bytes.data, bytes.size);
}

uint32_t crcByte(uint32_t value, uint8_t byte) {
  return value >> 8 ^ TABLE.of[0][(value ^ byte) & 255];
}

uint32_t crcBySlicing(uint32_t value, const uint8_t* bytes, size_t size) {
  const auto& table = TABLE.of;
  for (; size >= 8; size -= 8, bytes += 8) {
    const uint32_t low = fixed32(bytes) ^ value;
    const uint32_t high = fixed32(bytes + 4);
    value = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
            table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
            table[1][high >> 16 & 255] ^ table[0][high >> 24];
  }
  for (; size > 0; size--) value = crcByte(value, *bytes++);
  return value;
}

}  // namespace cairn
