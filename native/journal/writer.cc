// Twin: lib/journal/writer.ts
#include "journal/writer.h"

#include <algorithm>

#include "checksum/crc32c.h"
#include "format/checksum.h"
#include "format/coding.h"
#include "format/journal.h"

namespace cairn {

namespace {

/** Large records are written in pieces of so many blocks: 1 MiB. */
constexpr size_t PIECE_BLOCKS = 32;
constexpr size_t SCRATCH_BYTES = 64 * 1024;
/** A larger scratch buffer is not kept. */
constexpr size_t SCRATCH_KEEP_BYTES = 2 * 1024 * 1024;
/** Never written to, and not const: so neither the binary nor memory holds more than a page. */
uint8_t ZEROS[256 * 1024];

/** What is left of the block at `position` of a file. */
size_t roomAt(uint64_t position) {
  return JOURNAL_BLOCK_BYTES - static_cast<size_t>(position % JOURNAL_BLOCK_BYTES);
}

/** Bytes of a record that go into a piece which begins at `position` and ends with a block. */
size_t pieceLength(uint64_t position) {
  const size_t room = roomAt(position);
  const size_t first = room > JOURNAL_HEADER_BYTES ? room - JOURNAL_HEADER_BYTES : 0;
  return first + (PIECE_BLOCKS - 1) * JOURNAL_FRAGMENT_MAX_BYTES;
}

uint8_t kindOf(bool begun, bool ends) {
  if (ends) return begun ? JOURNAL_KIND_LAST : JOURNAL_KIND_FULL;
  return begun ? JOURNAL_KIND_MIDDLE : JOURNAL_KIND_FIRST;
}

/**
 * Frames `record[from .. end)` for `position` of the file into `into`, but for the checksums.
 * `from` and `end` are the record's own, or where a fragment of it begins or fills its block.
 */
void frame(uint8_t* into, uint64_t position, Slice record, size_t from, size_t end) {
  size_t at = 0;
  size_t room = roomAt(position);
  bool begun = from > 0;
  for (;;) {
    if (room < JOURNAL_HEADER_BYTES) {
      std::memset(into + at, 0, room);
      at += room;
      room = JOURNAL_BLOCK_BYTES;
    }
    const size_t length = std::min(room - JOURNAL_HEADER_BYTES, end - from);
    uint8_t* const fragment = into + at;
    fragment[4] = static_cast<uint8_t>(length);
    fragment[5] = static_cast<uint8_t>(length >> 8);
    fragment[6] = kindOf(begun, from + length == record.size);
    copyBytes(fragment + JOURNAL_HEADER_BYTES, record.data + from, length);
    at += JOURNAL_HEADER_BYTES + length;
    from += length;
    room -= JOURNAL_HEADER_BYTES + length;
    begun = true;
    if (from == end) return;
  }
}

void tell(std::vector<std::unique_ptr<JournalDone>> waiters, const Status& status) {
  for (const std::unique_ptr<JournalDone>& waiter : waiters) waiter->journalDone(status);
}

}  // namespace

uint64_t framedBytes(uint64_t position, uint64_t length) {
  const uint64_t room = roomAt(position);
  const uint64_t padding = room < JOURNAL_HEADER_BYTES ? room : 0;
  const uint64_t first = (padding > 0 ? JOURNAL_BLOCK_BYTES : room) - JOURNAL_HEADER_BYTES;
  const uint64_t more = length > first
                            ? (length - first - 1) / JOURNAL_FRAGMENT_MAX_BYTES + 1
                            : 0;
  return padding + length + JOURNAL_HEADER_BYTES * (1 + more);
}

Status JournalWriter::create(const Directory& directory, const std::string& name, Queue* queue,
                             Ref<JournalWriter>& writer) {
  Ref<File> file;
  CAIRN_TRY(directory.createFile(name, file));
  writer = Ref<JournalWriter>(new JournalWriter(std::move(file), queue));
  return {};
}

Status JournalWriter::append(Slice record, const Slice* mark) {
  CAIRN_TRY(checkIdle());
  const uint64_t markBytes = mark == nullptr ? 0 : framedBytes(position_, mark->size);
  const uint64_t total = markBytes + framedBytes(position_ + markBytes, record.size);
  Buffer passing;
  uint8_t* const into = room(total, passing);
  if (into == nullptr) return Status::memory(total);
  if (mark != nullptr) frame(into, position_, *mark, 0, mark->size);
  frame(into + markBytes, position_ + markBytes, record, 0, record.size);
  stamp(into, position_, total);
  Status status = file_->write(Slice(into, total), position_);
  if (!status.ok()) return fail(std::move(status));
  position_ += total;
  return {};
}

void JournalWriter::appendLarge(Slice record, const Slice* mark,
                                std::unique_ptr<JournalDone> done) {
  Status status = checkIdle();
  std::unique_ptr<Large> large(new Large);
  if (status.ok()) status = cut(record, mark, large->pieces);
  if (!status.ok()) return done->journalDone(std::move(status));
  large->done = std::move(done);
  large_ = std::move(large);
  writePiece();
}

/** The pieces that `mark` and `record` are written in, but for the checksums. */
Status JournalWriter::cut(Slice record, const Slice* mark, std::vector<Buffer>& pieces) {
  uint64_t position = position_;
  size_t from = 0;
  do {
    const uint64_t markBytes =
        from > 0 || mark == nullptr ? 0 : framedBytes(position, mark->size);
    const uint64_t at = position + markBytes;
    const size_t length = std::min(record.size - from, pieceLength(at));
    const uint64_t total = markBytes + framedBytes(at, length);
    // No append uses the scratch meanwhile: a record of one piece takes no fresh memory.
    Buffer piece = pieces.empty() ? std::move(scratch_) : Buffer();
    if (!piece.resize(total)) return Status::memory(framedBytes(position_, record.size));
    if (markBytes > 0) frame(piece.data(), position, *mark, 0, mark->size);
    frame(piece.data() + markBytes, at, record, from, from + length);
    position += total;
    from += length;
    pieces.push_back(std::move(piece));
  } while (from < record.size);
  return {};
}

/** Puts the checksums into whole fragments that were framed for `position` of the file. */
void JournalWriter::stamp(uint8_t* framed, uint64_t position, size_t size) const {
  for (size_t at = 0; at < size;) {
    const size_t room = roomAt(position + at);
    if (room < JOURNAL_HEADER_BYTES) {
      at += room;
      continue;
    }
    uint8_t* const fragment = framed + at;
    const size_t length = fragment[4] | static_cast<size_t>(fragment[5]) << 8;
    putFixed32(fragment, maskCrc(crc32c(Slice(fragment + 6, length + 1), seed_)));
    at += JOURNAL_HEADER_BYTES + length;
  }
}

/** Checksums are taken here, a piece at a time, so that no call takes those of all. */
void JournalWriter::writePiece() {
  Buffer& piece = large_->pieces[large_->written];
  stamp(piece.data(), position_, piece.size());
  queue_->write(file_, piece.slice(), position_, pieceWaiter_.of(this));
}

void JournalWriter::pieceEnded(Status status) {
  if (!status.ok()) return largeEnded(fail(std::move(status)));
  Buffer& piece = large_->pieces[large_->written++];
  position_ += piece.size();
  if (scratch_.capacity() == 0 && piece.capacity() <= SCRATCH_KEEP_BYTES)
    scratch_ = std::move(piece);
  else
    piece.release();
  if (large_->written == large_->pieces.size()) return largeEnded({});
  Status healthy = checkHealthy();
  if (!healthy.ok()) return largeEnded(std::move(healthy));
  writePiece();
}

void JournalWriter::largeEnded(Status status) {
  const std::unique_ptr<Large> large = std::move(large_);
  large->done->journalDone(std::move(status));
  letGo();
}

Status JournalWriter::reseed(uint32_t seed) {
  CAIRN_TRY(checkIdle());
  seed_ = seed;
  return {};
}

void JournalWriter::pad(uint64_t end, std::unique_ptr<JournalDone> done) {
  Status status = checkIdle();
  if (!status.ok()) return done->journalDone(std::move(status));
  endAt(std::max(end, position_), std::move(done));
}

/** Grows the file with zeros or cuts them off; `end` is not before the position. */
void JournalWriter::endAt(uint64_t end, std::unique_ptr<JournalDone> done) {
  const uint64_t begin = std::max(padded_, position_);
  padding_.reset(new Padding{begin, end, std::move(done)});
  if (end < padded_) return cut(end);
  padded_ = begin;
  writeZeros();
}

void JournalWriter::writeZeros() {
  const size_t size = std::min<uint64_t>(sizeof ZEROS, padding_->end - padded_);
  if (size == 0) return padEnded();
  const uint64_t at = padded_;
  padded_ += size;
  queue_->write(file_, Slice(ZEROS, size), at, zerosWaiter_.of(this));
}

void JournalWriter::zerosEnded(Status status) {
  // What could be written of the zeros may be room that a record needs.
  if (status.ok()) writeZeros();
  else cut(padding_->begin);
}

void JournalWriter::cut(uint64_t end) {
  padding_->end = end;
  queue_->truncate(file_, end, cutWaiter_.of(this));
}

void JournalWriter::cutEnded(Status status) {
  // A close tries it once.
  if (status.ok() || closing_) padded_ = padding_->end;
  padEnded();
}

void JournalWriter::padEnded() {
  const std::unique_ptr<Padding> padding = std::move(padding_);
  if (padding->done != nullptr) padding->done->journalDone({});
  letGo();
}

void JournalWriter::sync(std::unique_ptr<JournalDone> done) {
  Status status = check();
  if (!status.ok()) return done->journalDone(std::move(status));
  // The one under way may have begun before the newest bytes: all who come now share the next.
  (syncing_ ? queued_ : current_).push_back(std::move(done));
  if (!syncing_) beginSync();
}

void JournalWriter::beginSync() {
  syncing_ = true;
  queue_->sync(file_, syncWaiter_.of(this));
}

void JournalWriter::syncEnded(Status status) {
  const Status told = status.ok() ? Status() : fail(std::move(status));
  Waiters ended = std::exchange(current_, std::exchange(queued_, {}));
  syncing_ = false;
  const Status healthy = checkHealthy();
  Waiters refused;
  if (!healthy.ok()) refused = std::exchange(current_, {});
  if (!current_.empty()) beginSync();
  tell(std::move(ended), told);
  tell(std::move(refused), healthy);
  letGo();
}

void JournalWriter::close(std::unique_ptr<JournalDone> done) {
  closing_ = true;
  closers_.push_back(std::move(done));
  letGo();
}

/** Cuts and closes the file when that was asked for and nothing is under way. */
void JournalWriter::letGo() {
  if (!closing_ || large_ != nullptr || padding_ != nullptr || syncing_) return;
  if (padded_ > position_ && failure_.ok()) return endAt(position_, nullptr);
  file_ = nullptr;
  scratch_.release();
  tell(std::exchange(closers_, {}), {});
}

/** Room for `total` bytes, in `passing` where too many to be kept; null when it can not be had. */
uint8_t* JournalWriter::room(size_t total, Buffer& passing) {
  if (total > SCRATCH_KEEP_BYTES) return passing.reserve(total) ? passing.data() : nullptr;
  if (total > scratch_.capacity()) {
    const size_t grown = std::min(2 * total, SCRATCH_KEEP_BYTES);
    if (!scratch_.reserve(std::max(grown, SCRATCH_BYTES))) return nullptr;
  }
  return scratch_.data();
}

/** The first failure; what fails after it is told as its consequence. */
Status JournalWriter::fail(Status error) {
  if (!failure_.ok()) return poisoned();
  failure_ = std::move(error);
  return failure_;
}

Status JournalWriter::poisoned() const {
  const std::string text = name_ + " takes no more writes since one failed; open the store again";
  return Status::store(Code::POISONED, text, name_).because(failure_);
}

Status JournalWriter::check() const {
  if (closing_) return Status::store(Code::NOT_OPEN, name_ + " is closed", name_);
  return checkHealthy();
}

Status JournalWriter::checkIdle() const {
  CAIRN_TRY(check());
  if (large_ != nullptr || padding_ != nullptr)
    return Status::type("an append overlaps with a large one");
  return {};
}

}  // namespace cairn
