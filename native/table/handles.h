// TableIndex: the index block of a table, decoded once into flat arrays.
//
// Entry i says where data block i lies, and gives a separator: an internal key at or after all of
// block i and before all of block i + 1. Separators rise and blocks do not overlap: checked here.
// Searches go over heads, the eight bytes of a separator behind what all have in common, in
// Eytzinger order: no branch to predict, and a step asks for its cache line three steps ahead.
// The last separator takes no part in that: it is shortened to begin unlike any other.
// Format: docs/format/table.md (index)
// Twin: lib/table/handles.ts
#pragma once

#include <vector>

#include "base/buffer.h"
#include "format/key.h"
#include "format/table.h"
#include "table/block.h"

namespace cairn {

class TableIndex {
 public:
  /** A FormatError unless the blocks lie in the first `limit` bytes of the file. */
  Status decode(const BlockView& block, uint64_t limit);

  /** Number of data blocks. */
  size_t count() const { return blocks_.size(); }
  uint64_t offset(size_t ordinal) const { return blocks_[ordinal].offset; }
  /** Without trailer. */
  uint64_t sizeBytes(size_t ordinal) const { return blocks_[ordinal].sizeBytes; }
  /** With it. */
  uint64_t rawBytes(size_t ordinal) const {
    return blocks_[ordinal].sizeBytes + BLOCK_TRAILER_BYTES;
  }
  /** Bytes of the file before block `ordinal` ends, trailer included. */
  uint64_t end(size_t ordinal) const { return offset(ordinal) + rawBytes(ordinal); }
  Slice separator(size_t ordinal) const {
    const size_t start = ordinal == 0 ? 0 : ends_[ordinal - 1];
    return {keys_.data() + start, ends_[ordinal] - start};
  }

  /** The block that holds the first entry at or after the internal key; `count` for none. */
  size_t seek(Slice key, uint64_t trailer) const;

 private:
  Status addKey(Slice key, size_t blockBytes, size_t& room, uint64_t at);
  void arrange();
  size_t seekInner(Slice key, uint64_t trailer) const;
  bool isBefore(size_t ordinal, Slice key, uint64_t trailer) const {
    return compareInternal(userKey(separator(ordinal)), trailerIn(separator(ordinal)), key,
                           trailer) < 0;
  }

  std::vector<BlockHandle> blocks_;
  /** Separator i is keys_[ends_[i - 1] .. ends_[i]). */
  Buffer keys_;
  std::vector<size_t> ends_;
  /** Number of separators but the last one. */
  size_t inner_ = 0;
  /** Bytes that these begin with. */
  size_t common_ = 0;
  /** Children of place i are 2i and 2i + 1; place 0 is not used. */
  std::vector<uint64_t> heads_;
  /** The ordinal of each place. Place 0 stands for none: `inner_`. */
  std::vector<uint32_t> ordinals_;
};

}  // namespace cairn
