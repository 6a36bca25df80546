// Order: the entries of a memtable, sorted all at once.
//
// A radix sort, by the bytes of a word from its last to its first; the words are the eight bytes
// behind what all keys begin with. Entries whose words are alike are sorted among themselves in the
// same way, few of them by comparing. No branch depends on a key but where keys are compared, and
// memory is read from front to back: it takes a fraction of as many insertions into a tree.
// Twin: lib/memtable/order.ts
#pragma once

#include "base/buffer.h"
#include "memtable/arena.h"

namespace cairn {

class Order {
 public:
  /** Of all entries of an arena; false when the memory can not be had. */
  [[nodiscard]] bool make(const Arena& arena);

  size_t count() const { return count_; }
  const Row* operator[](size_t index) const { return places()[index].entry; }

 private:
  /** An entry, and the word of its key that it is being sorted by. */
  struct Place {
    uint64_t word;
    const Row* entry;
  };

  static bool isBefore(const Place& a, const Place& b);
  static void sort(Place* places, Place* spare, size_t count, int depth);
  static void sortWords(Place* places, Place* spare, size_t count);
  static void sortAlike(Place* places, Place* spare, size_t count, int depth);
  const Place* places() const { return reinterpret_cast<const Place*>(places_.data()); }

  Buffer places_;
  size_t count_ = 0;
};

}  // namespace cairn
