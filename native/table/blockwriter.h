// BlockWriter: the contents of one block; keys are given whole and in order.
//
// Every `restartInterval` entries a restart point begins, where nothing is shared.
// Format: docs/format/table.md (blocks)
// Twin: lib/table/block.ts (BlockWriter)
#pragma once

#include <vector>

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

namespace cairn {

class BlockWriter {
 public:
  explicit BlockWriter(uint32_t restartInterval) : interval_(restartInterval) {}

  bool empty() const { return bytes_.empty(); }
  /** Bytes of the contents if they were finished now. */
  size_t sizeBytes() const { return bytes_.size() + restarts_.size() * 4 + 4; }

  /** Copies both. */
  Status add(Slice key, Slice value);
  /** The contents, which hold until the next `add`; the writer begins anew. */
  Status finish(Slice& contents);

 private:
  Status remember(Slice key, size_t shared);

  const uint32_t interval_;
  Buffer bytes_;
  Buffer last_;
  std::vector<size_t> restarts_{0};
  /** Entries since the last restart point. */
  uint32_t since_ = 0;
};

}  // namespace cairn
