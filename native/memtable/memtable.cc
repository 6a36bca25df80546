// Twin: lib/memtable/memtable.ts
#include "memtable/memtable.h"

#include <string>
#include <utility>

#include "memtable/cursor.h"
#include "memtable/stream.h"

namespace cairn {

namespace {

/** So far may the tree fall behind: to sort twice as many takes some milliseconds. */
constexpr uint64_t BEHIND_MAX_ENTRIES = 48 * 1024;

}  // namespace

Status Memtable::apply(Slice batch, int64_t from, int64_t limit, uint64_t& next) {
  if (isSealed_) return Status::type("the memtable is sealed");
  if (limit < 0) return Status::range("the limit is negative");
  BatchReader reader;
  CAIRN_TRY(readerAt(batch, from, reader));
  part_ = {};
  const uint64_t start = static_cast<uint64_t>(from);
  const uint64_t left = reader.count() - start;
  const uint64_t more = static_cast<uint64_t>(limit) < left ? static_cast<uint64_t>(limit) : left;
  const Arena::Mark mark = arena_.mark();
  if (Status status = addRecords(reader, batch, start, start + more); !status.ok()) {
    arena_.cut(mark);
    return status;
  }
  // If that fails, who looks is told.
  if (tree_.behind() >= BEHIND_MAX_ENTRIES) (void)tree_.catchUp();
  next = start + more;
  if (more == left) {
    bytes_ += batch.size;
  } else {
    part_ = {batch, reader, next};
  }
  return {};
}

Status Memtable::readerAt(Slice batch, int64_t from, BatchReader& reader) const {
  CAIRN_TRY(reader.open(batch));
  if (from < 0 || from > static_cast<int64_t>(reader.count()))
    return Status::range("the batch has no record " + std::to_string(from));
  const uint64_t index = static_cast<uint64_t>(from);
  const BatchReader& before = part_.reader;
  if (part_.batch.data == batch.data && part_.batch.size == batch.size && part_.index == index &&
      before.sequence() == reader.sequence() && before.count() == reader.count()) {
    reader = before;
    return {};
  }
  bool more = false;
  for (uint64_t i = 0; i < index; i++) CAIRN_TRY(reader.next(more));
  return {};
}

/** Copies records [from, to) to the arena. The end of the batch is checked with its last one. */
Status Memtable::addRecords(BatchReader& reader, Slice batch, uint64_t from, uint64_t to) {
  bool more = false;
  for (uint64_t index = from; index < to; index++) {
    CAIRN_TRY(reader.next(more));
    const Slice key = reader.key();
    const Slice value = reader.value();
    const uint64_t trailer = trailerOf(reader.sequence() + index, reader.type());
    const size_t wanted = static_cast<size_t>(batch.end() - key.data);
    if (!arena_.add(key, value, trailer, wanted))
      return Status::memory(Row::sizeFor(key.size, value.size));
  }
  return to == reader.count() ? reader.next(more) : Status();
}

Found Memtable::find(Slice key, uint64_t trailer, uint64_t& foundTrailer, Slice& value,
                     Status& failure) const {
  if (!filter_.mayContain(arena_, key)) return Found::ABSENT;
  if (!tree_.catchUp()) {
    failure = Status::memory(sizeof(Node));
    return Found::FAILED;
  }
  const Row* entry = tree_.find({key, trailer});
  if (entry == nullptr) return Found::ABSENT;
  foundTrailer = entry->trailer;
  value = entry->value();
  return Found::FOUND;
}

std::unique_ptr<EntryCursor> Memtable::cursor(Ref<const Memtable> memtable) {
  return std::make_unique<MemtableCursor>(std::move(memtable));
}

std::unique_ptr<EntryCursor> Memtable::stream(Ref<const Memtable> memtable) {
  return std::make_unique<MemtableStream>(std::move(memtable));
}

}  // namespace cairn
