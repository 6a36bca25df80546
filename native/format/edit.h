// What a MANIFEST says of a table; edits themselves are control's.
// Format: docs/format/manifest.md
// Twin: lib/format/edit.ts
#pragma once

#include <cstdint>
#include <string>

#include "base/slice.h"
#include "format/key.h"
#include "format/table.h"

namespace cairn {

/** A live table. Keys are internal keys, of KEY_TRAILER_BYTES at least. */
struct TableMeta {
  uint64_t number = 0;
  uint64_t sizeBytes = 0;
  std::string smallest;
  std::string largest;
  bool hasProperties = false;
  TableProperties properties;

  Slice smallestKey() const { return {smallest.data(), smallest.size()}; }
  Slice largestKey() const { return {largest.data(), largest.size()}; }
};

}  // namespace cairn
