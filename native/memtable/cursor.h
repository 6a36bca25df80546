// MemtableCursor: walks a memtable in both directions while it grows.
//
// The cursor stands at an entry, which never changes or goes away; only the entry's place in the
// tree does. A move after insertions finds that place again first. It holds the memtable, and so
// outlives the handle that it was made from. For the JavaScript thread.
// Twin: lib/memtable/cursor.ts
#pragma once

#include "base/counted.h"
#include "format/entry.h"
#include "memtable/memtable.h"
#include "memtable/tree.h"

namespace cairn {

class MemtableCursor final : public EntryCursor {
 public:
  explicit MemtableCursor(Ref<const Memtable> memtable);

  Move first() override;
  Move last() override;
  Move seek(Slice key, uint64_t trailer) override;
  Move seekBefore(Slice key, uint64_t trailer) override;
  Move next() override;
  Move previous() override;

 private:
  bool isReady();
  void findAgain();
  Move standForward(const Node* leaf, size_t slot);
  Move standBackward(const Node* leaf, size_t slot);
  Move stand(const Node* leaf, size_t slot);

  Ref<const Memtable> memtable_;
  Tree& tree_;
  uint64_t version_ = 0;
  TreePlace place_;
  const Row* entry_ = nullptr;
};

}  // namespace cairn
