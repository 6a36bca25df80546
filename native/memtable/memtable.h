// Memtable: sorted entries in memory, the newest source of a view.
//
// An arena holds the records, a tree orders them; nothing is ever removed or changed, so that
// cursors stay right while batches are applied between their moves. Writing fills the arena alone:
// who looks brings the tree up to date, with many entries at once where it can, and who writes only
// where it has fallen far behind. Arena and tree belong to the JavaScript thread; once the memtable
// is sealed, a worker may stream it, which sorts the entries for itself and leaves the tree alone.
// Twin: lib/memtable/memtable.ts
#pragma once

#include <memory>

#include "base/counted.h"
#include "base/slice.h"
#include "base/status.h"
#include "format/batch.h"
#include "format/entry.h"
#include "memtable/arena.h"
#include "memtable/filter.h"
#include "memtable/tree.h"

namespace cairn {

class Memtable : public Counted<Memtable> {
 public:
  /** Sum of the bytes of the batches applied, each counted with its last record. */
  uint64_t bytes() const { return bytes_; }
  uint64_t entries() const { return arena_.entries(); }
  uint64_t memoryBytes() const {
    return arena_.memoryBytes() + tree_.memoryBytes() + filter_.memoryBytes();
  }

  /** Applies records [from, from + limit) of a batch and gives the index behind the last. A
   * FormatError for bad bytes among them; then, as when memory is short, nothing has changed. */
  Status apply(Slice batch, int64_t from, int64_t limit, uint64_t& next);
  /** A merge reads it from now on: `apply` is a TypeError. */
  void seal() { isSealed_ = true; }

  /** The newest entry of `key` with a trailer up to `trailer`. The value holds as long as the
   * memtable. */
  Found find(Slice key, uint64_t trailer, uint64_t& foundTrailer, Slice& value,
             Status& failure) const;
  /** Walks `memtable`, and holds it. */
  static std::unique_ptr<EntryCursor> cursor(Ref<const Memtable> memtable);
  Tree& tree() const { return tree_; }

  /** The same on a worker, forward alone, of one that is sealed. */
  static std::unique_ptr<EntryCursor> stream(Ref<const Memtable> memtable);
  const Arena& arena() const { return arena_; }

 private:
  /** Where the next part of a batch begins. The bytes are the caller's, and are not read again
   * unless a caller brings them again. */
  struct Part {
    Slice batch;
    BatchReader reader;
    uint64_t index = 0;
  };

  Status readerAt(Slice batch, int64_t from, BatchReader& reader) const;
  Status addRecords(BatchReader& reader, Slice batch, uint64_t from, uint64_t to);

  Arena arena_;
  mutable Tree tree_{arena_};
  mutable KeyFilter filter_;
  uint64_t bytes_ = 0;
  bool isSealed_ = false;
  Part part_;
};

}  // namespace cairn
