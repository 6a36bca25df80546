// Drop: which entries a merge leaves out.
//
// The snapshots cut the sequences into stripes: (0, s0], (s0, s1], ... No reader can tell two
// versions of a key in one stripe apart but by the newest, so the older ones go. What lies above
// the last snapshot is in no stripe and stays. Entries are asked in order, `keeps` any number of
// times and then `settle` once.
// Twin: lib/view/drop.ts
#pragma once

#include <vector>

#include "base/buffer.h"
#include "format/entry.h"
#include "view/job.h"

namespace cairn {

class Drop {
 public:
  /** The job outlives it. */
  explicit Drop(const MergeJob& job) : job_(job), places_(job.deeper.size(), 0) {}

  /** Corruption for an entry that does not follow the one settled before it, or whose sequence
   * nobody gives. */
  Status keeps(const Entry& entry, bool& keep);
  Status settle(const Entry& entry);
  /** Whether the entry asked about last is the first of its user key. */
  bool newKey() const { return newKey_; }

 private:
  size_t stripeOf(uint64_t sequence) const;
  bool hides(Slice key);

  const MergeJob& job_;
  /** Per deeper level, the first range that does not lie wholly before the keys to come. */
  std::vector<size_t> places_;
  bool newKey_ = true;
  Buffer key_;
  bool hasKey_ = false;
  uint64_t sequence_ = 0;
  size_t stripe_ = 0;
  uint64_t askedSequence_ = 0;
  size_t askedStripe_ = 0;
};

/** Whether a range lies wholly before a key. */
inline bool isBefore(const KeyRange& range, Slice key) {
  return compareBytes(range.largestKey(), key) < 0;
}

/** A range status unless the ranges are sorted and disjoint enough to be walked once. */
template <class Range>
Status checkRanges(const std::vector<Range>& ranges, const char* what) {
  for (size_t i = 1; i < ranges.size(); i++)
    if (compareBytes(ranges[i - 1].largestKey(), ranges[i].largestKey()) > 0)
      return Status::range(std::string(what) + " of a merge are not sorted");
  return {};
}

}  // namespace cairn
