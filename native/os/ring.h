// Ring: the system's own queue for syncs and writes (io_uring), where it can be had.
//
// Used by one thread. An operation is prepared, handed over by `submit`, and given back by `reap`
// once with its result, which nobody has looked at. `tag` is the caller's. No more is under way
// than the ring of ends holds, so that no end can be lost.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/slice.h"
#include "os/wake.h"

namespace cairn {

struct RingEnd {
  void* tag = nullptr;
  /** A count, or a negated error number. */
  int32_t result = 0;
};

class Ring {
 public:
  /** A ring that signals `wake` at each end; null, with the reason for people, when the system
   * refuses it or lacks what is needed. */
  static std::unique_ptr<Ring> open(const Wake& wake, std::string& refusal);
  virtual ~Ring() = default;

  /** How many operations can be prepared before the next `submit` or `reap`. */
  virtual size_t room() const = 0;
  /** These need room. */
  virtual void sync(int descriptor, void* tag) = 0;
  /** Up to 2^31 - 1 bytes, which stay as they are until the end. */
  virtual void write(int descriptor, Slice bytes, uint64_t position, void* tag) = 0;
  /** Does nothing, and ends. */
  virtual void nothing(void* tag) = 0;
  /** Hands over what is prepared. 0, or the error number that kept the system from taking the
   * rest: that is still prepared, and `withdraw` or `submit` again is next. */
  virtual int submit() = 0;
  /** Takes back what is prepared and not handed over, in its order. */
  virtual void withdraw(std::vector<void*>& tags) = 0;
  /** Appends what ended. */
  virtual void reap(std::vector<RingEnd>& ends) = 0;
};

}  // namespace cairn
