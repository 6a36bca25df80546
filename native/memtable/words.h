// Key words: eight bytes of a key as one integer, so that most comparisons touch no bytes.
// Twin: lib/memtable/words.ts
#pragma once

#include "base/words.h"

namespace cairn {

/** Keeps the first `bytes` bytes of a word, 1 to WORD_BYTES. */
inline uint64_t wordMask(size_t bytes) { return UINT64_MAX << 8 * (WORD_BYTES - bytes); }

}  // namespace cairn
