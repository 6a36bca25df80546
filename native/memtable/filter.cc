// Twin: lib/memtable/memtable.ts
#include "memtable/filter.h"

#include <algorithm>
#include <bit>

#include "memtable/words.h"

namespace cairn {

namespace {

/** With so many entries to a word of 64 bits, two look-ups of a hundred find a key that is not. */
constexpr uint64_t WORD_ENTRIES = 4;
/** Few enough to take microseconds. */
constexpr uint64_t STEP_ENTRIES = 256;
constexpr uint64_t LEAST_WORDS = 64;
constexpr uint64_t MULTIPLIER = 0x9e3779b97f4a7c15;

}  // namespace

uint64_t KeyFilter::hashOf(Slice key) {
  uint64_t hash = key.size * MULTIPLIER;
  for (size_t at = 0; at < key.size; at += WORD_BYTES) {
    hash = (hash ^ keyWord(key, at)) * MULTIPLIER;
    hash ^= hash >> 32;
  }
  return hash * MULTIPLIER;
}

/** Takes in the next entries; whether all are in. */
bool KeyFilter::catchUp(const Arena& arena) {
  const uint64_t entries = arena.entries();
  if (entries > words_.size() * WORD_ENTRIES) begin(arena, entries);
  const uint64_t end = std::min(entries, taken_ + STEP_ENTRIES);
  for (; taken_ < end; taken_++) {
    const uint64_t hash = hashOf(walk_.next()->key());
    words_[wordOf(hash)] |= maskOf(hash);
  }
  return taken_ == entries;
}

void KeyFilter::begin(const Arena& arena, uint64_t entries) {
  const uint64_t words = std::bit_ceil(std::max(entries / WORD_ENTRIES + 1, LEAST_WORDS));
  words_.assign(static_cast<size_t>(words), 0);
  shift_ = 64 - static_cast<uint32_t>(std::countr_zero(words));
  taken_ = 0;
  walk_ = arena.all();
}

}  // namespace cairn
