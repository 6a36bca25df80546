// Raw Snappy, decoded and encoded.
// Format: docs/format/table.md (Snappy)
// Twin: lib/table/snappy.ts
#include "table/snappy.h"

#include <bit>

#include "format/coding.h"

namespace cairn {

namespace {

/** What moves in one step, and the room to spare that a result needs for it. */
constexpr size_t STEP_BYTES = SNAPPY_SLACK_BYTES;

template <size_t BYTES>
inline void step(uint8_t* target, const uint8_t* source) {
  // All is read before anything is written, as the two may overlap.
  uint8_t bytes[BYTES];
  std::memcpy(bytes, source, BYTES);
  std::memcpy(target, bytes, BYTES);
}

/** `width` bytes, at most 4, of the `left` that there are. */
inline size_t littleEndian(const uint8_t* bytes, size_t width, size_t left) {
  if (left >= 4) return fixed32(bytes) & 0xffffffffu >> (32 - 8 * width);
  size_t value = 0;
  for (size_t i = width; i > 0; i--) value = value << 8 | bytes[i - 1];
  return value;
}

/** Repeats what stands `offset` before; may write up to STEP_BYTES - 1 beyond the end. */
inline void copyBack(uint8_t* target, size_t offset, size_t size) {
  // Of an offset below 8, the smallest multiple that is not: the pattern is the same.
  constexpr uint8_t MULTIPLES[8] = {0, 8, 8, 9, 8, 10, 12, 14};
  size_t i = 0;
  if (offset >= STEP_BYTES) {
    for (; i < size; i += STEP_BYTES) step<STEP_BYTES>(target + i, target + i - offset);
    return;
  }
  if (offset < 8) {
    for (; i < 8; i++) target[i] = *(target + i - offset);
    offset = MULTIPLES[offset];
  }
  for (; i < size; i += 8) step<8>(target + i, target + i - offset);
}

/** A decoder in the middle of its work: input that is left from `at`, output up to `end`. Its
 * steps give what is wrong, or null: a Status for every element costs more than the element. */
struct Decoding {
  Slice input;
  size_t at;
  uint8_t* output;
  size_t end;
  size_t length;

  const char* literal(uint8_t tag);
  const char* copy(uint8_t tag);
};

inline const char* Decoding::literal(uint8_t tag) {
  size_t size = static_cast<size_t>(tag >> 2) + 1;
  if (size > 60) {
    const size_t width = size - 60;
    if (width > input.size - at) return "snappy: literal cut short";
    size = littleEndian(input.data + at, width, input.size - at) + 1;
    at += width;
  }
  const size_t left = input.size - at;
  if (size > left) return "snappy: literal cut short";
  if (size > length - end) return "snappy: more than declared";
  if (size <= STEP_BYTES && left >= STEP_BYTES)
    step<STEP_BYTES>(output + end, input.data + at);
  else
    std::memcpy(output + end, input.data + at, size);
  at += size;
  end += size;
  return nullptr;
}

inline const char* Decoding::copy(uint8_t tag) {
  const size_t width = (tag & 3) == 3 ? 4 : tag & 3;
  if (width > input.size - at) return "snappy: copy cut short";
  size_t offset = littleEndian(input.data + at, width, input.size - at);
  size_t size = static_cast<size_t>(tag >> 2) + 1;
  if (width == 1) {
    offset += static_cast<size_t>(tag >> 5) << 8;
    size = static_cast<size_t>(tag >> 2 & 7) + 4;
  }
  at += width;
  if (offset == 0 || offset > end) return "snappy: copy out of range";
  if (size > length - end) return "snappy: more than declared";
  copyBack(output + end, offset, size);
  end += size;
  return nullptr;
}

inline uint32_t hashOf(uint32_t word, uint32_t shift) {
  return word * SNAPPY_HASH_MULTIPLIER >> shift;
}

/** How many bytes from `a` and from `b`, which stands before it, are equal, up to `limit`. */
inline size_t equalLength(const uint8_t* a, const uint8_t* b, const uint8_t* limit) {
  const uint8_t* const start = a;
  for (; limit - a >= 8; a += 8, b += 8) {
    const uint64_t difference = fixed64(a) ^ fixed64(b);
    if (difference != 0)
      return static_cast<size_t>(a - start) +
             static_cast<size_t>(std::countr_zero(difference)) / 8;
  }
  while (a < limit && *a == *b) a++, b++;
  return static_cast<size_t>(a - start);
}

/** The literal of [start, end); nothing when that is empty. `inputEnd` bounds what may be read. */
inline uint8_t* putLiteral(uint8_t* at, const uint8_t* start, const uint8_t* end,
                           const uint8_t* inputEnd) {
  const size_t size = static_cast<size_t>(end - start);
  if (size == 0) return at;
  if (size <= 60) {
    *at++ = static_cast<uint8_t>((size - 1) << 2);
  } else {
    const bool wide = size > 256;
    *at++ = static_cast<uint8_t>((wide ? 61 : 60) << 2);
    *at++ = static_cast<uint8_t>(size - 1);
    if (wide) *at++ = static_cast<uint8_t>((size - 1) >> 8);
  }
  // snappyRoom has more room to spare than a step writes too much.
  if (size <= STEP_BYTES && inputEnd - start >= static_cast<ptrdiff_t>(STEP_BYTES))
    step<STEP_BYTES>(at, start);
  else
    std::memcpy(at, start, size);
  return at + size;
}

inline uint8_t* putFarCopy(uint8_t* at, size_t offset, size_t size) {
  at[0] = static_cast<uint8_t>(2 | (size - 1) << 2);
  at[1] = static_cast<uint8_t>(offset);
  at[2] = static_cast<uint8_t>(offset >> 8);
  return at + 3;
}

inline uint8_t* putCopy(uint8_t* at, size_t offset, size_t size) {
  for (; size >= 64 + SNAPPY_MATCH_BYTES; size -= 64) at = putFarCopy(at, offset, 64);
  if (size > 64) {
    at = putFarCopy(at, offset, 60);
    size -= 60;
  }
  if (size >= 12 || offset >= 2048) return putFarCopy(at, offset, size);
  at[0] = static_cast<uint8_t>(1 | (size - 4) << 2 | offset >> 8 << 5);
  at[1] = static_cast<uint8_t>(offset);
  return at + 2;
}

/** Encodes [start, start + size); `places` as in the twin, one table for all fragments. */
uint8_t* putFragment(uint8_t* at, const uint8_t* start, size_t size, const uint8_t* inputEnd,
                     uint16_t* places) {
  const uint32_t needed = static_cast<uint32_t>(std::bit_width(size - 1));
  const uint32_t atLeast = needed < SNAPPY_HASH_LG_MIN ? SNAPPY_HASH_LG_MIN : needed;
  const uint32_t lg = atLeast > SNAPPY_HASH_LG_MAX ? SNAPPY_HASH_LG_MAX : atLeast;
  const uint32_t shift = 32 - lg;
  std::memset(places, 0, sizeof(uint16_t) << lg);
  const uint8_t* const end = start + size;
  // Positions are numbers, as one may lie beyond the end before it is looked at.
  size_t literal = 0;
  size_t position = 1;
  for (;;) {
    size_t candidate = 0;
    for (size_t tries = size_t{1} << SNAPPY_SKIP_LG;; tries++) {
      if (position + SNAPPY_MATCH_BYTES > size)
        return putLiteral(at, start + literal, end, inputEnd);
      const uint32_t word = fixed32(start + position);
      uint16_t& place = places[hashOf(word, shift)];
      candidate = place;
      place = static_cast<uint16_t>(position);
      if (fixed32(start + candidate) == word) break;
      position += tries >> SNAPPY_SKIP_LG;
    }
    at = putLiteral(at, start + literal, start + position, inputEnd);
    for (;;) {
      const uint8_t* const from = start + position + SNAPPY_MATCH_BYTES;
      const uint8_t* const same = start + candidate + SNAPPY_MATCH_BYTES;
      const size_t match = SNAPPY_MATCH_BYTES + equalLength(from, same, end);
      at = putCopy(at, position - candidate, match);
      literal = position += match;
      if (position + SNAPPY_MATCH_BYTES > size)
        return putLiteral(at, start + literal, end, inputEnd);
      const uint32_t before = fixed32(start + position - 1);
      places[hashOf(before, shift)] = static_cast<uint16_t>(position - 1);
      const uint32_t word = fixed32(start + position);
      uint16_t& place = places[hashOf(word, shift)];
      candidate = place;
      place = static_cast<uint16_t>(position);
      if (fixed32(start + candidate) != word) break;
    }
    position++;
  }
}

}  // namespace

namespace {

/** The declared length, and where the elements begin. */
Status readLength(Slice input, size_t& length, size_t& start) {
  FieldReader header(input);
  uint32_t declared = 0;
  CAIRN_TRY(header.varint32(declared));
  if (declared > (input.size - header.offset()) * SNAPPY_MAX_RATIO)
    return Status::format("snappy: length exceeds what the input can hold", 0);
  length = declared;
  start = header.offset();
  return {};
}

}  // namespace

Status unsnappyLength(Slice input, size_t& length) {
  size_t start = 0;
  return readLength(input, length, start);
}

Status unsnappyTo(uint8_t* output, Slice input) {
  size_t length = 0;
  size_t start = 0;
  CAIRN_TRY(readLength(input, length, start));
  Decoding decoding{input, start, output, 0, length};
  while (decoding.at < input.size) {
    const size_t element = decoding.at++;
    const uint8_t tag = input[element];
    const char* const flaw = (tag & 3) == 0 ? decoding.literal(tag) : decoding.copy(tag);
    if (flaw != nullptr) return Status::format(flaw, element);
  }
  if (decoding.end != length) return Status::format("snappy: less than declared", input.size);
  return {};
}

Status unsnappy(Slice input, Buffer& output) {
  size_t length = 0;
  CAIRN_TRY(unsnappyLength(input, length));
  if (!output.reserve(length + SNAPPY_SLACK_BYTES)) return Status::memory(length);
  output.setSize(length);
  return unsnappyTo(output.data(), input);
}

Status snappy(Slice input, Buffer& output) {
  if (!output.room(snappyRoom(input.size))) return Status::memory(snappyRoom(input.size));
  uint16_t places[size_t{1} << SNAPPY_HASH_LG_MAX];
  uint8_t* at = putVarint(output.data() + output.size(), input.size);
  for (size_t start = 0; start < input.size; start += SNAPPY_FRAGMENT_BYTES) {
    const size_t left = input.size - start;
    const size_t size = left < SNAPPY_FRAGMENT_BYTES ? left : SNAPPY_FRAGMENT_BYTES;
    at = putFragment(at, input.data + start, size, input.end(), places);
  }
  output.setSize(static_cast<size_t>(at - output.data()));
  return {};
}

}  // namespace cairn
