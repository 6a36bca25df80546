// find: the newest version of one key at a sequence.
//
// Runs are asked newest first, and the first version at or below the sequence decides: a deletion
// is FOUND too, and its trailer says so. In a run of tables at most one can hold it.
// Twin: lib/view/find.ts
#pragma once

#include <memory>
#include <string>

#include "format/entry.h"
#include "table/reader.h"
#include "view/view.h"

namespace cairn {

/** `hit` holds until the view's memtables or `hit.block` are let go. Without `wait` the answer may
 * be COLD. */
Found find(const View& view, Slice key, uint64_t at, TableHit& hit, bool wait, bool fillCache,
           Status& failure);

/** The same in steps, of which a worker does the reading. */
class ColdFind {
 public:
  ColdFind(Ref<const View> view, Slice key, uint64_t at, bool fillCache);

  /** Goes on; `read` is what the last step gave, read by now. Null: `found`, `hit` and `failure`
   * tell how it ended. */
  std::unique_ptr<Load> step(Load* read);

  Found found = Found::ABSENT;
  TableHit hit;
  Status failure;

 private:
  const Ref<const View> view_;
  const std::string key_;
  const uint64_t trailer_;
  const bool fillCache_;
  size_t part_ = 0;
  /** The table that the load which is under way is for. */
  Table* table_ = nullptr;
};

}  // namespace cairn
