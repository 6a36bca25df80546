// What holds for every transfer to or from a file, by whichever way it goes.
// Twin: lib/io/descriptor.ts (the same numbers)
#pragma once

#include <cerrno>
#include <cstddef>

namespace cairn {

/** One system call takes at most this; Linux itself stops a page before 2^31. */
inline constexpr size_t TRANSFER_MAX_BYTES = size_t{1} << 30;
/** So often in a row an interruption is tried again. */
inline constexpr int TRANSFER_MAX_TRIES = 100;

/** Whether the transfer may be tried again: it was interrupted before it did anything. */
inline bool transferPasses(int errorNumber) {
  return errorNumber == EINTR || errorNumber == EAGAIN;
}

}  // namespace cairn
