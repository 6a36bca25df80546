// Wake by a pipe.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "os/wake.h"

namespace cairn {

Status Wake::open(std::unique_ptr<Wake>& wake) {
  int ends[2];
  if (pipe(ends) != 0) return Status::io("create", "pipe", errno);
  wake.reset(new Wake(ends[0], ends[1]));
  for (const int end : ends)
    if (fcntl(end, F_SETFD, FD_CLOEXEC) != 0 || fcntl(end, F_SETFL, O_NONBLOCK) != 0)
      return Status::io("create", "pipe", errno);
  return {};
}

Wake::~Wake() {
  ::close(readEnd_);
  ::close(writeEnd_);
}

void Wake::signal() {
  const uint8_t one = 1;
  // EAGAIN says that the pipe is full: then it is readable.
  while (::write(writeEnd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Wake::clear() {
  uint8_t bytes[256];
  for (;;) {
    const ssize_t count = ::read(readEnd_, bytes, sizeof bytes);
    if (count <= 0 && (count == 0 || errno != EINTR)) return;
  }
}

void Wake::wait() const {
  pollfd place{readEnd_, POLLIN, 0};
  while (poll(&place, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace cairn
