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

/** Less than, equal to or greater than 0, by unsigned bytes; a prefix comes first. */
inline int compareBytes(Slice a, Slice b) {
  const size_t shared = a.size < b.size ? a.size : b.size;
  const int order = shared == 0 ? 0 : std::memcmp(a.data, b.data, shared);
  if (order != 0) return order;
  return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

inline bool equalBytes(Slice a, Slice b) {
  return a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0);
}

}  // namespace cairn
