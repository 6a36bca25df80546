// TableRun: which one of a run's sorted, disjoint tables may hold a key.
//
// A binary search for the first table whose largest internal key is at or after the look-up, over
// one word of each largest user key, taken behind the prefix that all keys of the run share.
// Twin: lib/view/run.ts
#pragma once

#include <string>
#include <vector>

#include "base/counted.h"
#include "base/slice.h"
#include "memtable/memtable.h"
#include "table/reader.h"

namespace cairn {

/** A memtable or a table; one of the two. */
struct Source {
  Ref<Memtable> memtable;
  Ref<Table> table;
};

/** Sorted, disjoint sources. */
using Run = std::vector<Source>;

class TableRun {
 public:
  /** At least one table; whoever makes this holds them. */
  explicit TableRun(const Run& run);

  /** The only table that may hold the newest version of `key` with a trailer <= `trailer`; null
   * when there is none. */
  Table* tableFor(Slice key, uint64_t trailer) const;

 private:
  std::vector<Table*> tables_;
  /** Bytes that all user keys of the run begin with. */
  Slice shared_;
  /** Of each table's largest user key. */
  std::vector<uint64_t> words_;
};

}  // namespace cairn
