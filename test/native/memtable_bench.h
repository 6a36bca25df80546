// How long the memtable takes for a million records; told, never asserted.
#pragma once

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "memtable/memtable.h"
#include "memtable_keys.h"

namespace cairn {

/** Of this process's own time, because a test machine is shared. */
inline double seconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

inline constexpr size_t BENCH_KEY_BYTES = 16;

inline void bench(const char* name, const KeyMaker& make, uint32_t perBatch) {
  constexpr uint32_t count = 1000000;
  Random random(7);
  std::string keys;
  std::vector<std::string> batches;
  for (uint32_t i = 0; i < count; i += perBatch) {
    BatchMaker batch;
    for (uint32_t j = i; j < i + perBatch; j++) {
      const std::string key = make(random, j);
      keys += key;
      batch.add(KEY_TYPE_VALUE, key, std::string(100, 'v'));
    }
    batches.push_back(batch.stamp(i + 1));
  }
  const Ref<Memtable> memtable = makeRef<Memtable>();
  uint64_t next = 0;
  const double inserted = seconds([&] {
    for (const std::string& batch : batches)
      CHECK_OK(memtable->apply(sliceOf(batch), 0, INT64_MAX, next));
  });
  std::vector<uint32_t> order(count);
  for (uint32_t i = 0; i < count; i++) order[i] = i;
  std::shuffle(order.begin(), order.end(), random.engine);
  std::string sought;
  for (const uint32_t i : order) sought += keys.substr(i * BENCH_KEY_BYTES, BENCH_KEY_BYTES);
  uint64_t found = 0;
  const double ordered = seconds([&] { CHECK(memtable->tree().catchUp()); });
  const double looked = seconds([&] {
    uint64_t trailer = 0;
    Slice value;
    Status failure;
    for (size_t at = 0; at < sought.size(); at += BENCH_KEY_BYTES) {
      const Slice key = sliceOf(sought).part(at, BENCH_KEY_BYTES);
      if (memtable->find(key, KEY_TRAILER_FIRST, trailer, value, failure) == Found::FOUND)
        found += value[0];
    }
  });
  const double walked = seconds([&] {
    const std::unique_ptr<EntryCursor> cursor = Memtable::cursor(memtable);
    for (cursor->first(); cursor->valid; cursor->next()) found += cursor->value[0];
  });
  CHECK_EQ(found, uint64_t{'v'} * 2 * count);
  const double each = 1e9 / count;
  const size_t recordBytes = count * (BENCH_KEY_BYTES + 100);
  std::printf("%-12s %4u a batch: insert %4.0f ns, order the rest %3.0f ns, find %4.0f ns, ", name,
              perBatch, inserted * each, ordered * each, looked * each);
  std::printf("walk %3.0f ns, overhead %.1f B\n", walked * each,
              static_cast<double>(memtable->memoryBytes() - recordBytes) / count);
}

inline void runBench() {
  const std::vector<KeyMaker> makers = keyMakers();
  const KeyMaker users = [](Random& r, uint64_t) {
    return "user:" + digits(r.below(100000000000), 11);
  };
  for (const uint32_t perBatch : {1u, 10u, 1000u}) {
    bench("random bytes", makers[0], perBatch);
    bench("random text", users, perBatch);
    bench("ascending", makers[4], perBatch);
  }
}

}  // namespace cairn
