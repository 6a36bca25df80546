// JournalReader: reads the records of a journal or MANIFEST and says where and why they end.
//
// Its calls wait for the disk, so they run on a worker, one at a time; what they gave, and
// `verdict`, are read on the JavaScript thread when the worker has finished.
// Format: docs/format/journal.md
// Twin: lib/journal/reader.ts
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/counted.h"
#include "base/status.h"
#include "checksum/ranges.h"
#include "journal/window.h"
#include "os/file.h"

namespace cairn {

struct JournalRecord {
  Buffer bytes;
  /** Where its first fragment begins and its last one ends, in bytes of the file. */
  uint64_t offset = 0;
  uint64_t end = 0;
};

/** Why there is no next record: NONE while there may be one. */
struct JournalVerdict {
  enum class Kind : uint8_t { NONE, END, BAD };

  Kind kind = Kind::NONE;
  /** Of what is BAD: the record, or the fragment that none can begin with. At the END: where zeros
   * begin that follow to the end of the file, or that end. */
  uint64_t offset = 0;
  /** A DamageReason of lib/plane.ts; static text. */
  const char* reason = "";
};

class JournalReader : public Counted<JournalReader> {
 public:
  /** ENOENT when there is none. No record is longer than `maxRecordBytes`, JavaScript's limit.
   * Nothing behind byte `end` is read. */
  static Status open(const Directory& directory, const std::string& name, uint64_t maxRecordBytes,
                     uint64_t end, Ref<JournalReader>& reader);

  const std::string& name() const { return window_.file().name(); }
  uint64_t sizeBytes() const { return window_.sizeBytes(); }
  /** When it is not NONE, what `next` gave last were the last records before it. */
  const JournalVerdict& verdict() const { return verdict_; }

  /**
   * Replaces `records` by the next ones, of about `maxBytes` in all but one at least; none when
   * there is a verdict. What fails behind whole records is told by the call after that.
   */
  Status next(std::vector<JournalRecord>& records, size_t maxBytes);
  /** The first complete mark that begins at or after byte `from`, though not at byte 0, and carries
   * a sequence > `above` (-1: any), looked for at every byte. */
  Status findMark(uint64_t from, int64_t above, bool& found, uint64_t& offset,
                  uint64_t& sequence);
  /** The first complete record of at least `minBytes` that begins at or after `from`, looked for
   * at every byte; `next` goes on there after `resume`. */
  Status findRecord(uint64_t from, uint64_t minBytes, bool& found, uint64_t& offset);
  /** Reads and finds go on at `offset`. */
  void resume(uint64_t offset);
  /** The checksum that those expected from now on continue; at first 0, that of nothing. */
  void reseed(uint32_t seed) { seed_ = seed; }

 private:
  friend class Counted<JournalReader>;
  struct Gathering;
  /** A valid FULL or FIRST; `begin` is the size of the file when there is none. */
  struct Found {
    uint64_t begin;
    uint64_t end;
  };

  JournalReader(Ref<const File> file, uint64_t sizeBytes, uint64_t maxRecordBytes)
      : window_(std::move(file), sizeBytes), maxRecordBytes_(maxRecordBytes) {}
  ~JournalReader() = default;

  Status nextRecord(JournalRecord& record);
  Status gather(Gathering& record, JournalVerdict& verdict);
  Status endsIn(uint64_t at, bool& ends);
  const char* judge(const Gathering& record, size_t room) const;
  Status take(Gathering& record, size_t room, bool& whole) const;
  Status markAt(uint64_t at, bool& mark, uint64_t& offset, uint64_t& sequence);
  Status findBegin(uint64_t from, Found& found);
  bool searchBlock(uint64_t block, uint64_t from, uint64_t limit, Found& found);

  JournalWindow window_;
  const uint64_t maxRecordBytes_;
  JournalVerdict verdict_;
  /** Where `next` goes on. */
  uint64_t position_ = 0;
  uint32_t seed_ = 0;
  /** Checksums of the ranges of one block, and where that block begins. */
  std::unique_ptr<CrcRanges> ranges_;
  uint64_t rangesBlock_ = UINT64_MAX;
};

}  // namespace cairn
