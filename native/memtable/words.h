// Key words: eight bytes of a key as one integer, so that most comparisons touch no bytes.
// Twin: lib/memtable/words.ts
#pragma once

#include "base/slice.h"

namespace cairn {

/** Keeps the first `bytes` bytes of a word, 1 to WORD_BYTES. */
inline uint64_t wordMask(size_t bytes) { return UINT64_MAX << 8 * (WORD_BYTES - bytes); }

/** The word at byte `at` of a key; zeros behind the key's end. */
inline uint64_t keyWord(Slice key, size_t at) {
  if (at + WORD_BYTES <= key.size) return bigEndian64(key.data + at);
  if (at >= key.size) return 0;
  const size_t left = key.size - at;
  // The last whole word of the key has all of it, without a read past the end.
  if (key.size >= WORD_BYTES)
    return bigEndian64(key.end() - WORD_BYTES) << 8 * (WORD_BYTES - left);
  uint64_t word = 0;
  for (size_t i = 0; i < left; i++)
    word |= static_cast<uint64_t>(key[at + i]) << 8 * (WORD_BYTES - 1 - i);
  return word;
}

}  // namespace cairn
