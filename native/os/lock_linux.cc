// Which lock on LOCK: one of the open file description. It belongs to what was opened, not to the
// process, so it excludes holders in this process too and outlives the close of other descriptors.
// POSIX locks, LevelDB's own, see it and are seen by it.
#include <fcntl.h>

#include "os/lock.h"

namespace cairn {

const int LevelLock::COMMAND = F_OFD_SETLK;

}  // namespace cairn
