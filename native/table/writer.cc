// Twin: lib/table/writer.ts
#include "table/writer.h"

#include "checksum/crc32c.h"
#include "format/block.h"
#include "format/checksum.h"
#include "format/filter.h"
#include "format/key.h"
#include "table/snappy.h"

namespace cairn {

TableWriter::TableWriter(Ref<File> file, uint64_t number, const TableOptions& options)
    : file_(std::move(file)),
      number_(number),
      blockSizeBytes_(options.blockSizeBytes),
      compression_(options.compression),
      data_(options.restartInterval),
      index_(BLOCK_INDEX_RESTART_INTERVAL),
      metaindex_(options.restartInterval) {
  if (options.filterBits > 0) filter_ = std::make_unique<FilterBlockWriter>(options.filterBits);
}

Status TableWriter::add(Slice key, uint64_t trailer, Slice value) {
  const size_t length = key.size + KEY_TRAILER_BYTES;
  if (length > key_.capacity() && !key_.reserve(length * 2)) return Status::memory(length);
  key_.setSize(length);
  copyBytes(key_.data(), key.data, key.size);
  putFixed64(key_.data() + key.size, trailer);
  const Slice internal = key_.slice();
  if (properties_.entries == 0)
    smallest_.assign(reinterpret_cast<const char*>(internal.data), length);
  else if (compareInternal(userKey(last_.slice()), trailerIn(last_.slice()), key, trailer) >= 0)
    return Status::range("table entries must come in the order of their internal keys");
  if (isWaiting_) CAIRN_TRY(indexBlock(&internal));

  if (filter_) filter_->addKey(userKey(internal));
  CAIRN_TRY(data_.add(internal, value));
  count(key, trailer, value);
  std::swap(key_, last_);
  return data_.sizeBytes() >= blockSizeBytes_ ? finishData() : Status();
}

Status TableWriter::flush() {
  if (pending_.empty()) return {};
  CAIRN_TRY(file_->write(pending_.slice(), written_));
  written_ += pending_.size();
  pending_.clear();
  return {};
}

Status TableWriter::finish(TableMeta& meta) {
  if (properties_.entries == 0) return Status::range("a table needs an entry");
  CAIRN_TRY(finishData());
  CAIRN_TRY(indexBlock(nullptr));
  CAIRN_TRY(finishMeta());
  CAIRN_TRY(flush());
  meta.number = number_;
  meta.sizeBytes = written_;
  meta.smallest = std::move(smallest_);
  meta.largest.assign(reinterpret_cast<const char*>(last_.data()), last_.size());
  meta.hasProperties = true;
  meta.properties = properties_;
  return {};
}

/** Everything behind the data blocks. */
Status TableWriter::finishMeta() {
  Slice contents;
  BlockHandle filter;
  if (filter_) {
    CAIRN_TRY(filter_->finish(contents));
    CAIRN_TRY(append(contents, false, filter));
  }
  uint8_t encoded[7 * VARINT64_MAX_BYTES];
  BlockHandle properties;
  CAIRN_TRY(append({encoded, encodeProperties(encoded, properties_)}, false, properties));
  CAIRN_TRY(nameBlock(TABLE_PROPERTIES_NAME, properties));
  if (filter_) CAIRN_TRY(nameBlock(FILTER_NAME, filter));
  TableFooter footer;
  CAIRN_TRY(metaindex_.finish(contents));
  CAIRN_TRY(append(contents, compression_, footer.metaindex));
  CAIRN_TRY(index_.finish(contents));
  CAIRN_TRY(append(contents, compression_, footer.index));
  uint8_t tail[TABLE_FOOTER_BYTES];
  encodeFooter(tail, footer);
  return pending_.append({tail, sizeof tail}) ? Status() : Status::memory(sizeof tail);
}

void TableWriter::count(Slice key, uint64_t trailer, Slice value) {
  const uint64_t sequence = trailerSequence(trailer);
  TableProperties& properties = properties_;
  if (trailerType(trailer) == KEY_TYPE_DELETION) properties.deletions++;
  properties.keyBytes += key.size;
  properties.valueBytes += value.size;
  if (properties.entries == 0 || sequence < properties.smallestSequence)
    properties.smallestSequence = sequence;
  if (sequence > properties.largestSequence) properties.largestSequence = sequence;
  properties.entries++;
}

Status TableWriter::finishData() {
  if (data_.empty()) return {};
  Slice contents;
  CAIRN_TRY(data_.finish(contents));
  CAIRN_TRY(append(contents, compression_, waiting_));
  isWaiting_ = true;
  return filter_ ? filter_->startBlock(sizeBytes()) : Status();
}

/** Adds the index entry of the block that waits; `next` is the key behind it, if there is one. */
Status TableWriter::indexBlock(const Slice* next) {
  const Slice last = last_.slice();
  CAIRN_TRY(next == nullptr ? internalSuccessor(last, separator_)
                            : internalSeparator(last, *next, separator_));
  uint8_t handle[TABLE_HANDLE_MAX_BYTES];
  const uint8_t* end = putHandle(handle, waiting_);
  isWaiting_ = false;
  return index_.add(separator_.slice(), {handle, static_cast<size_t>(end - handle)});
}

Status TableWriter::nameBlock(const char* name, BlockHandle block) {
  uint8_t handle[TABLE_HANDLE_MAX_BYTES];
  const uint8_t* end = putHandle(handle, block);
  return metaindex_.add({name, std::strlen(name)}, {handle, static_cast<size_t>(end - handle)});
}

/** Appends a block with its trailer, compressed where that is asked for and saves enough. */
Status TableWriter::append(Slice contents, bool compress, BlockHandle& handle) {
  const size_t start = pending_.size();
  const uint64_t offset = sizeBytes();
  uint8_t kind = BLOCK_KIND_NONE;
  if (compress) {
    CAIRN_TRY(snappy(contents, pending_));
    const size_t enough = contents.size - contents.size / BLOCK_COMPRESS_DIVISOR;
    if (pending_.size() - start < enough)
      kind = BLOCK_KIND_SNAPPY;
    else
      pending_.setSize(start);
  }
  const size_t more = BLOCK_TRAILER_BYTES + (kind == BLOCK_KIND_NONE ? contents.size : 0);
  if (!pending_.room(more)) return Status::memory(more);
  if (kind == BLOCK_KIND_NONE && !pending_.append(contents)) return Status::memory(more);
  const size_t size = pending_.size() - start;
  uint8_t* end = pending_.data() + pending_.size();
  *end = kind;
  putFixed32(end + 1, maskCrc(crc32c({pending_.data() + start, size + 1})));
  pending_.setSize(pending_.size() + BLOCK_TRAILER_BYTES);
  handle = {offset, size};
  return {};
}

}  // namespace cairn
