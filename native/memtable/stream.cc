// Twin: lib/memtable/stream.ts
#include "memtable/stream.h"

namespace cairn {

namespace {

/** Neighbours in order lie far apart: one is fetched so many moves before its turn. */
constexpr size_t FETCH_AHEAD = 8;

}  // namespace

Move MemtableStream::first() {
  if (!order_.make(memtable_->arena()))
    return failed(Status::memory(memtable_->entries() * sizeof(Row)));
  return stand(0);
}

Move MemtableStream::next() { return stand(index_ + 1); }

Move MemtableStream::stand(size_t index) {
  index_ = index;
  valid = index < order_.count();
  if (!valid) return Move::DONE;
  if (index + FETCH_AHEAD < order_.count()) fetchRow(order_[index + FETCH_AHEAD]);
  const Row* entry = order_[index];
  key = entry->key();
  trailer = entry->trailer;
  value = entry->value();
  return Move::DONE;
}

}  // namespace cairn
