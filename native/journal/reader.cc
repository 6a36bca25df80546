// Twin: lib/journal/reader.ts
#include "journal/reader.h"

#include <algorithm>

#include "checksum/crc32c.h"
#include "format/batch.h"
#include "format/checksum.h"
#include "format/coding.h"
#include "format/journal.h"
#include "format/key.h"

namespace cairn {

namespace {

using Kind = JournalVerdict::Kind;

constexpr char MISSING_FRAGMENT[] = "missing fragment";
constexpr char INVALID_KIND[] = "invalid fragment kind";

size_t lengthAt(const uint8_t* header) {
  return header[4] | static_cast<size_t>(header[5]) << 8;
}

bool begins(uint8_t kind) { return kind == JOURNAL_KIND_FULL || kind == JOURNAL_KIND_FIRST; }

bool zeros(const uint8_t* bytes, size_t size) {
  return std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

/** A record on its way: what has been read of it, and where to go on. */
struct JournalReader::Gathering {
  uint64_t at;
  /** A record that turns out longer than this is judged to its end, but its bytes are not kept. */
  uint64_t keep;
  /** Whether its FIRST or FULL has been seen, and where that stands. */
  bool begun = false;
  uint64_t begin = 0;
  Buffer bytes = {};
  uint64_t length = 0;
  /** So far it is nothing but a FIRST without data at the end of a block. */
  bool hollow = false;

  JournalVerdict bad(const char* reason) const { return {Kind::BAD, begun ? begin : at, reason}; }
};

Status JournalReader::open(const Directory& directory, const std::string& name,
                           uint64_t maxRecordBytes, uint64_t end, Ref<JournalReader>& reader) {
  Ref<File> file;
  CAIRN_TRY(directory.openFile(name, file));
  uint64_t sizeBytes = 0;
  CAIRN_TRY(file->size(sizeBytes));
  sizeBytes = std::min(sizeBytes, end);
  const uint64_t limit = std::min<uint64_t>(maxRecordBytes, UINT32_MAX);
  reader = Ref<JournalReader>(new JournalReader(std::move(file), sizeBytes, limit));
  return {};
}

Status JournalReader::next(std::vector<JournalRecord>& records, size_t maxBytes) {
  records.clear();
  // Empty records count too: a file can hold very many of them.
  for (size_t held = 0; held < maxBytes || records.empty();) {
    if (verdict_.kind != Kind::NONE) return {};
    JournalRecord record;
    const Status status = nextRecord(record);
    if (!status.ok()) return records.empty() ? status : Status();
    if (verdict_.kind != Kind::NONE) return {};
    held += sizeof record + record.bytes.size();
    records.push_back(std::move(record));
  }
  return {};
}

/** The next record, or the verdict. What fails leaves the place where it is. */
Status JournalReader::nextRecord(JournalRecord& record) {
  Gathering gathering{position_, maxRecordBytes_};
  JournalVerdict outcome;
  CAIRN_TRY(gather(gathering, outcome));
  if (outcome.kind != Kind::NONE) {
    bool ends = false;
    if (!gathering.begun) CAIRN_TRY(endsIn(gathering.at, ends));
    verdict_ = ends ? JournalVerdict{Kind::END, gathering.at} : outcome;
    return {};
  }
  if (gathering.length > maxRecordBytes_) {
    const std::string size = std::to_string(gathering.length);
    return Status::store(Code::LIMIT, "a record of " + size + " bytes is too large");
  }
  position_ = gathering.at;
  record.bytes = std::move(gathering.bytes);
  record.offset = gathering.begin;
  record.end = gathering.at;
  return {};
}

Status JournalReader::findMark(uint64_t from, int64_t above, bool& found, uint64_t& offset,
                               uint64_t& sequence) {
  found = false;
  Found place{0, std::max<uint64_t>(from, 1)};
  for (;;) {
    CAIRN_TRY(findBegin(place.end, place));
    if (place.begin >= sizeBytes()) return {};
    if (place.end - place.begin > JOURNAL_HEADER_BYTES + BATCH_HEADER_BYTES) continue;
    CAIRN_TRY(markAt(place.begin, found, offset, sequence));
    found = found && (above < 0 || sequence > static_cast<uint64_t>(above));
    if (found) return {};
  }
}

Status JournalReader::findRecord(uint64_t from, uint64_t minBytes, bool& found,
                                 uint64_t& offset) {
  found = false;
  Found place{0, from};
  for (;;) {
    CAIRN_TRY(findBegin(place.end, place));
    if (place.begin >= sizeBytes()) return {};
    Gathering record{place.begin, 0};
    JournalVerdict outcome;
    CAIRN_TRY(gather(record, outcome));
    if (outcome.kind != Kind::NONE || record.length < minBytes) continue;
    found = true;
    offset = record.begin;
    return {};
  }
}

void JournalReader::resume(uint64_t offset) {
  position_ = offset;
  verdict_ = {};
}

/** Reads one record on to its end; a verdict of NONE says that it is whole. */
Status JournalReader::gather(Gathering& record, JournalVerdict& verdict) {
  for (;;) {
    if (record.at >= sizeBytes()) {
      verdict = record.begun ? record.bad(MISSING_FRAGMENT) : JournalVerdict{Kind::END};
      return {};
    }
    if (!window_.has(record.at)) CAIRN_TRY(window_.load(record.at));
    const size_t room =
        JOURNAL_BLOCK_BYTES - static_cast<size_t>(record.at % JOURNAL_BLOCK_BYTES);
    if (room < JOURNAL_HEADER_BYTES) {
      const uint64_t rest = std::min<uint64_t>(room, sizeBytes() - record.at);
      if (!zeros(window_.at(record.at), static_cast<size_t>(rest))) {
        verdict = record.bad(INVALID_KIND);
        return {};
      }
      record.at += rest;
      continue;
    }
    if (const char* reason = judge(record, room); reason != nullptr) {
      verdict = record.bad(reason);
      return {};
    }
    bool whole = false;
    CAIRN_TRY(take(record, room, whole));
    if (whole) {
      verdict = {};
      return {};
    }
  }
}

/** Whether all bytes from `at` on are zeros. */
Status JournalReader::endsIn(uint64_t at, bool& ends) {
  for (ends = true; ends && at < sizeBytes();) {
    if (!window_.has(at)) CAIRN_TRY(window_.load(at));
    const size_t size = window_.sizeFrom(at);
    ends = zeros(window_.at(at), size);
    at += size;
  }
  return {};
}

/** What is wrong with the fragment at `record.at`, as the next one of the record. */
const char* JournalReader::judge(const Gathering& record, size_t room) const {
  const uint64_t rest = std::min<uint64_t>(room, sizeBytes() - record.at);
  if (rest < JOURNAL_HEADER_BYTES) return MISSING_FRAGMENT;
  const uint8_t* const header = window_.at(record.at);
  const uint32_t crc = fixed32(header);
  const size_t length = lengthAt(header);
  const uint8_t kind = header[6];
  if (kind == JOURNAL_KIND_ZERO && length == 0 && crc == 0) return "zero header";
  if (kind == JOURNAL_KIND_ZERO || kind > JOURNAL_KIND_LAST) return INVALID_KIND;
  const size_t end = JOURNAL_HEADER_BYTES + length;
  if (end > room) return "length overflows block";
  if (end > rest) return MISSING_FRAGMENT;
  if (maskCrc(crc32c(Slice(header + 6, end - 6), seed_)) != crc) return "checksum mismatch";
  if (begins(kind) && record.begun && !record.hollow) return MISSING_FRAGMENT;
  if (!begins(kind) && !record.begun) return "orphan fragment";
  return nullptr;
}

/** Adds the fragment that was judged good; `whole` when it is the last. */
Status JournalReader::take(Gathering& record, size_t room, bool& whole) const {
  const uint8_t* const header = window_.at(record.at);
  const size_t length = lengthAt(header);
  const uint8_t kind = header[6];
  // Old writers left a FIRST without data in the last 7 bytes and began the record anew.
  if (begins(kind)) {
    record.begun = true;
    record.begin = record.at;
  }
  record.hollow = kind == JOURNAL_KIND_FIRST && room == JOURNAL_HEADER_BYTES;
  record.length += length;
  if (record.length > record.keep)
    record.bytes.release();
  else if (!record.bytes.append(Slice(header + JOURNAL_HEADER_BYTES, length)))
    return Status::memory(record.length);
  record.at += JOURNAL_HEADER_BYTES + length;
  whole = kind == JOURNAL_KIND_FULL || kind == JOURNAL_KIND_LAST;
  return {};
}

/** The mark that begins with the valid fragment at `at`, if one does. */
Status JournalReader::markAt(uint64_t at, bool& mark, uint64_t& offset, uint64_t& sequence) {
  mark = false;
  Gathering record{at, BATCH_HEADER_BYTES};
  JournalVerdict outcome;
  CAIRN_TRY(gather(record, outcome));
  if (outcome.kind != Kind::NONE || record.length != BATCH_HEADER_BYTES) return {};
  const Slice batch = record.bytes.slice();
  offset = record.begin;
  sequence = batchSequence(batch);
  mark = batchCount(batch) == 0 && sequence <= KEY_SEQUENCE_MAX;
  return {};
}

/** The first valid FULL or FIRST at or after `from`, and where that fragment ends. */
Status JournalReader::findBegin(uint64_t from, Found& found) {
  uint64_t at = from;
  while (at < sizeBytes() && sizeBytes() - at >= JOURNAL_HEADER_BYTES) {
    if (!window_.has(at)) CAIRN_TRY(window_.load(at));
    const uint64_t block = at - at % JOURNAL_BLOCK_BYTES;
    const uint64_t limit = std::min<uint64_t>(block + JOURNAL_BLOCK_BYTES, sizeBytes());
    if (searchBlock(block, at, limit, found)) return {};
    at = limit;
  }
  found = {sizeBytes(), sizeBytes()};
  return {};
}

/** As `findBegin` in [from, limit) of one block, which the window holds. */
bool JournalReader::searchBlock(uint64_t block, uint64_t from, uint64_t limit, Found& found) {
  const uint8_t* const bytes = window_.at(block);
  const size_t size = static_cast<size_t>(limit - block);
  if (ranges_ == nullptr)
    ranges_.reset(new CrcRanges(std::min<uint64_t>(JOURNAL_BLOCK_BYTES, sizeBytes())));
  if (rangesBlock_ != block) ranges_->fill(Slice(bytes, size));
  rangesBlock_ = block;
  for (size_t at = static_cast<size_t>(from - block); at + JOURNAL_HEADER_BYTES <= size; at++) {
    const uint8_t* const header = bytes + at;
    const uint8_t kind = header[6];
    if (kind == JOURNAL_KIND_ZERO || kind > JOURNAL_KIND_LAST) continue;
    const size_t end = at + JOURNAL_HEADER_BYTES + lengthAt(header);
    if (end > size) continue;
    if (maskCrc(ranges_->crc(at + 6, end, seed_)) != fixed32(header)) continue;
    if (begins(kind)) {
      found = {block + at, block + end};
      return true;
    }
    at = end - 1;
  }
  return false;
}

}  // namespace cairn
