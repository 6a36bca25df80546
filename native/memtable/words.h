// Key words: eight bytes of a key as one integer, so that most comparisons touch no bytes.
// Twin: lib/memtable/words.ts
#pragma once

#include <algorithm>

#include "base/words.h"

namespace cairn {

/** Keeps the first `bytes` bytes of a word, 1 to WORD_BYTES. */
inline uint64_t wordMask(size_t bytes) { return UINT64_MAX << 8 * (WORD_BYTES - bytes); }

/** Bytes that two keys begin with alike, at most `most`. */
inline size_t sharedBytes(Slice a, Slice b, size_t most) {
  const size_t end = std::min({most, a.size, b.size});
  size_t shared = 0;
  while (shared + WORD_BYTES <= end &&
         std::memcmp(a.data + shared, b.data + shared, WORD_BYTES) == 0)
    shared += WORD_BYTES;
  while (shared < end && a[shared] == b[shared]) shared++;
  return shared;
}

}  // namespace cairn
