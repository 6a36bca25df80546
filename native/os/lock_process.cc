// Which lock on LOCK: one of the process, where there is no other. It excludes other processes
// only, and goes when this process closes any descriptor of LOCK: stores of one process are kept
// apart by the lock of lib/io, which never opens a LOCK that exists.
#include <fcntl.h>

#include "os/lock.h"

namespace cairn {

const int LevelLock::COMMAND = F_SETLK;

}  // namespace cairn
