// Twin: lib/journal/window.ts
#include "journal/window.h"

#include <algorithm>
#include <string>

#include "format/journal.h"

namespace cairn {

namespace {

constexpr uint64_t WINDOW_BYTES = 8 * JOURNAL_BLOCK_BYTES;

}  // namespace

Status JournalWindow::load(uint64_t offset) {
  const size_t capacity = static_cast<size_t>(std::min(WINDOW_BYTES, sizeBytes_));
  if (!bytes_.reserve(capacity)) return Status::memory(capacity);
  const uint64_t start = offset - offset % JOURNAL_BLOCK_BYTES;
  const size_t length = static_cast<size_t>(std::min<uint64_t>(capacity, sizeBytes_ - start));
  end_ = start_;
  size_t got = 0;
  CAIRN_TRY(file_->read(bytes_.data(), length, start, got));
  if (got < length) {
    const std::string& name = file_->name();
    const std::string text = name + " ends at byte " + std::to_string(start + got) + " and had " +
                             std::to_string(sizeBytes_) + " when opened";
    return Status::store(Code::IO, text, name, static_cast<int64_t>(start + got));
  }
  start_ = start;
  end_ = start + length;
  return {};
}

}  // namespace cairn
