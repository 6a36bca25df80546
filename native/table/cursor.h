// A walk over a table through the block cache, in both directions: the source of scans.
//
// A move that needs a block which is neither cached nor held by the cursor reads it at once where
// the page cache has it; else it changes nothing and is COLD. The cursor holds what was read until
// the next read, so that it gets on with a cache of any size, and whether or not the table was
// dropped meanwhile. Reads that follow one another double their reach, up to READ_AHEAD_BYTES.
// Twin: lib/table/cursor.ts
#pragma once

#include <memory>

#include "format/entry.h"
#include "table/files.h"
#include "table/walk.h"

namespace cairn {

class TableCursor final : public EntryCursor {
 public:
  TableCursor(Ref<TableFiles> files, Ref<TableHandle> handle, bool fillCache)
      : files_(std::move(files)), handle_(std::move(handle)), fillCache_(fillCache) {}

  Move first() override;
  Move last() override;
  Move seek(Slice key, uint64_t trailer) override;
  Move seekBefore(Slice key, uint64_t trailer) override;
  Move next() override { return walk_.stepNext() ? Move::DONE : toNextBlock(); }
  Move previous() override;
  std::unique_ptr<Load> plan() override;
  Status absorb(Load& load) override;

 private:
  /** Nothing but the table itself has to be opened. */
  static constexpr size_t NO_BLOCK = SIZE_MAX;

  Move end() {
    valid = false;
    return Move::DONE;
  }
  Move failed(Status status) {
    failure = std::move(status);
    return Move::FAILED;
  }
  Move toNextBlock();
  Move toFirst(size_t ordinal);
  Move toLast(size_t ordinal);
  Move requireIndex();
  Move require(size_t ordinal, Ref<const Block>& block);
  Move readNow(const OpenTable& open, Ref<const Block>& block);
  void hold(const OpenTable& open, BlockRange& range);
  void reach(size_t wanted);
  void stand(size_t ordinal, Ref<const Block> block) {
    ordinal_ = ordinal;
    block_ = std::move(block);
  }

  const Ref<TableFiles> files_;
  const Ref<TableHandle> handle_;
  const bool fillCache_;
  /** Kept from the first opening on: the file does not change. */
  Ref<const TableParts> parts_;
  BlockWalk walk_{*this};
  /** The block that the present entry lies in. */
  Ref<const Block> block_;
  size_t ordinal_ = 0;
  /** What the last move missed, and the blocks [from_, to_) to read for it. */
  size_t wanted_ = NO_BLOCK;
  size_t from_ = 0;
  size_t to_ = 0;
  /** From the last read. */
  BlockRange held_;
  uint64_t reachBytes_ = 0;
};

}  // namespace cairn
