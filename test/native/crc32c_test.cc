// CRC-32C against its published vectors and a loop over bits, by every kernel that there is.
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <vector>

#include "check.h"
#include "checksum/crc32c.h"
#include "checksum/ranges.h"
#include "numbers.h"

using namespace cairn;

namespace {

std::vector<uint8_t> noise(size_t size, uint32_t seed) {
  Numbers next(seed);
  std::vector<uint8_t> bytes(size);
  for (uint8_t& each : bytes) each = next.byte();
  return bytes;
}

uint32_t crcByBits(uint32_t value, const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    value ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) value = crcTimesX(value);
  }
  return value;
}

uint32_t crcOf(const std::vector<uint8_t>& bytes) {
  return crc32c(Slice(bytes.data(), bytes.size()));
}

void publishedVectors() {
  std::vector<uint8_t> count(32);
  for (size_t i = 0; i < 32; i++) count[i] = static_cast<uint8_t>(i);
  const std::vector<uint8_t> back(count.rbegin(), count.rend());
  CHECK_EQ(crc32c(Slice("123456789", 9)), 0xe3069283u);
  CHECK_EQ(crcOf(std::vector<uint8_t>(32)), 0x8a9136aau);
  CHECK_EQ(crcOf(std::vector<uint8_t>(32, 0xff)), 0x62a8ab43u);
  CHECK_EQ(crcOf(count), 0x46dd794eu);
  CHECK_EQ(crcOf(back), 0x113fdb5cu);
  CHECK_EQ(crc32c(Slice()), 0u);
  CHECK_EQ(crc32c(Slice(), 0x12345678), 0x12345678u);
  CHECK_EQ(maskCrc(crc32c(Slice("123456789", 9))), 0xc78ab0e5u);
  CHECK_EQ(maskCrc(crc32c(Slice("foo", 3))), 0xfebe8a61u);
}

/** Every length around the ways that a kernel goes, at every alignment, from any register. */
void kernelByBits(CrcKernel kernel, const char* name) {
  const std::vector<uint8_t> bytes = noise(20000, 1);
  std::vector<size_t> lengths{1000, 1023, 1024, 2048, 3071, 3072, 3073, 4095, 4096, 6144, 9999};
  for (size_t length = 0; length < 700; length++) lengths.push_back(length);
  Numbers next(2);
  for (const size_t length : lengths)
    for (size_t start = 0; start < 8; start++) {
      // Exactly as long, so that a sanitizer sees what is read beyond the end.
      const std::vector<uint8_t> piece(bytes.begin() + static_cast<ptrdiff_t>(start),
                                       bytes.begin() + static_cast<ptrdiff_t>(start + length));
      const uint32_t value = static_cast<uint32_t>(next(1 << 24)) * 257;
      if (!CHECK_EQ(kernel(value, piece.data(), length), crcByBits(value, piece.data(), length)))
        std::fprintf(stderr, "  %s, %zu bytes from %zu\n", name, length, start);
    }
}

void piecesChain() {
  const std::vector<uint8_t> bytes = noise(5000, 3);
  const Slice whole(bytes.data(), bytes.size());
  for (size_t cut = 0; cut <= whole.size; cut += 1 + cut / 40)
    CHECK_EQ(crc32c(whole.from(cut), crc32c(whole.part(0, cut))), crc32c(whole));
}

void rangesOfWindows() {
  const std::vector<uint8_t> bytes = noise(5000, 4);
  CrcRanges ranges(2048);
  Numbers next(5);
  for (const size_t size : {0, 1, 100, 2048}) {
    const Slice window(bytes.data() + next(2000), size);
    ranges.fill(window);
    for (int i = 0; i < 500; i++) {
      const size_t from = next(size + 1);
      const size_t to = from + next(size - from + 1);
      const Slice range = window.part(from, to - from);
      CHECK_EQ(ranges.crc(from, to), crc32c(range));
      for (const uint32_t seed : {uint32_t{1}, uint32_t{0x80000000}, UINT32_MAX})
        CHECK_EQ(ranges.crc(from, to, seed), crc32c(range, seed));
    }
  }
}

#if defined(__x86_64__)
bool tellsRegistersInUse() {
  unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool hasXsave = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_OSXSAVE) != 0;
  return hasXsave && __get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & 4) != 0;
}

/** Whether the upper parts of registers 0 to 15 hold something: bit 2, beyond 256 bits bit 6. */
bool wideInUse() {
  unsigned int low = 0;
  unsigned int high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & 0x44) != 0;
}

/** What stays in them makes all the code of the thread slow that uses older instructions. */
void kernelLeavesNarrow(CrcKernel kernel, const char* name) {
  const std::vector<uint8_t> bytes = noise(5000, 6);
  for (const size_t length : {16, 119, 255, 256, 257, 1000, 4096}) {
    if (tellsRegistersInUse() && __builtin_cpu_supports("avx")) __asm__ volatile("vzeroupper");
    if (!tellsRegistersInUse() || wideInUse()) return;
    kernel(0, bytes.data(), length);
    if (!CHECK(!wideInUse())) std::fprintf(stderr, "  %s, %zu bytes\n", name, length);
  }
}
#else
void kernelLeavesNarrow(CrcKernel, const char*) {}
#endif

}  // namespace

int main() {
  publishedVectors();
  kernelByBits(crcBySlicing, "slicing");
  CrcKernel kernels[CRC_KERNELS_MAX];
  const size_t count = crcKernelsOfMachine(kernels);
  for (size_t i = 0; i < count; i++) {
    const char* name = i == 0 ? "best" : "plainer";
    kernelByBits(kernels[i], name);
    kernelLeavesNarrow(kernels[i], name);
  }
  piecesChain();
  rangesOfWindows();
  return checkResult();
}
