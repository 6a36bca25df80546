// Twin: lib/view/run.ts
#include "view/run.h"

#include "format/key.h"
#include "memtable/words.h"

namespace cairn {

TableRun::TableRun(const Run& run) {
  tables_.reserve(run.size());
  for (const Source& source : run) tables_.push_back(source.table.get());
  const Slice first = userKey(tables_.front()->meta().smallestKey());
  const Slice last = userKey(tables_.back()->meta().largestKey());
  size_t shared = 0;
  while (shared < first.size && shared < last.size && first[shared] == last[shared]) shared++;
  shared_ = first.part(0, shared);
  words_.reserve(run.size());
  for (const Table* table : tables_)
    words_.push_back(keyWord(userKey(table->meta().largestKey()), shared));
}

Table* TableRun::tableFor(Slice key, uint64_t trailer) const {
  // A key that does not begin like all keys of the run is in none of its tables.
  if (key.size < shared_.size || !equalBytes(key.part(0, shared_.size), shared_)) return nullptr;
  const uint64_t word = keyWord(key, shared_.size);
  size_t from = 0;
  size_t to = tables_.size();
  while (from < to) {
    const size_t middle = (from + to) / 2;
    bool before = words_[middle] < word;
    if (words_[middle] == word) {
      const Slice largest = tables_[middle]->meta().largestKey();
      before = compareInternal(userKey(largest), trailerIn(largest), key, trailer) < 0;
    }
    if (before)
      from = middle + 1;
    else
      to = middle;
  }
  if (from == tables_.size()) return nullptr;
  Table* table = tables_[from];
  return compareBytes(userKey(table->meta().smallestKey()), key) > 0 ? nullptr : table;
}

}  // namespace cairn
