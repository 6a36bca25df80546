// The calls of File that Linux has of its own: reads that never wait, and fdatasync.
#include <sys/uio.h>
#include <unistd.h>

#include "os/file.h"
#include "os/transfer.h"

namespace cairn {

Status File::readNow(uint8_t* into, size_t size, uint64_t position, size_t& got,
                     bool& cold) const {
  got = 0;
  cold = false;
  for (int tries = 0; got < size;) {
    iovec place{into + got, size - got};
    const ssize_t count =
        preadv2(descriptor_, &place, 1, static_cast<off_t>(position + got), RWF_NOWAIT);
    if (count > 0) {
      got += static_cast<size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR && ++tries <= TRANSFER_MAX_TRIES) continue;
    // Not in memory, or a file system or kernel without such reads. 0 is no proof of an end: Linux
    // 5.9 and 5.10 give it amid a file. Failures too are for the read that waits to tell.
    cold = true;
    return {};
  }
  return {};
}

/** The data and what is needed to find it: the size, not the times. */
int File::syncDescriptor(int descriptor) { return fdatasync(descriptor); }

}  // namespace cairn
