// Priority on systems where a thread has none of its own to lower.
#include "os/priority.h"

namespace cairn {

void lowerPriority() {}

}  // namespace cairn
