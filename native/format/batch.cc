// Twin: lib/format/batch.ts
#include "format/batch.h"

namespace cairn {

Status BatchReader::open(Slice bytes) {
  if (bytes.size < BATCH_HEADER_BYTES) return Status::format("batch is too short", 0);
  bytes_ = bytes;
  sequence_ = batchSequence(bytes);
  count_ = batchCount(bytes);
  index_ = 0;
  offset_ = BATCH_HEADER_BYTES;
  if (sequence_ > KEY_SEQUENCE_MAX || sequence_ + count_ > KEY_SEQUENCE_MAX)
    return Status::format("sequence over 2^53", 0);
  return {};
}

Status BatchReader::next(bool& more) {
  more = false;
  if (index_ == count_) {
    if (offset_ == bytes_.size) return {};
    return Status::format("bytes behind the last record", offset_);
  }
  if (offset_ >= bytes_.size) return Status::format("fewer records than the count says", offset_);
  index_++;
  type_ = bytes_[offset_++];
  if (type_ > KEY_TYPE_VALUE) return Status::format("unknown record type", offset_ - 1);
  size_t size = 0;
  CAIRN_TRY(length(size));
  key_ = bytes_.part(offset_, size);
  offset_ += size;
  size = 0;
  if (type_ == KEY_TYPE_VALUE) CAIRN_TRY(length(size));
  value_ = bytes_.part(offset_, size);
  offset_ += size;
  more = true;
  return {};
}

/** A varint32 length; so many bytes follow. */
Status BatchReader::length(size_t& value) {
  const size_t start = offset_;
  uint64_t sum = 0;
  for (size_t i = 0; i < VARINT32_MAX_BYTES; i++) {
    if (offset_ >= bytes_.size) return Status::format("length cut short", start);
    const uint8_t byte = bytes_[offset_++];
    sum |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    if (sum > bytes_.size - offset_) return Status::format("length past the end", start);
    value = static_cast<size_t>(sum);
    return {};
  }
  return Status::format("length is too long", start);
}

}  // namespace cairn
