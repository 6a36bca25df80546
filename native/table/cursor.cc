// Twin: lib/table/cursor.ts
#include "table/cursor.h"

#include <algorithm>

namespace cairn {

namespace {

constexpr uint64_t READ_AHEAD_MIN_BYTES = 16 * 1024;
constexpr uint64_t READ_AHEAD_BYTES = 256 * 1024;

/** Reads blocks for a cursor, off the JavaScript thread. */
class CursorLoad final : public OpenLoad {
 public:
  /** An empty range only opens the table. */
  CursorLoad(const TableFiles& files, TableHandle& handle, size_t from, size_t to, size_t wanted)
      : OpenLoad(files, handle), from_(from), to_(to), wanted_(wanted) {}

  void read() override {
    OpenLoad::read();
    if (!ended_.ok() || from_ == to_) return;
    if (to_ > parts()->index.count()) {
      ended_ = Status::corruption(open_->file().name(), 0, "replaced while it was in use");
      return;
    }
    bool cold = false;
    Buffer scratch;
    ended_ = open_->loadRange(from_, to_, wanted_, false, scratch, range, cold);
  }

  BlockRange range;

 private:
  const size_t from_;
  const size_t to_;
  const size_t wanted_;
};

}  // namespace

Move TableCursor::first() {
  const Move ready = requireIndex();
  if (ready != Move::DONE) return ready;
  return parts_->index.count() == 0 ? end() : toFirst(0);
}

Move TableCursor::last() {
  const Move ready = requireIndex();
  if (ready != Move::DONE) return ready;
  const size_t count = parts_->index.count();
  return count == 0 ? end() : toLast(count - 1);
}

Move TableCursor::seek(Slice target, uint64_t at) {
  Move ready = requireIndex();
  if (ready != Move::DONE) return ready;
  const size_t count = parts_->index.count();
  const size_t ordinal = parts_->index.seek(target, at);
  if (ordinal == count) return end();
  Ref<const Block> block;
  ready = require(ordinal, block);
  if (ready != Move::DONE) return ready;
  if (walk_.enterAt(block->view(), target, at)) {
    stand(ordinal, std::move(block));
    return Move::DONE;
  }
  // The key lies between the block's last entry and its separator.
  return ordinal + 1 == count ? end() : toFirst(ordinal + 1);
}

Move TableCursor::seekBefore(Slice target, uint64_t at) {
  Move ready = requireIndex();
  if (ready != Move::DONE) return ready;
  const size_t ordinal = parts_->index.seek(target, at);
  if (ordinal == parts_->index.count()) return last();
  Ref<const Block> block;
  ready = require(ordinal, block);
  if (ready != Move::DONE) return ready;
  if (!startsBefore(block->view(), target, at))
    return ordinal == 0 ? end() : toLast(ordinal - 1);
  if (walk_.enterAt(block->view(), target, at)) walk_.stepPrevious();
  else walk_.enterLast(block->view());
  stand(ordinal, std::move(block));
  return Move::DONE;
}

Move TableCursor::previous() {
  if (walk_.stepPrevious()) return Move::DONE;
  return ordinal_ == 0 ? end() : toLast(ordinal_ - 1);
}

std::unique_ptr<Load> TableCursor::plan() {
  const bool block = wanted_ != NO_BLOCK;
  return std::make_unique<CursorLoad>(*files_, *handle_, block ? from_ : 0, block ? to_ : 0,
                                      wanted_);
}

Status TableCursor::absorb(Load& load) {
  auto& read = static_cast<CursorLoad&>(load);
  CAIRN_TRY(read.OpenLoad::absorb(*files_));
  parts_ = read.parts();
  if (!read.range.blocks.empty()) hold(read.table(), read.range);
  return {};
}

Move TableCursor::toNextBlock() {
  const size_t ordinal = ordinal_ + 1;
  return ordinal == parts_->index.count() ? end() : toFirst(ordinal);
}

Move TableCursor::toFirst(size_t ordinal) {
  Ref<const Block> block;
  const Move ready = require(ordinal, block);
  if (ready != Move::DONE) return ready;
  walk_.enterFirst(block->view());
  stand(ordinal, std::move(block));
  return Move::DONE;
}

Move TableCursor::toLast(size_t ordinal) {
  Ref<const Block> block;
  const Move ready = require(ordinal, block);
  if (ready != Move::DONE) return ready;
  walk_.enterLast(block->view());
  stand(ordinal, std::move(block));
  return Move::DONE;
}

Move TableCursor::requireIndex() {
  if (parts_) return Move::DONE;
  const OpenTable* open = files_->opened(*handle_);
  if (open == nullptr) {
    wanted_ = NO_BLOCK;
    return Move::COLD;
  }
  parts_ = open->sharedParts();
  return Move::DONE;
}

/** The block, with the walk made ready for it. */
Move TableCursor::require(size_t ordinal, Ref<const Block>& block) {
  if (block_ && ordinal == ordinal_) {
    block = block_;
    return Move::DONE;
  }
  const OpenTable* open = files_->opened(*handle_);
  const bool same = open != nullptr && open->sharedParts().get() == parts_.get();
  if (ordinal >= held_.from && ordinal - held_.from < held_.blocks.size())
    block = held_.blocks[ordinal - held_.from];
  else if (same)
    block = handle_->blocks[ordinal].block;
  if (block) {
    block->referenced = true;
  } else {
    reach(ordinal);
    // Who was opened anew may have been replaced: the load looks.
    if (!same) return Move::COLD;
    const Move ready = readNow(*open, block);
    if (ready != Move::DONE) return ready;
  }
  Status status = walk_.prepare(block->view());
  return status.ok() ? Move::DONE : failed(std::move(status));
}

/** Reads what is wanted if that is possible without waiting. */
Move TableCursor::readNow(const OpenTable& open, Ref<const Block>& block) {
  BlockRange range;
  bool cold = false;
  Status status = open.loadRange(from_, to_, wanted_, true, files_->scratch(), range, cold);
  if (!status.ok()) return failed(std::move(status));
  if (cold) return Move::COLD;
  hold(open, range);
  block = held_.blocks[wanted_ - held_.from];
  return Move::DONE;
}

/** Takes the blocks in place of what was held, but for a neighbour: a seek may have to look into
 * two blocks side by side. */
void TableCursor::hold(const OpenTable& open, BlockRange& range) {
  for (size_t i = 0; i < range.blocks.size(); i++)
    range.blocks[i] = files_->keep(*handle_, open, range.from + i, range.blocks[i], fillCache_);
  const auto heldAt = [&](size_t ordinal) -> Ref<const Block> {
    const size_t index = ordinal - held_.from;
    return index < held_.blocks.size() ? held_.blocks[index] : Ref<const Block>();
  };
  const Ref<const Block> before = heldAt(range.from - 1);
  Ref<const Block> behind = heldAt(range.from + range.blocks.size());
  if (before) range.blocks.insert(range.blocks.begin(), before);
  if (behind) range.blocks.push_back(std::move(behind));
  if (before) range.from--;
  held_ = std::move(range);
}

/** Finds the blocks to read for the wanted one. */
void TableCursor::reach(size_t wanted) {
  const TableIndex& index = parts_->index;
  const BlockSlots& cached = handle_->blocks;
  const auto isCached = [&](size_t ordinal) {
    return ordinal < cached.size() && static_cast<bool>(cached[ordinal].block);
  };
  wanted_ = wanted;
  from_ = wanted;
  to_ = wanted + 1;
  const bool holds = !held_.blocks.empty();
  const bool onward = holds && from_ == held_.from + held_.blocks.size();
  const bool backward = holds && to_ == held_.from;
  reachBytes_ = onward || backward
                    ? std::clamp(reachBytes_ * 2, READ_AHEAD_MIN_BYTES, READ_AHEAD_BYTES)
                    : 0;
  const auto fits = [&] { return index.end(to_ - 1) - index.offset(from_) <= reachBytes_; };
  if (onward) while (to_ < index.count() && !isCached(to_) && fits()) to_++;
  if (backward) while (from_ > 0 && !isCached(from_ - 1) && fits()) from_--;
}

}  // namespace cairn
