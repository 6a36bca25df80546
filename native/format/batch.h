// Write batches, read: a sequence, a count and that many records; record i has sequence + i.
//
// Every length is checked against what remains before it is used.
// Format: docs/format/batch.md
// Twin: lib/format/batch.ts
#pragma once

#include "base/slice.h"
#include "base/status.h"
#include "format/key.h"

namespace cairn {

inline constexpr size_t BATCH_HEADER_BYTES = 12;
inline constexpr size_t BATCH_COUNT_OFFSET = 8;

inline uint64_t batchSequence(Slice batch) { return fixed64(batch.data); }
inline uint32_t batchCount(Slice batch) { return fixed32(batch.data + BATCH_COUNT_OFFSET); }

/** Walks the records of a batch: after `next` gave true, the members tell one record. */
class BatchReader {
 public:
  /** A FormatError when the header is cut short or the sequence is out of range. */
  Status open(Slice bytes);

  uint64_t sequence() const { return sequence_; }
  uint32_t count() const { return count_; }
  uint8_t type() const { return type_; }
  Slice key() const { return key_; }
  Slice value() const { return value_; }
  /** Offset behind the record that the members tell. */
  size_t offset() const { return offset_; }

  /** To the next record; `more` is false behind the last. */
  Status next(bool& more);

 private:
  Status length(size_t& value);

  Slice bytes_;
  uint64_t sequence_ = 0;
  uint32_t count_ = 0;
  uint32_t index_ = 0;
  size_t offset_ = 0;
  uint8_t type_ = 0;
  Slice key_;
  Slice value_;
};

}  // namespace cairn
