// Twin: lib/memtable/order.ts
#include "memtable/order.h"

#include <algorithm>
#include <utility>

#include "memtable/words.h"

namespace cairn {

namespace {

/** Fewer are sorted by comparing. */
constexpr size_t RADIX_LEAST = 48;
/** Keys that are alike for so many words are sorted by comparing, however many they are. */
constexpr int DEPTH_MAX = 8;
constexpr size_t DIGITS = 256;

}  // namespace

bool Order::make(const Arena& arena) {
  const size_t count = static_cast<size_t>(arena.entries());
  EntryWalk walk = arena.all();
  Buffer spare;
  if (!places_.reserve(count * sizeof(Place)) || !spare.reserve(count * sizeof(Place)))
    return false;
  Place* const places = reinterpret_cast<Place*>(places_.data());
  for (size_t i = 0; i < count; i++) places[i] = {0, walk.next()};
  count_ = count;
  sort(places, reinterpret_cast<Place*>(spare.data()), count, 0);
  return true;
}

/** Of entries whose words begin at the same byte of their keys. */
bool Order::isBefore(const Place& a, const Place& b) {
  if (a.word != b.word) return a.word < b.word;
  const int order = compareBytes(a.entry->key(), b.entry->key());
  return order != 0 ? order < 0 : a.entry->trailer > b.entry->trailer;
}

void Order::sort(Place* places, Place* spare, size_t count, int depth) {
  if (count < 2) return;
  const Slice first = places[0].entry->key();
  size_t shared = first.size;
  for (size_t i = 1; i < count; i++) shared = sharedBytes(first, places[i].entry->key(), shared);
  bool rises = true;
  uint64_t before = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t word = keyWord(places[i].entry->key(), shared);
    rises &= i == 0 || before < word;
    places[i].word = before = word;
  }
  if (rises) return;
  if (count < RADIX_LEAST || depth == DEPTH_MAX) {
    std::sort(places, places + count, isBefore);
  } else {
    sortWords(places, spare, count);
    sortAlike(places, spare, count, depth);
  }
}

/** Sorts by the words; what has the same stays in its order. */
void Order::sortWords(Place* places, Place* spare, size_t count) {
  uint32_t ends[WORD_BYTES][DIGITS] = {};
  for (size_t i = 0; i < count; i++)
    for (size_t byte = 0; byte < WORD_BYTES; byte++)
      ends[byte][places[i].word >> 8 * byte & (DIGITS - 1)]++;
  Place* from = places;
  Place* to = spare;
  for (size_t byte = 0; byte < WORD_BYTES; byte++) {
    uint32_t* const counts = ends[byte];
    if (counts[from[0].word >> 8 * byte & (DIGITS - 1)] == count) continue;
    uint32_t begin = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) begin += std::exchange(counts[digit], begin);
    for (size_t i = 0; i < count; i++)
      to[counts[from[i].word >> 8 * byte & (DIGITS - 1)]++] = from[i];
    std::swap(from, to);
  }
  if (from != places) std::copy(from, from + count, places);
}

/** Sorts each stretch of words that are alike. */
void Order::sortAlike(Place* places, Place* spare, size_t count, int depth) {
  for (size_t from = 0, to = 0; from < count; from = to) {
    while (to < count && places[to].word == places[from].word) to++;
    // Where all are alike, keys end in zeros, or are the same: their words say no more.
    if (to - from == count) std::sort(places, places + count, isBefore);
    else sort(places + from, spare, to - from, depth + 1);
  }
}

}  // namespace cairn
