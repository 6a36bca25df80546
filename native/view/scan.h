// Scan: a walk over a whole view that shows, per user key, the newest version at a sequence.
//
// Forward: the first version at or below the sequence decides its key; what follows of that key is
// passed over. Reverse: versions of a key come oldest first, so each is written to the page in
// place of the one before it and counts when the next key comes. Within one `next` nothing else
// runs; between two, memtables may grow and tables may be read. JavaScript thread only.
// Twin: lib/view/scan.ts
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "view/lane.h"
#include "view/view.h"

namespace cairn {

struct ScanBounds {
  std::optional<std::string> lower;
  bool lowerInclusive = true;
  std::optional<std::string> upper;
  bool upperInclusive = true;
  bool reverse = false;
  /** What to put into pages. */
  bool keys = true;
  bool values = true;
  bool fillCache = true;
};

/** Answers of `Scan::next` that are no count. */
inline constexpr int64_t SCAN_COLD = -2;
inline constexpr int64_t SCAN_GROW = -3;
inline constexpr int64_t SCAN_FAILED = -4;

class Scan : private SourceOpener {
 public:
  Scan(Ref<const View> view, ScanBounds bounds, uint64_t at);

  /** Fills a page with up to `limit` entries, as many as fit: entry i is the key that ends at
   * ends[2i] and the value that ends at ends[2i + 1]. Gives their count, 0 at the end, SCAN_COLD
   * (load, call again), SCAN_GROW (`needed` bytes for the next entry), or SCAN_FAILED. */
  int64_t next(uint8_t* bytes, size_t bytesRoom, uint32_t* ends, size_t endsRoom, uint64_t limit,
               Status& failure);
  uint64_t needed() const { return needed_; }
  /** Whether the last COLD only lets others run first; there may be nothing to load. */
  bool tired() const { return tired_; }

  /** What is to be read before `next` can go on. */
  std::vector<std::unique_ptr<Load>> plan();
  /** Takes in what `plan` gave, read by now; also when it gave nothing: a walk that has met damage
   * says so here, each time, as the twin's `load` does. */
  Status absorb(std::vector<std::unique_ptr<Load>>& loads);

  /** Moves to the first entry at or after (reverse: at or before) `target`, within the bounds. */
  void seek(Slice target);
  /** Lets go of what was read; `next` gives 0 from now on. */
  void close();

 private:
  /** A bound: `open` when the key itself is outside. */
  struct Bound {
    std::string key;
    bool open = false;

    Slice slice() const { return {key.data(), key.size()}; }
  };
  /** The page that is being filled. */
  struct Page {
    uint8_t* bytes;
    size_t room;
    uint32_t* ends;
    /** Most entries. */
    uint64_t entries;
  };

  std::unique_ptr<EntryCursor> open(size_t run, size_t index) override;
  void begin(const Bound* from);
  Move send(Lane& lane);
  bool resume();
  void settle(Lane& lane, Move move);
  bool step();
  bool behindStop(Slice key) const;
  bool keepKey(Slice key);
  bool sameKey(const Entry& entry) const {
    return hasKey_ && equalBytes(key_.slice(), entry.key);
  }
  size_t sizeOf(const Entry& entry) const {
    return (bounds_.keys ? entry.key.size : 0) + (bounds_.values ? entry.value.size : 0);
  }
  size_t write(const Page& page, uint64_t index, size_t end, const Entry& entry) const;
  int64_t nextForward(const Page& page);
  int64_t nextReverse(const Page& page);
  int64_t tire(uint64_t count);
  bool hold(const Page& page, uint64_t index, int type);
  bool unhold(const Page& page, size_t& end);

  const Ref<const View> view_;
  const ScanBounds bounds_;
  const uint64_t at_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  /** Lanes that stand at an entry, in order; those with a pending move wait in `cold_`. */
  std::vector<Lane*> order_;
  std::vector<Lane*> cold_;
  /** What went wrong in a lane that had nothing to load when `plan` asked. */
  Status unplanned_;
  /** The bound that the walk begins at and the one that ends it. */
  std::optional<Bound> start_;
  std::optional<Bound> stop_;
  /** Where the lanes were sent to. */
  std::string sent_;
  bool ended_ = false;
  bool tired_ = false;
  uint64_t needed_ = 0;
  /** Forward: the key that was decided last, if any; reverse: the key of what is held. */
  Buffer key_;
  bool hasKey_ = false;
  /** Reverse, between calls: type of the version that stands for its key so far, -1 for none. */
  int held_ = -1;
  Buffer heldValue_;
};

}  // namespace cairn
