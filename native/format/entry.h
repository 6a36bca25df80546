// EntryCursor: one walk over one sorted source, without an object per entry.
//
// After a move that is DONE the members tell the entry: user key, trailer and value, as ranges that
// hold until the next move. A move that is COLD needs a block that is not in memory and changes
// nothing: `plan` says what to read, a worker reads it, `absorb` takes it in on the JavaScript
// thread, and the same move is made again. A stream of a merge runs on a worker, reads by itself
// and is never COLD.
// Twin: lib/view/entries.ts
#pragma once

#include <memory>

#include "base/slice.h"
#include "base/status.h"

namespace cairn {

enum class Move : uint8_t { DONE, COLD, FAILED };

/** What a look-up in a source, or in all of them, came to. */
enum class Found : uint8_t { ABSENT, FOUND, COLD, FAILED };

/** Something to be read off the JavaScript thread. Holds all that `read` touches. */
class Load {
 public:
  virtual ~Load() = default;
  /** On a worker, once. What fails is kept for `absorb`. */
  virtual void read() = 0;
};

/** The entry that a walk stands on: user key, trailer and value, as ranges of someone's bytes. */
struct Entry {
  bool valid = false;
  Slice key;
  uint64_t trailer = 0;
  Slice value;
};

class EntryCursor : public Entry {
 public:
  virtual ~EntryCursor() = default;

  /** What went wrong, after a move that FAILED. */
  Status failure;

  virtual Move first() = 0;
  virtual Move last() = 0;
  /** To the first entry at or after (key, trailer); none: not valid. */
  virtual Move seek(Slice key, uint64_t trailer) = 0;
  /** To the last entry before (key, trailer); none: not valid. */
  virtual Move seekBefore(Slice key, uint64_t trailer) = 0;
  virtual Move next() = 0;
  virtual Move previous() = 0;
  /** What the last move missed. Null where nothing can be cold. */
  virtual std::unique_ptr<Load> plan() { return nullptr; }
  /** Takes in what `plan` asked for and a worker has read. */
  virtual Status absorb(Load&) { return {}; }
};

}  // namespace cairn
