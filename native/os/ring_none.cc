// Ring where the system has none.
#include "os/ring.h"

namespace cairn {

std::unique_ptr<Ring> Ring::open(const Wake&, std::string& refusal) {
  refusal = "this system has no io_uring";
  return nullptr;
}

}  // namespace cairn
