// Wake by eventfd, which io_uring signals too.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/wake.h"

namespace cairn {

Status Wake::open(std::unique_ptr<Wake>& wake) {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return Status::io("create", "eventfd", errno);
  wake.reset(new Wake(descriptor, descriptor));
  return {};
}

Wake::~Wake() { ::close(readEnd_); }

void Wake::signal() {
  const uint64_t one = 1;
  // EAGAIN says that the counter is full: then it is readable.
  while (::write(writeEnd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Wake::clear() {
  uint64_t count = 0;
  while (::read(readEnd_, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

void Wake::wait() const {
  pollfd place{readEnd_, POLLIN, 0};
  while (poll(&place, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace cairn
