// CRC-32C with SSE4.2 and carry-less multiplication, and wider where the processor can.
//
// The crc32 instruction takes 8 bytes in three cycles but starts one in each cycle, so three
// lanes run side by side and are joined by multiplication: bits are reflected, a product of two
// registers read as 8 bytes of message has a factor x, and crc32 from zero adds x^32, so that
// moving a register past n words takes x^(64n - 33). Long inputs fold 256 bytes at a time in
// registers of 512 bits with VPCLMULQDQ: a 128-bit piece moves by two products of 64 bits, which
// also carry a factor x.
// Twin: lib/checksum/crc32c.ts
#include <immintrin.h>

#include <array>
#include <cstring>

#include "checksum/crc32c.h"

#define CAIRN_TARGET_LANES __attribute__((target("sse4.2,pclmul")))
#define CAIRN_TARGET_WIDE \
  __attribute__((target("sse4.2,pclmul,avx512f,avx512dq,avx512vl,vpclmulqdq")))

namespace cairn {

namespace {

/** Words of a lane; the tables of powers end there. */
constexpr size_t LANE_MAX_WORDS = 128;
/** Below, joining lanes costs more than it gains. */
constexpr size_t LANES_MIN_BYTES = 120;
/** The four registers that folding begins with; it gains from there on. */
constexpr size_t WIDE_MIN_BYTES = 256;

constexpr std::array<uint32_t, 2 * LANE_MAX_WORDS + 1> makePowers() {
  std::array<uint32_t, 2 * LANE_MAX_WORDS + 1> powers{};
  uint32_t power = crcPower(64 - 33);
  for (size_t words = 1; words < powers.size(); words++) {
    powers[words] = power;
    for (int bit = 0; bit < 64; bit++) power = crcTimesX(power);
  }
  return powers;
}

constexpr auto POWERS = makePowers();

/** Factors that move the two halves of a 128-bit piece past `bytes`. */
constexpr uint64_t moveFirst(uint32_t bytes) {
  return static_cast<uint64_t>(crcPower(8 * bytes + 63)) << 32;
}
constexpr uint64_t moveSecond(uint32_t bytes) {
  return static_cast<uint64_t>(crcPower(8 * bytes - 1)) << 32;
}

alignas(64) constexpr uint64_t MOVE_256[8] = {moveFirst(256), moveSecond(256), moveFirst(256),
                                              moveSecond(256), moveFirst(256), moveSecond(256),
                                              moveFirst(256), moveSecond(256)};
alignas(64) constexpr uint64_t MOVE_64[8] = {moveFirst(64), moveSecond(64), moveFirst(64),
                                             moveSecond(64), moveFirst(64), moveSecond(64),
                                             moveFirst(64), moveSecond(64)};
/** Each piece of a register to where the last one stands, which is added as it is. */
alignas(64) constexpr uint64_t MOVE_TO_LAST[8] = {
    moveFirst(48), moveSecond(48), moveFirst(32), moveSecond(32), moveFirst(16), moveSecond(16),
    0,             0};

inline uint64_t load64(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

CAIRN_TARGET_LANES inline uint64_t product(uint64_t value, uint32_t power) {
  const __m128i factors = _mm_set_epi64x(static_cast<int64_t>(value), static_cast<int64_t>(power));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(factors, factors, 0x01)));
}

inline uint32_t narrow(uint64_t value) { return static_cast<uint32_t>(value); }

/** Eight bytes after eight, and then what is left. */
CAIRN_TARGET_LANES uint64_t crcChain(uint64_t value, const uint8_t* bytes, size_t size) {
  for (; size >= 8; size -= 8, bytes += 8) value = _mm_crc32_u64(value, load64(bytes));
  uint32_t last = narrow(value);
  if ((size & 4) != 0) {
    uint32_t word;
    std::memcpy(&word, bytes, sizeof(word));
    last = _mm_crc32_u32(last, word);
    bytes += 4;
  }
  if ((size & 2) != 0) {
    uint16_t word;
    std::memcpy(&word, bytes, sizeof(word));
    last = _mm_crc32_u16(last, word);
    bytes += 2;
  }
  if ((size & 1) != 0) last = _mm_crc32_u8(last, *bytes);
  return last;
}

CAIRN_TARGET_LANES uint32_t crcByLanes(uint32_t start, const uint8_t* bytes, size_t size) {
  uint64_t a = start;
  while (size >= LANES_MIN_BYTES) {
    const size_t fitting = size / 24;
    const size_t words = fitting < LANE_MAX_WORDS ? fitting : LANE_MAX_WORDS;
    const size_t lane = words * 8;
    uint64_t b = 0;
    uint64_t c = 0;
    const uint8_t* const last = bytes + lane - 8;
    for (; bytes < last; bytes += 8) {
      a = _mm_crc32_u64(a, load64(bytes));
      b = _mm_crc32_u64(b, load64(bytes + lane));
      c = _mm_crc32_u64(c, load64(bytes + 2 * lane));
    }
    a = _mm_crc32_u64(a, load64(bytes));
    b = _mm_crc32_u64(b, load64(bytes + lane));
    const uint64_t joined = product(a, POWERS[2 * words]) ^ product(b, POWERS[words]);
    a = _mm_crc32_u64(c, load64(bytes + 2 * lane) ^ joined);
    bytes += 2 * lane + 8;
    size -= 3 * lane;
  }
  return narrow(crcChain(a, bytes, size));
}

CAIRN_TARGET_WIDE inline __m512i fold(__m512i value, __m512i factors, __m512i next) {
  const __m512i first = _mm512_clmulepi64_epi128(value, factors, 0x00);
  const __m512i second = _mm512_clmulepi64_epi128(value, factors, 0x11);
  return _mm512_ternarylogic_epi64(first, second, next, 0x96);
}

CAIRN_TARGET_WIDE inline __m512i load512(const uint8_t* bytes) {
  return _mm512_loadu_si512(bytes);
}

/** Ends the use of wide registers, behind all that made `value`. As long as their upper parts hold
 * something, each change between old and new instructions costs a hundred cycles, in all code of
 * the thread. Compilers leave it out here, and move the intrinsic function before the last use. */
CAIRN_TARGET_WIDE inline uint64_t narrowed(uint64_t value) {
  __asm__ volatile("vzeroupper"
                   : "+r"(value)
                   :
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                     "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  return value;
}

CAIRN_TARGET_WIDE uint32_t crcByFolding(uint32_t start, const uint8_t* bytes, size_t size) {
  if (size < WIDE_MIN_BYTES) return crcByLanes(start, bytes, size);
  const __m512i seed = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(start)));
  __m512i a = _mm512_xor_si512(load512(bytes), seed);
  __m512i b = load512(bytes + 64);
  __m512i c = load512(bytes + 128);
  __m512i d = load512(bytes + 192);
  bytes += 256;
  size -= 256;
  const __m512i far = _mm512_load_si512(MOVE_256);
  for (; size >= 256; size -= 256, bytes += 256) {
    a = fold(a, far, load512(bytes));
    b = fold(b, far, load512(bytes + 64));
    c = fold(c, far, load512(bytes + 128));
    d = fold(d, far, load512(bytes + 192));
  }
  const __m512i near = _mm512_load_si512(MOVE_64);
  a = fold(fold(fold(a, near, b), near, c), near, d);
  for (; size >= 64; size -= 64, bytes += 64) a = fold(a, near, load512(bytes));
  const __m512i lastPiece = _mm512_maskz_mov_epi64(0xc0, a);
  const __m512i moved = fold(a, _mm512_load_si512(MOVE_TO_LAST), lastPiece);
  alignas(64) uint64_t halves[8];
  _mm512_store_si512(halves, moved);
  uint64_t value = _mm_crc32_u64(0, halves[0] ^ halves[2] ^ halves[4] ^ halves[6]);
  value = _mm_crc32_u64(value, halves[1] ^ halves[3] ^ halves[5] ^ halves[7]);
  return narrow(crcChain(narrowed(value), bytes, size));
}

}  // namespace

size_t crcKernelsOfMachine(CrcKernel (&kernels)[CRC_KERNELS_MAX]) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul")) return 0;
  size_t count = 0;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq"))
    kernels[count++] = crcByFolding;
  kernels[count++] = crcByLanes;
  return count;
}

}  // namespace cairn
