// Slice: bytes that someone else owns, and their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cairn {

struct Slice {
  const uint8_t* data = nullptr;
  size_t size = 0;

  Slice() = default;
  Slice(const uint8_t* bytes, size_t length) : data(bytes), size(length) {}
  Slice(const char* text, size_t length)
      : data(reinterpret_cast<const uint8_t*>(text)), size(length) {}

  bool empty() const { return size == 0; }
  const uint8_t* end() const { return data + size; }
  uint8_t operator[](size_t index) const { return data[index]; }
  /** Bytes [from, from + length); the caller knows that they are inside. */
  Slice part(size_t from, size_t length) const { return {data + from, length}; }
  Slice from(size_t start) const { return {data + start, size - start}; }
};

/** Copies that a null source of no bytes may take part in. */
inline void copyBytes(uint8_t* target, const uint8_t* source, size_t size) {
  if (size > 0) std::memcpy(target, source, size);
}

/** Bytes that are loaded and compared at a time. */
inline constexpr size_t WORD_BYTES = 8;
/** What is longer is left to the library: for less, the call costs more than the comparison. */
inline constexpr size_t SHORT_BYTES = 32;

/** Eight bytes whose order is the integer's; compilers make one load and one swap of it. */
inline uint64_t bigEndian64(const uint8_t* bytes) {
  return static_cast<uint64_t>(bytes[0]) << 56 | static_cast<uint64_t>(bytes[1]) << 48 |
         static_cast<uint64_t>(bytes[2]) << 40 | static_cast<uint64_t>(bytes[3]) << 32 |
         static_cast<uint64_t>(bytes[4]) << 24 | static_cast<uint64_t>(bytes[5]) << 16 |
         static_cast<uint64_t>(bytes[6]) << 8 | static_cast<uint64_t>(bytes[7]);
}

/** Order of the first `size` bytes of both. */
inline int compareAlike(const uint8_t* a, const uint8_t* b, size_t size) {
  if (size < WORD_BYTES || size > SHORT_BYTES) return size == 0 ? 0 : std::memcmp(a, b, size);
  const size_t last = size - WORD_BYTES;
  uint64_t x = bigEndian64(a);
  uint64_t y = bigEndian64(b);
  for (size_t at = WORD_BYTES; x == y && at < last; at += WORD_BYTES) {
    x = bigEndian64(a + at);
    y = bigEndian64(b + at);
  }
  // The last word may overlap the one before it, which was the same in both.
  if (x == y) {
    x = bigEndian64(a + last);
    y = bigEndian64(b + last);
  }
  return x == y ? 0 : x < y ? -1 : 1;
}

/** Less than, equal to or greater than 0, by unsigned bytes; a prefix comes first. */
inline int compareBytes(Slice a, Slice b) {
  const int order = compareAlike(a.data, b.data, a.size < b.size ? a.size : b.size);
  if (order != 0) return order;
  return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

inline bool equalBytes(Slice a, Slice b) {
  if (a.size != b.size) return false;
  // The ends of neighbouring keys differ first.
  if (a.size >= WORD_BYTES &&
      std::memcmp(a.end() - WORD_BYTES, b.end() - WORD_BYTES, WORD_BYTES) != 0)
    return false;
  return compareAlike(a.data, b.data, a.size) == 0;
}

}  // namespace cairn
