// The calls of File that macOS has of its own: syncs that reach the medium.
#include <fcntl.h>
#include <unistd.h>

#include "os/file.h"

namespace cairn {

/** There is no read that tells what is in memory, so everything is cold. */
Status File::readNow(uint8_t*, size_t, uint64_t, size_t& got, bool& cold) const {
  got = 0;
  cold = true;
  return {};
}

/** fsync leaves the bytes in the drive's cache; F_FULLFSYNC empties that, F_BARRIERFSYNC orders
 * it. A weaker call is made only where the file system does not know the stronger one: a sync
 * that failed is not tried again. */
int File::syncDescriptor(int descriptor) {
  const auto unknown = [] { return errno == ENOTSUP || errno == ENOTTY || errno == EINVAL; };
  if (fcntl(descriptor, F_FULLFSYNC) != -1) return 0;
  if (!unknown()) return -1;
  if (fcntl(descriptor, F_BARRIERFSYNC) != -1) return 0;
  if (!unknown()) return -1;
  return fsync(descriptor);
}

}  // namespace cairn
