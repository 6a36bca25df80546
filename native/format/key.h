// Internal keys: a user key and an 8-byte trailer, sequence << 8 | type, little-endian.
//
// Order: user keys ascending bytewise, then trailers descending, so that the newest version of a
// key comes first. A trailer is one 64-bit word here, where the twin has two of 32 bits.
// Format: docs/format/key.md
// Twin: lib/format/key.ts
#pragma once

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "format/coding.h"

namespace cairn {

inline constexpr size_t KEY_TRAILER_BYTES = 8;
inline constexpr uint8_t KEY_TYPE_DELETION = 0;
inline constexpr uint8_t KEY_TYPE_VALUE = 1;
/** Type of a lookup key: sorts before every entry of the same key and sequence. */
inline constexpr uint8_t KEY_TYPE_SEEK = 1;
inline constexpr uint64_t KEY_SEQUENCE_MAX = NUMBER_MAX;
/** Before every entry of its user key. */
inline constexpr uint64_t KEY_TRAILER_FIRST = UINT64_MAX;

inline uint64_t trailerOf(uint64_t sequence, uint8_t type) { return sequence << 8 | type; }
/** Trailer that looks for what is visible at a sequence. */
inline uint64_t trailerAt(uint64_t sequence) { return trailerOf(sequence, KEY_TYPE_SEEK); }
inline uint64_t trailerSequence(uint64_t trailer) { return trailer >> 8; }
inline uint8_t trailerType(uint64_t trailer) { return static_cast<uint8_t>(trailer); }

/** The parts of an internal key of at least KEY_TRAILER_BYTES. */
inline Slice userKey(Slice internal) {
  return {internal.data, internal.size - KEY_TRAILER_BYTES};
}
inline uint64_t trailerIn(Slice internal) { return fixed64(internal.end() - KEY_TRAILER_BYTES); }

/** Order of (user, trailer) pairs: keys ascending, trailers descending. */
inline int compareInternal(Slice aUser, uint64_t aTrailer, Slice bUser, uint64_t bTrailer) {
  const int order = compareBytes(aUser, bUser);
  if (order != 0) return order;
  return aTrailer == bTrailer ? 0 : aTrailer > bTrailer ? -1 : 1;
}

inline int compareInternalKeys(Slice a, Slice b) {
  return compareInternal(userKey(a), trailerIn(a), userKey(b), trailerIn(b));
}

/** A shortest internal key k with a <= k < b; for the index between two blocks. */
Status internalSeparator(Slice a, Slice b, Buffer& key);
/** A shortest internal key k >= a; for the index entry of the last block. */
Status internalSuccessor(Slice a, Buffer& key);

}  // namespace cairn
