// Twin: lib/view/drop.ts
#include "view/drop.h"

#include <algorithm>

#include "format/key.h"

namespace cairn {

Status Drop::keeps(const Entry& entry, bool& keep) {
  const int order = hasKey_ ? compareBytes(entry.key, key_.slice()) : 1;
  if (order < 0) return Status::store(Code::CORRUPTION, "entries to merge are out of order");
  const size_t above = job_.snapshots.size();
  newKey_ = order > 0;
  askedSequence_ = trailerSequence(entry.trailer);
  if (askedSequence_ > KEY_SEQUENCE_MAX)
    return Status::store(Code::CORRUPTION, "an entry to merge has a sequence over 2^53");
  askedStripe_ = stripeOf(askedSequence_);
  keep = false;
  if (!newKey_) {
    if (askedSequence_ == sequence_) return {};
    if (askedStripe_ == stripe_ && askedStripe_ < above) return {};
  }
  const bool last = askedStripe_ == 0 && trailerType(entry.trailer) == KEY_TYPE_DELETION;
  keep = !last || above == 0 || hides(entry.key);
  return {};
}

Status Drop::settle(const Entry& entry) {
  sequence_ = askedSequence_;
  stripe_ = askedStripe_;
  if (!newKey_) return {};
  hasKey_ = true;
  return key_.assign(entry.key) ? Status() : Status::memory(entry.key.size);
}

/** Number of the snapshot that ends the stripe; their count above the last. */
size_t Drop::stripeOf(uint64_t sequence) const {
  const std::vector<uint64_t>& snapshots = job_.snapshots;
  if (snapshots.empty() || sequence <= snapshots[0]) return 0;
  const auto ends = std::lower_bound(snapshots.begin() + 1, snapshots.end(), sequence);
  return static_cast<size_t>(ends - snapshots.begin());
}

/** Whether a deeper range may hold the key. */
bool Drop::hides(Slice key) {
  for (size_t level = 0; level < job_.deeper.size(); level++) {
    const std::vector<KeyRange>& ranges = job_.deeper[level];
    size_t& place = places_[level];
    while (place < ranges.size() && isBefore(ranges[place], key)) place++;
    if (place == ranges.size()) continue;
    if (compareBytes(ranges[place].smallestKey(), key) <= 0) return true;
  }
  return false;
}

}  // namespace cairn
