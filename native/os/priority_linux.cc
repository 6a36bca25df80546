// A thread's own nice value: Linux keeps one per thread, where POSIX speaks of processes.
#include "os/priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace cairn {

namespace {

/** A tenth of the weight of a thread that gives way to nobody. */
constexpr int LOWER_BY = 10;

}  // namespace

void lowerPriority() {
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  errno = 0;
  const int before = getpriority(PRIO_PROCESS, thread);
  // What a sandbox refuses is done without. Beyond the lowest is the lowest.
  if (errno == 0) static_cast<void>(setpriority(PRIO_PROCESS, thread, before + LOWER_BY));
}

}  // namespace cairn
