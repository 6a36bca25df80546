// Runs of sources as JavaScript names them: arrays of arrays of handles.
#pragma once

#include <vector>

#include "napi/convert.h"
#include "view/run.h"

namespace cairn {

/** False, and thrown, when one of them is not open. */
bool readRuns(Call& call, napi_value value, std::vector<Run>& runs);

}  // namespace cairn
