// CRC-32C (Castagnoli), unmasked, by what the processor at hand can do.
//
// One kernel of the machine is probed for once per process: crc32c_x86.cc, crc32c_arm.cc or
// crc32c_none.cc is compiled, by architecture. Where it has none, slicing-by-8 does the work.
// Format: docs/format/journal.md (checksums)
// Twin: lib/checksum/crc32c.ts
#pragma once

#include "base/slice.h"
#include "format/checksum.h"

namespace cairn {

/** The checksum of `bytes`. `seed` is the checksum of what stands before, so that pieces chain. */
uint32_t crc32c(Slice bytes, uint32_t seed = 0);

/** The register after a byte, without inversions: what `ranges` builds on. */
uint32_t crcByte(uint32_t value, uint8_t byte);

/** Moves a register, without inversions, past bytes. */
using CrcKernel = uint32_t (*)(uint32_t value, const uint8_t* bytes, size_t size);

/** The most kernels that a machine has. */
inline constexpr size_t CRC_KERNELS_MAX = 2;

/** Gives the kernels that this machine can run, the fastest first, and their count; it probes at
 * each call. */
size_t crcKernelsOfMachine(CrcKernel (&kernels)[CRC_KERNELS_MAX]);

/** The kernel that needs nothing of the machine. */
uint32_t crcBySlicing(uint32_t value, const uint8_t* bytes, size_t size);

/** A register times x, modulo the polynomial, bits reflected. */
constexpr uint32_t crcTimesX(uint32_t value) {
  return value >> 1 ^ (CRC_POLYNOMIAL & (0 - (value & 1)));
}

/** x^power modulo the polynomial, bits reflected: what moves registers past zero bits. */
constexpr uint32_t crcPower(uint32_t power) {
  uint32_t value = 0x80000000;
  for (uint32_t i = 0; i < power; i++) value = crcTimesX(value);
  return value;
}

}  // namespace cairn
