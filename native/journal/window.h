// JournalWindow: some whole blocks of a journal in memory, out of a file that is never slurped.
//
// Invariant: what it holds are bytes [start, end) of the file; `start` is that of a block and `end`
// that of a block or of the file, so a fragment lies inside or outside, not both.
// Format: docs/format/journal.md
// Twin: lib/journal/window.ts
#pragma once

#include <utility>

#include "base/buffer.h"
#include "base/counted.h"
#include "base/slice.h"
#include "base/status.h"
#include "os/file.h"

namespace cairn {

class JournalWindow {
 public:
  /** `sizeBytes` of the file when it was opened; what is appended later is not seen. */
  JournalWindow(Ref<const File> file, uint64_t sizeBytes)
      : sizeBytes_(sizeBytes), file_(std::move(file)) {}

  uint64_t sizeBytes() const { return sizeBytes_; }
  const File& file() const { return *file_; }

  /** Whether the block of this byte is here. */
  bool has(uint64_t offset) const { return offset >= start_ && offset < end_; }
  /** The bytes from `offset` on, which is here; its block, as far as the file goes, is too. */
  const uint8_t* at(uint64_t offset) const { return bytes_.data() + (offset - start_); }

  /** How many bytes from `offset` on, which is here, are. */
  size_t sizeFrom(uint64_t offset) const { return static_cast<size_t>(end_ - offset); }

  /** Brings the block of byte `offset`, which is in the file, and some behind it. CAIRN_IO. */
  Status load(uint64_t offset);

 private:
  const uint64_t sizeBytes_;
  const Ref<const File> file_;
  Buffer bytes_;
  uint64_t start_ = 0;
  uint64_t end_ = 0;
};

}  // namespace cairn
