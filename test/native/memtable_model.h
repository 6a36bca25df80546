// A memtable and the std::map that says what it has to hold; both take the same random batches.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "memtable/memtable.h"
#include "memtable_keys.h"

namespace cairn {

/** Keys ascending, trailers descending. */
using ModelKey = std::pair<std::string, uint64_t>;
inline ModelKey modelKey(const std::string& key, uint64_t trailer) { return {key, ~trailer}; }
using Model = std::map<ModelKey, std::string>;

struct Subject {
  Ref<Memtable> memtable = makeRef<Memtable>();
  Model model;
  std::vector<std::string> keys;
  uint64_t sequence = 1;
  uint64_t bytes = 0;

  void apply(Random& random, const KeyMaker& make, uint32_t count) {
    BatchMaker batch;
    for (uint32_t i = 0; i < count; i++) {
      const bool again = !keys.empty() && random.below(8) == 0;
      const std::string key =
          again ? keys[random.below(keys.size())] : make(random, sequence + i);
      const uint8_t type = random.below(5) == 0 ? KEY_TYPE_DELETION : KEY_TYPE_VALUE;
      const std::string value =
          type == KEY_TYPE_VALUE ? randomBytes(random, random.below(30), 256) : "";
      batch.add(type, key, value);
      model[modelKey(key, trailerOf(sequence + i, type))] = value;
      keys.push_back(key);
    }
    const std::string whole = batch.stamp(sequence);
    const bool parts = random.below(3) == 0;
    uint64_t at = 0;
    do {
      const int64_t limit = parts ? static_cast<int64_t>(random.below(20)) : INT64_MAX;
      // A part that comes in other memory is found from the start.
      const std::string moved = whole;
      const bool move = parts && random.below(4) == 0;
      uint64_t next = 0;
      if (!CHECK_OK(memtable->apply(sliceOf(move ? moved : whole), static_cast<int64_t>(at), limit,
                                    next)))
        return;
      CHECK_EQ(next, std::min<uint64_t>(count, at + static_cast<uint64_t>(limit)));
      at = next;
    } while (at < count);
    sequence += count;
    bytes += whole.size();
  }

  void checkNumbers() const {
    CHECK_EQ(memtable->entries(), model.size());
    CHECK_EQ(memtable->bytes(), bytes);
  }
};

}  // namespace cairn
