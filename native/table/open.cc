// Twin: lib/table/open.ts
#include "table/open.h"

#include <map>

#include "format/filter.h"
#include "table/walk.h"

namespace cairn {

namespace {

constexpr uint64_t TAIL_BYTES = 64 * 1024;
/** No writer shares so much between names that they outgrow their block by this. */
constexpr uint64_t NAMES_MAX_RATIO = 16;

/** The steps of one opening, and what they hold on to. */
class Opening {
 public:
  Opening(const File& file, const TableMeta& meta, TableParts& parts)
      : file_(file), meta_(meta), parts_(parts) {}

  Status run() {
    CAIRN_TRY(readTail());
    CAIRN_TRY(readIndex());
    CAIRN_TRY(readMetaindex());
    CAIRN_TRY(readFilter());
    return readProperties();
  }

 private:
  Status readTail();
  Status readIndex();
  Status readMetaindex();
  Status readFilter();
  Status readProperties();
  /** The verified contents of a block; they hold until the next call. */
  Status contents(BlockHandle handle, Slice& bytes);
  const BlockHandle* named(const char* name) const {
    for (const auto& [candidate, handle] : parts_.named)
      if (candidate == name) return &handle;
    return nullptr;
  }

  const File& file_;
  const TableMeta& meta_;
  TableParts& parts_;
  uint64_t tailStart_ = 0;
  uint64_t footerStart_ = 0;
  Buffer tail_;
  Buffer raw_;
  Buffer decoded_;
};

Status Opening::readTail() {
  uint64_t size = 0;
  CAIRN_TRY(file_.size(size));
  if (size != meta_.sizeBytes)
    return Status::corruption(
        file_.name(), size < meta_.sizeBytes ? size : meta_.sizeBytes,
        std::to_string(size) + " bytes instead of " + std::to_string(meta_.sizeBytes));
  if (size < TABLE_FOOTER_BYTES)
    return Status::corruption(file_.name(), 0, "too short for a table");
  tailStart_ = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
  footerStart_ = size - TABLE_FOOTER_BYTES;
  CAIRN_TRY(readAll(file_, tailStart_, size - tailStart_, tail_));
  return decodeFooter(tail_.slice().from(tail_.size() - TABLE_FOOTER_BYTES), parts_.footer)
      .in(file_.name(), footerStart_);
}

Status Opening::contents(BlockHandle handle, Slice& bytes) {
  const uint64_t size = handle.sizeBytes + BLOCK_TRAILER_BYTES;
  if (handle.offset + size > footerStart_)
    return Status::corruption(
        file_.name(), footerStart_,
        "block at " + std::to_string(handle.offset) + " runs past the end");
  Slice raw;
  if (handle.offset >= tailStart_) {
    raw = tail_.slice().part(static_cast<size_t>(handle.offset - tailStart_),
                             static_cast<size_t>(size));
  } else {
    CAIRN_TRY(readAll(file_, handle.offset, size, raw_));
    raw = raw_.slice();
  }
  return blockContents(raw, file_.name(), handle.offset, decoded_, bytes);
}

Status Opening::readIndex() {
  const uint64_t at = parts_.footer.index.offset;
  Slice bytes;
  BlockView block;
  CAIRN_TRY(contents(parts_.footer.index, bytes));
  CAIRN_TRY(parseBlock(bytes, BlockKeys::INTERNAL, file_.name(), at, block));
  return parts_.index.decode(block, footerStart_).in(file_.name(), at);
}

Status Opening::readMetaindex() {
  const uint64_t offset = parts_.footer.metaindex.offset;
  Slice bytes;
  BlockView block;
  CAIRN_TRY(contents(parts_.footer.metaindex, bytes));
  CAIRN_TRY(parseBlock(bytes, BlockKeys::PLAIN, file_.name(), offset, block));
  // A name that comes again keeps its place and gets another handle, as in a Map of JavaScript.
  std::map<std::string, size_t> places;
  std::string name;
  uint64_t nameBytes = 0;
  for (const uint8_t* at = block.bytes; at < block.bytes + block.entriesEnd;) {
    const EntryHeader header = entryHeader(at);
    const uint8_t* value = header.rest + header.fresh;
    nameBytes += header.shared + header.fresh;
    if (nameBytes > uint64_t{bytes.size} * NAMES_MAX_RATIO)
      return Status::corruption(file_.name(), offset, "metaindex: too much name");
    name.resize(header.shared);
    name.append(reinterpret_cast<const char*>(header.rest), header.fresh);
    FieldReader reader({value, header.valueLength});
    BlockHandle handle;
    CAIRN_TRY(readHandle(reader, handle).in(file_.name(), offset));
    const auto [place, fresh] = places.emplace(name, parts_.named.size());
    if (fresh) parts_.named.emplace_back(name, handle);
    else parts_.named[place->second].second = handle;
    at = value + header.valueLength;
  }
  return {};
}

Status Opening::readFilter() {
  const BlockHandle* handle = named(FILTER_NAME);
  if (handle == nullptr) handle = named(FILTER_NAME_OLD);
  if (handle == nullptr) return {};
  Slice bytes;
  CAIRN_TRY(contents(*handle, bytes));
  if (!parts_.filterBytes.assign(bytes)) return Status::memory(bytes.size);
  parts_.filter = FilterBlock(parts_.filterBytes.slice());
  parts_.hasFilter = true;
  return {};
}

Status Opening::readProperties() {
  const BlockHandle* handle = named(TABLE_PROPERTIES_NAME);
  if (handle == nullptr) return {};
  Slice bytes;
  CAIRN_TRY(contents(*handle, bytes));
  return decodeProperties(bytes, parts_.properties, parts_.hasProperties)
      .in(file_.name(), handle->offset);
}

}  // namespace

Status openParts(const File& file, const TableMeta& meta, Ref<const TableParts>& parts) {
  const Ref<TableParts> made = makeRef<TableParts>();
  CAIRN_TRY(Opening(file, meta, *made).run());
  parts = made;
  return {};
}

Status readAll(const File& file, uint64_t offset, uint64_t size, Buffer& bytes) {
  if (size > SIZE_MAX - BLOCK_SLACK_BYTES) return Status::memory(size);
  const auto wanted = static_cast<size_t>(size);
  if (!bytes.reserve(wanted + BLOCK_SLACK_BYTES)) return Status::memory(size);
  bytes.setSize(wanted);
  size_t got = 0;
  CAIRN_TRY(file.read(bytes.data(), wanted, offset, got));
  return got == wanted ? Status() : endsEarly(file, offset + got);
}

Status endsEarly(const File& file, uint64_t end) {
  return Status::corruption(file.name(), end, "ends early");
}

}  // namespace cairn
