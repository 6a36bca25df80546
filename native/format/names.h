// File names of a key-value directory, as far as the data plane makes them.
// Format: docs/format/files.md
// Twin: lib/format/names.ts
#pragma once

#include <cstdint>
#include <string>

namespace cairn {

/** `suffix` is "sst" for tables of old LevelDB. */
inline std::string tableName(uint64_t number, const char* suffix = "ldb") {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return digits + "." + suffix;
}

}  // namespace cairn
