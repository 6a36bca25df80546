// Twin: lib/table/reader.ts
#include "table/reader.h"

#include <algorithm>
#include <string>

namespace cairn {

namespace {

/** So soon does a table forget what look-ups came to. */
constexpr int ABSENCES_MAX = 16;

Found failed(Status status, Status& failure) {
  failure = std::move(status);
  return Found::FAILED;
}

void count(TableHandle& handle, bool absent) {
  const int absences = handle.absences;
  handle.absences = absent ? std::min(absences + 2, ABSENCES_MAX)
                           : std::max(absences - 1, -ABSENCES_MAX);
}

/** Opens the table if need be, and reads the block that may hold a key. */
class FindLoad final : public OpenLoad {
 public:
  FindLoad(const TableFiles& files, TableHandle& handle, Slice key, uint64_t trailer)
      : OpenLoad(files, handle),
        key_(reinterpret_cast<const char*>(key.data), key.size),
        trailer_(trailer) {}

  void read() override {
    OpenLoad::read();
    if (!ended_.ok()) return;
    const Slice key{key_.data(), key_.size()};
    ordinal = parts()->index.seek(key, trailer_);
    if (ordinal == parts()->index.count() || !parts()->mayContain(ordinal, key)) return;
    bool cold = false;
    ended_ = open_->load(ordinal, false, block, cold);
  }

  size_t ordinal = 0;
  /** Null when no block can hold the key. */
  Ref<const Block> block;

 private:
  const std::string key_;
  const uint64_t trailer_;
};

}  // namespace

Ref<Table> Table::make(Ref<TableFiles> files, TableMeta meta) {
  return Ref<Table>(new Table(std::move(files), std::move(meta)));
}

Found Table::find(Slice key, uint64_t trailer, TableHit& hit, bool wait, bool fillCache,
                  Status& failure) {
  TableHandle& handle = *handle_;
  const OpenTable* open = files_->opened(handle);
  if (open == nullptr) {
    if (!wait) return Found::COLD;
    Status status = files_->openNow(handle);
    if (!status.ok()) return failed(std::move(status), failure);
    open = handle.open.get();
  }
  const TableParts& parts = open->parts();
  const size_t ordinal = parts.index.seek(key, trailer);
  if (ordinal == parts.index.count()) return Found::ABSENT;
  BlockSlot& slot = handle.blocks[ordinal];
  // These come from memory while the filter is asked.
  if (slot.heads) slot.heads->prefetch();
  // Where keys are found as a rule, heads answer sooner than the filter and they would.
  if (!slot.heads || handle.absences >= 0) {
    const bool absent = !parts.mayContain(ordinal, key);
    count(handle, absent);
    if (absent) return Found::ABSENT;
  }
  if (slot.block) return findCached(slot, key, trailer, hit, failure);
  Ref<const Block> block;
  bool cold = false;
  Status status = open->load(ordinal, !wait, block, cold);
  if (!status.ok()) return failed(std::move(status), failure);
  if (cold) return Found::COLD;
  block = files_->keep(handle, *open, ordinal, std::move(block), fillCache);
  return findIn(block, key, trailer, hit, failure);
}

std::unique_ptr<Load> Table::planFind(Slice key, uint64_t trailer) {
  return std::make_unique<FindLoad>(*files_, *handle_, key, trailer);
}

Found Table::absorbFind(Load& load, Slice key, uint64_t trailer, TableHit& hit, bool fillCache,
                        Status& failure) {
  auto& read = static_cast<FindLoad&>(load);
  Status status = read.absorb(*files_);
  if (!status.ok()) return failed(std::move(status), failure);
  if (!read.block) return Found::ABSENT;
  const Ref<const Block> block =
      files_->keep(*handle_, read.table(), read.ordinal, read.block, fillCache);
  block->referenced = true;
  return findIn(block, key, trailer, hit, failure);
}

std::unique_ptr<TableCursor> Table::cursor(bool fillCache) {
  return std::make_unique<TableCursor>(files_, handle_, fillCache);
}

std::unique_ptr<TableStream> Table::stream(DamageSink* sink) {
  return std::make_unique<TableStream>(*files_, *handle_, sink);
}

Status Table::verify(TableVerdict& verdict) const {
  CAIRN_TRY(requireOpen(*handle_));
  return verifyTable(*files_->directory(), handle_->meta, verdict);
}

std::unique_ptr<Load> Table::planOpen() {
  return std::make_unique<OpenLoad>(*files_, *handle_);
}

Status Table::absorbOpen(Load& load, bool& hasProperties, TableProperties& properties) {
  auto& read = static_cast<OpenLoad&>(load);
  CAIRN_TRY(read.absorb(*files_));
  const TableParts& parts = *read.parts();
  hasProperties = meta().hasProperties || parts.hasProperties;
  properties = meta().hasProperties ? meta().properties : parts.properties;
  return {};
}

Status Table::offsetOf(Slice key, uint64_t& offset) {
  CAIRN_TRY(files_->openNow(*handle_));
  const TableParts& parts = handle_->open->parts();
  const size_t ordinal = parts.index.seek(key, KEY_TRAILER_FIRST);
  offset = ordinal < parts.index.count() ? parts.index.offset(ordinal)
                                         : parts.footer.metaindex.offset;
  return {};
}

void Table::close() {
  handle_->closed.store(true, std::memory_order_relaxed);
  files_->release(*handle_);
}

Found Table::findCached(BlockSlot& slot, Slice key, uint64_t trailer, TableHit& hit,
                        Status& failure) {
  const BlockHeads* heads = slot.heads.get();
  if (heads == nullptr) {
    // Making heads may take the block out of the cache.
    const Ref<const Block> block = slot.block;
    block->referenced = true;
    heads = files_->heads(slot);
    if (heads == nullptr) return findIn(block, key, trailer, hit, failure);
  }
  heads->referenced = true;
  const InBlock found = heads->find(key, trailer, hit.trailer, hit.value);
  if (found == InBlock::UNSURE) return findIn(slot.block, key, trailer, hit, failure);
  if (found == InBlock::ABSENT) {
    count(*handle_, true);
    return Found::ABSENT;
  }
  if (hit.block) hit.block = nullptr;
  return Found::FOUND;
}

Found Table::findIn(const Ref<const Block>& block, Slice key, uint64_t trailer, TableHit& hit,
                    Status& failure) {
  const BlockView& view = block->view();
  uint64_t foundTrailer = 0;
  Slice value;
  InBlock found = findInBlock(view, key, trailer, foundTrailer, value);
  if (found == InBlock::ABSENT) return Found::ABSENT;
  if (found == InBlock::UNSURE) {
    BlockWalk& probe = files_->probe();
    Status status = probe.prepare(view);
    if (!status.ok()) return failed(std::move(status), failure);
    if (!probe.enterAt(view, key, trailer) || !probe.found()) return Found::ABSENT;
    foundTrailer = files_->probed().trailer;
    value = files_->probed().value;
  }
  hit.trailer = foundTrailer;
  hit.value = value;
  // Counting is atomic, and look-ups often stay in one block.
  if (hit.block.get() != block.get()) hit.block = block;
  return Found::FOUND;
}

}  // namespace cairn
