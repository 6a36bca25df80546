// Wake: a descriptor that an event loop can wait for, made readable from any thread.
//
// Signals that come before `clear` fall together into one.
#pragma once

#include <memory>

#include "base/status.h"

namespace cairn {

class Wake {
 public:
  static Status open(std::unique_ptr<Wake>& wake);
  ~Wake();

  /** Readable from a `signal` to the next `clear`. */
  int descriptor() const { return readEnd_; }
  /** What is written to; the same descriptor where the system has such. */
  int signalDescriptor() const { return writeEnd_; }
  /** On any thread. What was done before is seen by who clears it. */
  void signal();
  void clear();
  /** Returns when it is readable. */
  void wait() const;

 private:
  Wake(int readEnd, int writeEnd) : readEnd_(readEnd), writeEnd_(writeEnd) {}

  const int readEnd_;
  const int writeEnd_;
};

}  // namespace cairn
