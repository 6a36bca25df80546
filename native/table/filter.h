// Bloom filters of a table: one filter per 2 KiB of data, over the blocks that start there.
// Format: docs/format/filter.md
// Twin: lib/table/filter.ts
#pragma once

#include <vector>

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "format/filter.h"

namespace cairn {

/** LevelDB's Hash with the seed of its Bloom filter. */
uint32_t filterHash(Slice key);

/** Collects keys and gives the filter block of a table. */
class FilterBlockWriter {
 public:
  explicit FilterBlockWriter(uint32_t bitsPerKey);

  void addKey(Slice key) { hashes_.push_back(filterHash(key)); }

  /** Tells where the next data block starts; its keys follow. */
  Status startBlock(uint64_t offset);

  /** The contents of the filter block, a view of this object. */
  Status finish(Slice& contents);

 private:
  Status generate();

  uint32_t bitsPerKey_;
  uint32_t probes_;
  /** Of the keys since the last filter. */
  std::vector<uint32_t> hashes_;
  Buffer bytes_;
  std::vector<uint32_t> offsets_;
};

/** Answers from the contents of a filter block, which must outlive it. */
class FilterBlock {
 public:
  FilterBlock() = default;
  explicit FilterBlock(Slice contents);

  /** False only when the block that starts at `blockOffset` holds no such user key. */
  bool mayContain(uint64_t blockOffset, Slice key) const {
    const uint64_t index = blockOffset >> baseLg_;
    return index >= filters_ || filterMayContain(index, filterHash(key));
  }

 private:
  bool filterMayContain(uint64_t index, uint32_t hash) const;

  Slice bytes_;
  /** Where the offset array begins; it holds `filters_` offsets, then this position itself. */
  size_t arrayOffset_ = 0;
  size_t filters_ = 0;
  uint32_t baseLg_ = 0;
};

}  // namespace cairn
