// Twin: lib/view/lane.ts
#include "view/lane.h"

namespace cairn {

namespace {

/** A load, and the lane and move that it is for. */
class LaneLoad : public Load {
 public:
  LaneLoad(std::unique_ptr<Load> load, Lane* lane, uint64_t times)
      : inner(std::move(load)), owner(lane), entered(times) {}
  void read() override { inner->read(); }

  const std::unique_ptr<Load> inner;
  Lane* const owner;
  const uint64_t entered;
};

/** The first source whose largest key is at or after (key, trailer); their number if none. */
ptrdiff_t firstNotBefore(const Run& sources, Slice key, uint64_t trailer) {
  size_t from = 0;
  size_t to = sources.size();
  while (from < to) {
    const size_t middle = (from + to) / 2;
    const Source& source = sources[middle];
    bool before = false;
    if (source.table) {
      const Slice largest = source.table->meta().largestKey();
      before = compareInternal(userKey(largest), trailerIn(largest), key, trailer) < 0;
    }
    if (before)
      from = middle + 1;
    else
      to = middle;
  }
  return static_cast<ptrdiff_t>(from);
}

/** The last source whose smallest key is before (key, trailer); -1 if none. */
ptrdiff_t lastBefore(const Run& sources, Slice key, uint64_t trailer) {
  size_t from = 0;
  size_t to = sources.size();
  while (from < to) {
    const size_t middle = (from + to) / 2;
    const Source& source = sources[middle];
    bool before = true;
    if (source.table) {
      const Slice smallest = source.table->meta().smallestKey();
      before = compareInternal(userKey(smallest), trailerIn(smallest), key, trailer) < 0;
    }
    if (before)
      from = middle + 1;
    else
      to = middle;
  }
  return static_cast<ptrdiff_t>(from) - 1;
}

}  // namespace

Move Lane::toEdge() {
  enter(reverse_ ? static_cast<ptrdiff_t>(sources_.size()) - 1 : 0, Pending::EDGE);
  return resume();
}

Move Lane::seek(Slice key, uint64_t trailer) {
  key_ = key;
  trailer_ = trailer;
  enter(reverse_ ? lastBefore(sources_, key, trailer) : firstNotBefore(sources_, key, trailer),
        Pending::SEEK);
  return resume();
}

Move Lane::resume() {
  while (cursor_ != nullptr && pending_ != Pending::NONE) {
    const Move move = tryMove();
    failed_ = move == Move::FAILED;
    if (move != Move::DONE) return move;
    pending_ = Pending::NONE;
    if (!cursor_->valid) enter(index_ + (reverse_ ? -1 : 1), Pending::EDGE);
  }
  return Move::DONE;
}

std::unique_ptr<Load> Lane::plan() {
  std::unique_ptr<Load> load = cursor_ == nullptr ? nullptr : cursor_->plan();
  if (load == nullptr) return nullptr;
  return std::make_unique<LaneLoad>(std::move(load), this, entered_);
}

Status Lane::absorb(Load& load) {
  LaneLoad& planned = static_cast<LaneLoad&>(load);
  Lane& lane = *planned.owner;
  if (lane.cursor_ == nullptr || planned.entered != lane.entered_) return {};
  return lane.cursor_->absorb(*planned.inner);
}

void Lane::close() {
  leave();
  pending_ = Pending::NONE;
}

/** The rest of a step that did not end at an entry of the same source. */
Move Lane::stepped(Move move) {
  if (move != Move::DONE) {
    pending_ = Pending::STEP;
    failed_ = move == Move::FAILED;
    return move;
  }
  enter(index_ + (reverse_ ? -1 : 1), Pending::EDGE);
  return resume();
}

Move Lane::tryMove() {
  if (pending_ == Pending::EDGE) return reverse_ ? cursor_->last() : cursor_->first();
  if (pending_ == Pending::STEP) return reverse_ ? cursor_->previous() : cursor_->next();
  return reverse_ ? cursor_->seekBefore(key_, trailer_) : cursor_->seek(key_, trailer_);
}

/** Opens the source `index`, unless the lane stands in it; outside the run there is none. */
void Lane::enter(ptrdiff_t index, Pending pending) {
  if (index != index_ || cursor_ == nullptr) {
    leave();
    const bool inside = index >= 0 && static_cast<size_t>(index) < sources_.size();
    if (inside) cursor_ = opener_.open(age_, static_cast<size_t>(index));
    index_ = index;
  }
  entered_++;
  pending_ = pending;
}

void Lane::leave() {
  if (cursor_ != nullptr) opener_.leave(age_, static_cast<size_t>(index_), *cursor_);
  cursor_ = nullptr;
  failed_ = false;
}

namespace {

/** Where among the ordered lanes [from, ...) one belongs; `middle` is looked at first. */
size_t placeOf(const std::vector<Lane*>& lanes, const Lane& lane, size_t from, size_t middle) {
  size_t low = from;
  size_t high = lanes.size();
  while (low < high) {
    const int order = compareLanes(*lanes[middle], lane);
    if (lane.reverse() ? order > 0 : order < 0)
      low = middle + 1;
    else
      high = middle;
    middle = (low + high) / 2;
  }
  return low;
}

}  // namespace

void placeLane(std::vector<Lane*>& lanes, Lane* lane) {
  const size_t place = placeOf(lanes, *lane, 0, lanes.size() / 2);
  lanes.insert(lanes.begin() + static_cast<ptrdiff_t>(place), lane);
}

void replaceFirst(std::vector<Lane*>& lanes) {
  Lane* lane = lanes[0];
  const size_t place = placeOf(lanes, *lane, 1, 1);
  for (size_t i = 1; i < place; i++) lanes[i - 1] = lanes[i];
  lanes[place - 1] = lane;
}

}  // namespace cairn
