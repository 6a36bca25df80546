// CRC-32C with the CRC extension of ARMv8, where the processor has it.
//
// The instructions are written as assembly: compilers offer them as functions only where the
// whole file may use the extension, and then it need not be probed for.
// Twin: lib/checksum/crc32c.ts
#include "checksum/crc32c.h"

#include <cstring>

#if !defined(__ARM_FEATURE_CRC32)
#include <sys/auxv.h>
#endif

namespace cairn {

namespace {

inline uint32_t crcWord(uint32_t value, const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(value) : "r"(word));
  return value;
}

inline uint32_t crcOne(uint32_t value, uint8_t byte) {
  const uint32_t word = byte;
  __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(value) : "r"(word));
  return value;
}

uint32_t crcByExtension(uint32_t value, const uint8_t* bytes, size_t size) {
  for (; size >= 32; size -= 32, bytes += 32) {
    value = crcWord(value, bytes);
    value = crcWord(value, bytes + 8);
    value = crcWord(value, bytes + 16);
    value = crcWord(value, bytes + 24);
  }
  for (; size >= 8; size -= 8, bytes += 8) value = crcWord(value, bytes);
  for (; size > 0; size--) value = crcOne(value, *bytes++);
  return value;
}

#if defined(__ARM_FEATURE_CRC32)
// Every machine that this is compiled for has the extension.
bool hasExtension() { return true; }
#else
bool hasExtension() {
  constexpr unsigned long CRC32_CAPABILITY = 1UL << 7;
  return (getauxval(AT_HWCAP) & CRC32_CAPABILITY) != 0;
}
#endif

}  // namespace

size_t crcKernelsOfMachine(CrcKernel (&kernels)[CRC_KERNELS_MAX]) {
  if (!hasExtension()) return 0;
  kernels[0] = crcByExtension;
  return 1;
}

}  // namespace cairn
