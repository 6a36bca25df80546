// Words: eight bytes of a key as one integer, and the search among them.
//
// Memtables, the index of a table and the heads of its blocks compare words before they compare
// bytes.
#pragma once

#include "base/slice.h"

namespace cairn {

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

/** The first of `count` rising words, one at least, that is not below `word`. No branch depends on
 * a word: it would be guessed wrong every other time. */
template <class Word>
size_t lowerBound(const Word* words, size_t count, Word word) {
  const Word* base = words;
  while (count > 1) {
    const size_t half = count / 2;
    base += half & (size_t{0} - static_cast<size_t>(base[half - 1] < word));
    count -= half;
  }
  return static_cast<size_t>(base - words) + (*base < word ? 1 : 0);
}

}  // namespace cairn
