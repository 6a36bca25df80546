// Batches and the shapes of keys that the tests of the memtable use: what a B+tree that strips
// prefixes can get wrong depends on how its keys begin and end.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/slice.h"
#include "format/batch.h"

namespace cairn {

struct Random {
  explicit Random(uint64_t seed) : engine(seed) {}
  uint64_t below(uint64_t limit) { return engine() % limit; }
  std::mt19937_64 engine;
};

/** Batch of records; record i has sequence + i. */
struct BatchMaker {
  std::string records;
  uint32_t count = 0;

  void varint(uint64_t value) {
    uint8_t bytes[VARINT64_MAX_BYTES];
    records.append(bytes, putVarint(bytes, value));
  }
  void add(uint8_t type, const std::string& key, const std::string& value) {
    records.push_back(static_cast<char>(type));
    varint(key.size());
    records += key;
    if (type == KEY_TYPE_VALUE) {
      varint(value.size());
      records += value;
    }
    count++;
  }
  std::string stamp(uint64_t sequence) const {
    uint8_t header[BATCH_HEADER_BYTES];
    putFixed64(header, sequence);
    putFixed32(header + BATCH_COUNT_OFFSET, count);
    return std::string(header, header + sizeof header) + records;
  }
};

inline Slice sliceOf(const std::string& text) { return {text.data(), text.size()}; }
inline std::string textOf(Slice bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data), bytes.size);
}

using KeyMaker = std::function<std::string(Random&, uint64_t)>;

inline std::string randomBytes(Random& random, size_t size, uint64_t alphabet) {
  std::string text(size, 0);
  for (char& each : text) each = static_cast<char>(random.below(alphabet));
  return text;
}

inline std::string digits(uint64_t number, size_t width) {
  const std::string text = std::to_string(number);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

inline std::vector<KeyMaker> keyMakers() {
  return {
      [](Random& r, uint64_t) { return randomBytes(r, 16, 256); },
      [](Random& r, uint64_t) { return randomBytes(r, r.below(41), 256); },
      [](Random& r, uint64_t) { return randomBytes(r, r.below(41), 2); },
      [](Random& r, uint64_t) { return randomBytes(r, r.below(6), 3); },
      [](Random&, uint64_t i) { return digits(i, 16); },
      [](Random&, uint64_t i) { return digits(1000000 - i, 16); },
      [](Random&, uint64_t i) { return std::string(i % 300, 'x') + std::to_string(i); },
      [](Random&, uint64_t i) {
        return std::string(i / 8 < 60 ? 60 - i / 8 : 0, 'p') + std::to_string(i);
      },
      [](Random&, uint64_t) { return std::string(); },
      [](Random& r, uint64_t) { return std::string(r.below(50), '\0'); },
      [](Random& r, uint64_t) { return std::string(r.below(50), '\xff'); },
      [](Random& r, uint64_t) { return std::string(12, 'p') + std::string(r.below(99), '\0'); },
      [](Random& r, uint64_t) {
        return std::string("abcdefghijklmnopqrst").substr(0, r.below(20)) +
               std::string(r.below(6), '\0') + randomBytes(r, r.below(2), 3);
      },
      [](Random& r, uint64_t i) {
        const char* const names[] = {"!users!", "!sessions!", "!t!"};
        return names[i % 3] + std::string("prefix-") + digits(r.below(9999), 4);
      },
      [](Random& r, uint64_t) { return std::string(60, 'q') + randomBytes(r, r.below(12), 4); },
      [](Random& r, uint64_t) {
        return std::string(r.below(8) == 0 ? 10000 : 39 + r.below(4), 'z') + digits(r.below(99), 2);
      },
      [](Random& r, uint64_t) { return digits(r.below(20), 9); },
      [](Random& r, uint64_t) {
        return std::string(r.below(12), '\xff') + randomBytes(r, r.below(10), 256);
      },
  };
}

}  // namespace cairn
