// Lane: one run of a view as a single walk, its sources one behind the other.
//
// `cursor` is the cursor of the source that the lane stands in. A move that is not DONE stays
// pending: once the block that it misses has been taken in, `resume` makes it again. Lanes are
// compared by where they stand, so a merge is an ordered list of lanes.
// Twin: lib/view/lane.ts
#pragma once

#include <memory>
#include <vector>

#include "format/entry.h"
#include "format/key.h"
#include "view/run.h"

namespace cairn {

/** Opens the cursors of a run's sources: for a scan or for a merge. */
class SourceOpener {
 public:
  virtual ~SourceOpener() = default;
  virtual std::unique_ptr<EntryCursor> open(size_t run, size_t index) = 0;
  /** Told before a cursor is let go. */
  virtual void leave(size_t, size_t, const EntryCursor&) {}
};

class Lane {
 public:
  /** `age` is the number of the run and breaks ties: the newer one has the lower number. The run
   * and the opener outlive it. */
  Lane(const Run& sources, size_t age, bool reverse, SourceOpener& opener)
      : sources_(sources), age_(age), reverse_(reverse), opener_(opener) {}

  bool valid() const { return cursor_ != nullptr && cursor_->valid; }
  /** Of a lane that is valid. */
  EntryCursor& entry() const { return *cursor_; }
  size_t age() const { return age_; }
  bool reverse() const { return reverse_; }

  /** To the first entry of the run; reverse: to the last. */
  Move toEdge();
  /** To the first entry at or after (key, trailer); reverse: to the last before it. The key must
   * hold until the move is DONE. */
  Move seek(Slice key, uint64_t trailer);
  /** To the next entry; reverse: to the previous. */
  Move step() {
    const Move move = reverse_ ? cursor_->previous() : cursor_->next();
    if (move == Move::DONE && cursor_->valid) return move;
    return stepped(move);
  }
  /** Makes the pending move. */
  Move resume();

  /** What the pending move misses, if anything. */
  std::unique_ptr<Load> plan();
  /** Takes what a lane planned into that lane, unless it has been sent elsewhere since. */
  static Status absorb(Load& load);
  /** What went wrong, if the pending move FAILED. */
  Status failure() const { return failed_ ? cursor_->failure : Status(); }

  void close();

 private:
  enum class Pending : uint8_t { NONE, EDGE, SEEK, STEP };

  Move stepped(Move move);
  Move tryMove();
  void enter(ptrdiff_t index, Pending pending);
  void leave();

  const Run& sources_;
  const size_t age_;
  const bool reverse_;
  SourceOpener& opener_;
  std::unique_ptr<EntryCursor> cursor_;
  ptrdiff_t index_ = 0;
  /** Times that a source was entered or asked anew: tells a load of an earlier move. */
  uint64_t entered_ = 0;
  Pending pending_ = Pending::NONE;
  bool failed_ = false;
  Slice key_;
  uint64_t trailer_ = 0;
};

/** Order of two lanes by their entries: user key, then newest version first, then age. Both are
 * valid. */
inline int compareLanes(const Lane& a, const Lane& b) {
  const EntryCursor& x = a.entry();
  const EntryCursor& y = b.entry();
  const int order = compareInternal(x.key, x.trailer, y.key, y.trailer);
  if (order != 0) return order;
  return a.age() < b.age() ? -1 : a.age() > b.age() ? 1 : 0;
}

/** Puts a lane among `lanes`, which are ordered (reverse lanes: largest entry first). */
void placeLane(std::vector<Lane*>& lanes, Lane* lane);

/** Brings the first of ordered lanes to its place after a step that it made. Nothing moves while it
 * stays the first, so a long stretch of one source costs one comparison an entry. */
void replaceFirst(std::vector<Lane*>& lanes);

}  // namespace cairn
