// Twin: lib/view/scan.ts
#include "view/scan.h"

namespace cairn {

namespace {

/** A stretch of deletions never holds the event loop for longer. */
constexpr uint32_t SKIP_BUDGET = 16384;

}  // namespace

Scan::Scan(Ref<const View> view, ScanBounds bounds, uint64_t at)
    : view_(std::move(view)), bounds_(std::move(bounds)), at_(trailerAt(at)) {
  const std::vector<Run>& runs = view_->runs();
  SourceOpener& opener = *this;
  lanes_.reserve(runs.size());
  for (size_t age = 0; age < runs.size(); age++)
    lanes_.push_back(std::make_unique<Lane>(runs[age], age, bounds_.reverse, opener));
  std::optional<Bound> lower;
  std::optional<Bound> upper;
  if (bounds_.lower) lower = Bound{*bounds_.lower, !bounds_.lowerInclusive};
  if (bounds_.upper) upper = Bound{*bounds_.upper, !bounds_.upperInclusive};
  start_ = bounds_.reverse ? upper : lower;
  stop_ = bounds_.reverse ? lower : upper;
  begin(start_ ? &*start_ : nullptr);
}

void Scan::seek(Slice target) {
  if (start_) {
    const int order = compareBytes(target, start_->slice());
    if (bounds_.reverse ? order >= 0 : order <= 0) return begin(&*start_);
  }
  const Bound from{{reinterpret_cast<const char*>(target.data), target.size}, false};
  begin(&from);
}

int64_t Scan::next(uint8_t* bytes, size_t bytesRoom, uint32_t* ends, size_t endsRoom,
                   uint64_t limit, Status& failure) {
  const uint64_t entries = limit < endsRoom / 2 ? limit : endsRoom / 2;
  if (entries == 0) {
    failure = Status::range("a page needs room for one entry");
    return SCAN_FAILED;
  }
  if (!cold_.empty() && !resume()) return SCAN_COLD;
  tired_ = false;
  const Page page{bytes, bytesRoom, ends, entries};
  const int64_t count = bounds_.reverse ? nextReverse(page) : nextForward(page);
  if (count == SCAN_FAILED) failure = Status::memory(needed_);
  return count;
}

std::vector<std::unique_ptr<Load>> Scan::plan() {
  std::vector<std::unique_ptr<Load>> loads;
  unplanned_ = {};
  for (Lane* lane : cold_) {
    std::unique_ptr<Load> load = lane->plan();
    if (load == nullptr) {
      if (unplanned_.ok()) unplanned_ = lane->failure();
      continue;
    }
    loads.push_back(std::move(load));
  }
  return loads;
}

Status Scan::absorb(std::vector<std::unique_ptr<Load>>& loads) {
  Status first = std::move(unplanned_);
  unplanned_ = {};
  for (const std::unique_ptr<Load>& load : loads) {
    Status status = Lane::absorb(*load);
    if (first.ok()) first = std::move(status);
  }
  return first;
}

void Scan::close() {
  ended_ = true;
  order_.clear();
  cold_.clear();
  unplanned_ = {};
  held_ = -1;
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->close();
}

std::unique_ptr<EntryCursor> Scan::open(size_t run, size_t index) {
  const Source& source = view_->runs()[run][index];
  if (source.memtable) return Memtable::cursor(source.memtable);
  return source.table->cursor(bounds_.fillCache);
}

/** Sends every lane to where the walk begins; those that need a block first go to `cold_`. */
void Scan::begin(const Bound* from) {
  ended_ = false;
  held_ = -1;
  hasKey_ = false;
  order_.clear();
  cold_.clear();
  unplanned_ = {};
  if (from != nullptr) sent_ = from->key;
  // Behind every version of the key: before the next possible key.
  if (from != nullptr && bounds_.reverse && !from->open) sent_.push_back('\0');
  for (const std::unique_ptr<Lane>& lane : lanes_)
    settle(*lane, from == nullptr ? lane->toEdge() : send(*lane));
  // A key that is outside counts as decided: all its versions are passed over.
  if (!bounds_.reverse && from != nullptr && from->open) hasKey_ = key_.assign(from->slice());
}

Move Scan::send(Lane& lane) {
  return lane.seek({sent_.data(), sent_.size()}, bounds_.reverse ? KEY_TRAILER_FIRST : at_);
}

bool Scan::resume() {
  std::vector<Lane*> cold;
  cold.swap(cold_);
  for (Lane* lane : cold) settle(*lane, lane->resume());
  return cold_.empty();
}

void Scan::settle(Lane& lane, Move move) {
  if (move != Move::DONE)
    cold_.push_back(&lane);
  else if (lane.valid())
    placeLane(order_, &lane);
}

/** Moves the first lane on and puts it in order; false when it waits for a block. */
bool Scan::step() {
  Lane* lane = order_[0];
  if (lane->step() != Move::DONE) {
    order_.erase(order_.begin());
    cold_.push_back(lane);
    return false;
  }
  if (!lane->valid())
    order_.erase(order_.begin());
  else if (order_.size() > 1)
    replaceFirst(order_);
  return true;
}

/** Whether a key lies behind the bound that ends the walk. */
bool Scan::behindStop(Slice key) const {
  if (!stop_) return false;
  const int order = compareBytes(key, stop_->slice());
  if (order == 0) return stop_->open;
  return bounds_.reverse ? order < 0 : order > 0;
}

bool Scan::keepKey(Slice key) {
  hasKey_ = key_.assign(key);
  if (!hasKey_) needed_ = key.size;
  return hasKey_;
}

/** Writes an entry as number `index` of the page, at `end`; gives the end behind it. */
size_t Scan::write(const Page& page, uint64_t index, size_t end, const Entry& entry) const {
  if (bounds_.keys) {
    copyBytes(page.bytes + end, entry.key.data, entry.key.size);
    end += entry.key.size;
  }
  page.ends[2 * index] = static_cast<uint32_t>(end);
  if (bounds_.values) {
    copyBytes(page.bytes + end, entry.value.data, entry.value.size);
    end += entry.value.size;
  }
  page.ends[2 * index + 1] = static_cast<uint32_t>(end);
  return end;
}

int64_t Scan::nextForward(const Page& page) {
  uint64_t count = 0;
  size_t end = 0;
  uint32_t skipped = 0;
  while (!ended_ && !order_.empty()) {
    const Entry& entry = order_[0]->entry();
    if (entry.trailer <= at_ && !sameKey(entry)) {
      if (behindStop(entry.key)) {
        ended_ = true;
        break;
      }
      if (trailerType(entry.trailer) == KEY_TYPE_VALUE) {
        if (count == page.entries) break;
        const size_t size = sizeOf(entry);
        if (size > page.room - end) {
          needed_ = size;
          return count > 0 ? static_cast<int64_t>(count) : SCAN_GROW;
        }
        end = write(page, count++, end, entry);
        skipped = 0;
      }
      if (!keepKey(entry.key)) return SCAN_FAILED;
    }
    if (!step()) return count > 0 ? static_cast<int64_t>(count) : SCAN_COLD;
    if (++skipped > SKIP_BUDGET) return tire(count);
  }
  return static_cast<int64_t>(count);
}

int64_t Scan::tire(uint64_t count) {
  if (count > 0) return static_cast<int64_t>(count);
  tired_ = true;
  return SCAN_COLD;
}

/** The page's entry number `count`, from `end` to `heldEnd`, is the version that stands for `key_`
 * so far; `type` is its type, -1 when there is none. */
int64_t Scan::nextReverse(const Page& page) {
  uint64_t count = 0;
  size_t end = 0;
  size_t heldEnd = 0;
  uint32_t skipped = 0;
  if (held_ >= 0 && !unhold(page, heldEnd)) return SCAN_GROW;
  int type = held_;
  held_ = -1;
  for (;;) {
    const Entry* entry = ended_ || order_.empty() ? nullptr : &order_[0]->entry();
    const bool same = entry != nullptr && sameKey(*entry);
    if (!same && type >= 0) {
      if (type == KEY_TYPE_VALUE) {
        count++;
        end = heldEnd;
        skipped = 0;
      }
      type = -1;
      hasKey_ = false;
    }
    if (entry == nullptr) return static_cast<int64_t>(count);
    if (entry->trailer <= at_) {
      if (!same) {
        if (count == page.entries) return static_cast<int64_t>(count);
        if (behindStop(entry->key)) {
          ended_ = true;
          continue;
        }
      }
      // A newer version takes the place of the one that was held, if there was one.
      if (trailerType(entry->trailer) == KEY_TYPE_VALUE) {
        const size_t size = sizeOf(*entry);
        if (size > page.room - end) {
          needed_ = size;
          hasKey_ = false;
          return count > 0 ? static_cast<int64_t>(count) : SCAN_GROW;
        }
        heldEnd = write(page, count, end, *entry);
      }
      if (!same && !keepKey(entry->key)) return SCAN_FAILED;
      type = trailerType(entry->trailer);
    }
    const bool ready = step();
    if (ready && ++skipped <= SKIP_BUDGET) continue;
    if (type >= 0 && !hold(page, count, type)) return SCAN_FAILED;
    return ready ? tire(count) : count > 0 ? static_cast<int64_t>(count) : SCAN_COLD;
  }
}

/** Keeps the page's entry `index`, which stands for its key so far, for the next call. */
bool Scan::hold(const Page& page, uint64_t index, int type) {
  Slice value;
  if (type == KEY_TYPE_VALUE && bounds_.values)
    value = {page.bytes + page.ends[2 * index], page.ends[2 * index + 1] - page.ends[2 * index]};
  if (!heldValue_.assign(value)) {
    needed_ = value.size;
    return false;
  }
  held_ = type;
  return true;
}

/** Writes what is held as entry 0 of the page and gives its end; false when it does not fit. */
bool Scan::unhold(const Page& page, size_t& end) {
  if (held_ != KEY_TYPE_VALUE) return true;
  const size_t keyLength = bounds_.keys ? key_.size() : 0;
  needed_ = keyLength + heldValue_.size();
  if (needed_ > page.room) return false;
  copyBytes(page.bytes, key_.data(), keyLength);
  copyBytes(page.bytes + keyLength, heldValue_.data(), heldValue_.size());
  page.ends[0] = static_cast<uint32_t>(keyLength);
  page.ends[1] = static_cast<uint32_t>(needed_);
  end = needed_;
  return true;
}

}  // namespace cairn
