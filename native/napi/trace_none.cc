// The release build records nothing.
#include "napi/functions.h"

namespace cairn {

const Function TRACE_FUNCTIONS[] = {{nullptr, nullptr}};

}  // namespace cairn
