// KeyFilter: tells of most keys that are not in a memtable that they are not, by one memory line.
//
// A Bloom filter that a look-up itself brings up to date, so that writing costs nothing: each takes
// in some of the entries that were added since, and until none is left the filter says nothing. An
// entry sets three bits of one word. What outgrows its words begins again with twice as many.
// For the JavaScript thread.
// Twin: lib/memtable/memtable.ts
#pragma once

#include <cstdint>
#include <vector>

#include "memtable/arena.h"

namespace cairn {

class KeyFilter {
 public:
  /** False only when no entry of the arena has the key. */
  bool mayContain(const Arena& arena, Slice key) {
    if (arena.entries() == 0) return false;
    if (taken_ != arena.entries() && !catchUp(arena)) return true;
    const uint64_t hash = hashOf(key);
    const uint64_t mask = maskOf(hash);
    return (words_[wordOf(hash)] & mask) == mask;
  }
  uint64_t memoryBytes() const { return words_.capacity() * sizeof(uint64_t); }

 private:
  static uint64_t hashOf(Slice key);
  /** Three bits, by the low bits of the hash. */
  static uint64_t maskOf(uint64_t hash) {
    return uint64_t{1} << (hash & 63) | uint64_t{1} << (hash >> 6 & 63) |
           uint64_t{1} << (hash >> 12 & 63);
  }
  size_t wordOf(uint64_t hash) const { return static_cast<size_t>(hash >> shift_); }
  bool catchUp(const Arena& arena);
  void begin(const Arena& arena, uint64_t entries);

  std::vector<uint64_t> words_;
  /** The high bits of a hash say which word. */
  uint32_t shift_ = 0;
  /** How many entries are in, and where the next one lies. */
  uint64_t taken_ = 0;
  EntryWalk walk_{Chunks::Mark()};
};

}  // namespace cairn
