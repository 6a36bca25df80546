// Twin: lib/table/files.ts
#include "table/files.h"

#include <algorithm>

#include "format/names.h"

namespace cairn {

Status OpenTable::openFile(const Directory& directory, const TableMeta& meta,
                           Ref<const File>& file) {
  for (const char* suffix : {"ldb", "sst"}) {
    Ref<File> opened;
    const Status status = directory.openFile(tableName(meta.number, suffix), opened);
    if (status.ok()) {
      file = opened;
      return {};
    }
    if (!status.isMissing()) return status;
  }
  const std::string name = tableName(meta.number);
  return Status::store(Code::CORRUPTION, name + " is missing", name);
}

Status OpenTable::open(const Directory& directory, const TableMeta& meta,
                       Ref<const OpenTable>& table) {
  Ref<const File> file;
  Ref<const TableParts> parts;
  CAIRN_TRY(openFile(directory, meta, file));
  CAIRN_TRY(openParts(*file, meta, parts));
  table = Ref<const OpenTable>(new OpenTable(std::move(file), std::move(parts)));
  return {};
}

Status OpenTable::load(size_t ordinal, bool now, Ref<const Block>& block, bool& cold) const {
  const TableIndex& index = parts_->index;
  const uint64_t offset = index.offset(ordinal);
  const uint64_t size = index.rawBytes(ordinal);
  cold = false;
  Ref<Block> made;
  if (blockFits(size)) made = Block::make(static_cast<size_t>(size));
  if (!made) return Status::memory(size);
  size_t got = 0;
  CAIRN_TRY(read(made->data(), size, offset, now, got, cold));
  if (cold) return {};
  if (got != size) return endsEarly(*file_, offset + got);
  CAIRN_TRY(verifyBlock(static_cast<size_t>(size), file_->name(), offset, made));
  block = made;
  return {};
}

Status OpenTable::loadRange(size_t from, size_t to, size_t wanted, bool now, Buffer& scratch,
                            BlockRange& range, bool& cold) const {
  const TableIndex& index = parts_->index;
  const uint64_t start = index.offset(from);
  const uint64_t size = index.end(to - 1) - start;
  range = BlockRange();
  range.from = wanted;
  if (to - from == 1) {
    Ref<const Block> block;
    CAIRN_TRY(load(wanted, now, block, cold));
    if (!cold) range.blocks.push_back(std::move(block));
    return {};
  }
  if (!scratch.reserve(static_cast<size_t>(size))) return Status::memory(size);
  size_t got = 0;
  CAIRN_TRY(read(scratch.data(), size, start, now, got, cold));
  if (cold) return {};
  const auto parse = [&](size_t ordinal) -> Status {
    if (index.end(ordinal) - start > got) return endsEarly(*file_, start + got);
    const uint64_t offset = index.offset(ordinal);
    if (!blockFits(index.rawBytes(ordinal))) return Status::memory(index.rawBytes(ordinal));
    const Slice raw{scratch.data() + static_cast<size_t>(offset - start),
                    static_cast<size_t>(index.rawBytes(ordinal))};
    Ref<Block> block;
    CAIRN_TRY(copyBlock(raw, file_->name(), offset, block));
    range.blocks.push_back(block);
    return {};
  };
  CAIRN_TRY(parse(wanted));
  size_t first = wanted;
  for (; first > from; first--)
    if (!parse(first - 1).ok()) break;
  std::reverse(range.blocks.begin(), range.blocks.end());
  range.from = first;
  // Damage ahead is told when it is wanted itself.
  if (first == from)
    for (size_t ordinal = wanted + 1; ordinal < to; ordinal++)
      if (!parse(ordinal).ok()) break;
  return {};
}

Status OpenTable::read(uint8_t* into, uint64_t size, uint64_t offset, bool now, size_t& got,
                       bool& cold) const {
  cold = false;
  return now ? file_->readNow(into, static_cast<size_t>(size), offset, got, cold)
             : file_->read(into, static_cast<size_t>(size), offset, got);
}

Status requireOpen(const TableHandle& handle) {
  return handle.closed.load(std::memory_order_relaxed)
             ? Status::store(Code::NOT_OPEN, "the table has been closed")
             : Status();
}

Status TableFiles::openNow(TableHandle& handle) {
  if (handle.open) return {};
  CAIRN_TRY(require(handle));
  Ref<const OpenTable> open;
  CAIRN_TRY(OpenTable::open(*directory_, handle.meta, open));
  return install(handle, std::move(open));
}

Status TableFiles::require(const TableHandle& handle) const {
  if (closed_) return Status::store(Code::NOT_OPEN, "the table has been closed");
  return requireOpen(handle);
}

Status TableFiles::install(TableHandle& handle, Ref<const OpenTable> open) {
  CAIRN_TRY(require(handle));
  if (!handle.open) {
    handle.blocks.resize(open->parts().index.count());
    handle.open = std::move(open);
    open_.push_back(Ref<TableHandle>(&handle));
    trim(&handle);
  }
  handle.lastUse = ++clock_;
  return {};
}

Ref<const Block> TableFiles::keep(TableHandle& handle, const OpenTable& open, size_t ordinal,
                                  Ref<const Block> block, bool fillCache) {
  // The table may have been dropped, and opened again, since the block was read.
  if (handle.open.get() != &open) return block;
  const Ref<const Block>& cached = handle.blocks[ordinal].block;
  if (cached) return cached;
  if (fillCache) cache_.insert(block, handle.blocks, ordinal);
  return block;
}

const BlockHeads* TableFiles::heads(BlockSlot& slot) {
  const Block& block = *slot.block;
  if (block.asked == Asked::ONCE) {
    std::unique_ptr<const BlockHeads> made = BlockHeads::make(block.view(), probe_, probed_);
    block.asked = Asked::OFTEN;
    if (made) cache_.addHeads(slot, std::move(made));
  } else if (block.asked == Asked::NEVER) {
    block.asked = Asked::ONCE;
  }
  return slot.heads.get();
}

void TableFiles::release(TableHandle& handle) {
  if (!handle.open) return;
  const Ref<TableHandle> held(&handle);
  cache_.removeAll(handle.blocks);
  handle.blocks = BlockSlots();
  handle.open = nullptr;
  open_.erase(std::find_if(open_.begin(), open_.end(), [&](const Ref<TableHandle>& each) {
    return each.get() == &handle;
  }));
}

void TableFiles::close() {
  closed_ = true;
  while (!open_.empty()) release(*open_.back());
}

/** Drops the tables used longest ago until there are not too many. */
void TableFiles::trim(const TableHandle* except) {
  while (open_.size() > maxOpenTables_) {
    TableHandle* oldest = nullptr;
    for (const Ref<TableHandle>& each : open_)
      if (each.get() != except && (oldest == nullptr || each->lastUse < oldest->lastUse))
        oldest = each.get();
    if (oldest == nullptr) return;
    release(*oldest);
  }
}

OpenLoad::OpenLoad(const TableFiles& files, TableHandle& handle)
    : open_(handle.open), directory_(files.directory()), handle_(&handle) {
  if (!open_) ended_ = files.require(handle);
}

void OpenLoad::read() {
  if (open_ || !ended_.ok()) return;
  ended_ = OpenTable::open(*directory_, handle_->meta, open_);
  opened_ = ended_.ok();
}

Status OpenLoad::absorb(TableFiles& files) {
  CAIRN_TRY(ended_);
  return opened_ ? files.install(*handle_, open_) : Status();
}

}  // namespace cairn
