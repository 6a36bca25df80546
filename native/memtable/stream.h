// MemtableStream: walks a sealed memtable once, front to back, on a worker: a source of merges.
//
// It sorts the entries for itself, because the tree belongs to the JavaScript thread, which may be
// bringing it up to date meanwhile. It reads what no longer changes and holds the memtable.
// Twin: lib/memtable/stream.ts
#pragma once

#include "base/counted.h"
#include "format/entry.h"
#include "memtable/memtable.h"
#include "memtable/order.h"

namespace cairn {

class MemtableStream final : public EntryCursor {
 public:
  explicit MemtableStream(Ref<const Memtable> memtable) : memtable_(std::move(memtable)) {}

  Move first() override;
  Move next() override;
  Move last() override { return forwardOnly(); }
  Move seek(Slice, uint64_t) override { return forwardOnly(); }
  Move seekBefore(Slice, uint64_t) override { return forwardOnly(); }
  Move previous() override { return forwardOnly(); }

 private:
  Move failed(Status status) {
    failure = std::move(status);
    return Move::FAILED;
  }
  Move forwardOnly() { return failed(Status::type("a stream goes forward only")); }
  Move stand(size_t index);

  Ref<const Memtable> memtable_;
  Order order_;
  size_t index_ = 0;
};

}  // namespace cairn
