// Priority: how a worker stands behind the JavaScript thread when both want a processor.
#pragma once

namespace cairn {

/** The calling thread gives way to others from now on, where the system lets it; for good. */
void lowerPriority();

}  // namespace cairn
