// Integers and slices as they stand on disk: little-endian, base-128 varints, length prefixes.
//
// What JavaScript can not hold exactly, 2^53 and above, is a FormatError on both planes.
// Format: docs/format/batch.md (primitives)
// Twin: lib/format/coding.ts
#pragma once

#include "base/slice.h"
#include "base/status.h"

namespace cairn {

inline constexpr size_t VARINT32_MAX_BYTES = 5;
inline constexpr size_t VARINT64_MAX_BYTES = 10;
inline constexpr uint64_t NUMBER_MAX = (uint64_t{1} << 53) - 1;

// Compilers of both kinds make one load of these on machines that are little-endian.
inline uint32_t fixed32(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
         static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

inline uint64_t fixed64(const uint8_t* bytes) {
  return static_cast<uint64_t>(fixed32(bytes)) | static_cast<uint64_t>(fixed32(bytes + 4)) << 32;
}

inline uint8_t* putFixed32(uint8_t* bytes, uint32_t value) {
  bytes[0] = static_cast<uint8_t>(value);
  bytes[1] = static_cast<uint8_t>(value >> 8);
  bytes[2] = static_cast<uint8_t>(value >> 16);
  bytes[3] = static_cast<uint8_t>(value >> 24);
  return bytes + 4;
}

inline uint8_t* putFixed64(uint8_t* bytes, uint64_t value) {
  return putFixed32(putFixed32(bytes, static_cast<uint32_t>(value)),
                    static_cast<uint32_t>(value >> 32));
}

inline size_t varintLength(uint64_t value) {
  size_t length = 1;
  for (; value >= 0x80; value >>= 7) length++;
  return length;
}

inline uint8_t* putVarint(uint8_t* bytes, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *bytes++ = static_cast<uint8_t>(value | 0x80);
  *bytes++ = static_cast<uint8_t>(value);
  return bytes;
}

/** Reads fields one after the other from untrusted bytes; stops at the first bad one. */
class FieldReader {
 public:
  explicit FieldReader(Slice bytes, size_t start = 0) : bytes_(bytes), offset_(start) {}

  size_t offset() const { return offset_; }
  bool atEnd() const { return offset_ >= bytes_.size; }

  Status uint8(uint8_t& value);
  Status fixed32(uint32_t& value);
  /** A fixed64 that must be below 2^53. */
  Status fixed64(uint64_t& value);
  Status varint32(uint32_t& value);
  /** A varint64 that must be below 2^53. */
  Status varint64(uint64_t& value);
  /** A length-prefixed slice, as a view. */
  Status slice(Slice& value);

 private:
  Status varint(size_t maxBytes, uint64_t& value);
  Status need(size_t count, const char* what) const;

  Slice bytes_;
  size_t offset_;
};

}  // namespace cairn
