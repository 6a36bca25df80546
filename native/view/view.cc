// Twin: lib/view/view.ts
#include "view/view.h"

namespace cairn {

Status checkRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs)
    for (const Source& source : run) {
      if (source.memtable && run.size() > 1)
        return Status::type("a run with a memtable holds nothing else");
      if (!source.memtable && !source.table)
        return Status::type("not a source of the native plane");
    }
  return {};
}

Status View::make(std::vector<Run> runs, Ref<View>& view) {
  CAIRN_TRY(checkRuns(runs));
  std::erase_if(runs, [](const Run& run) { return run.empty(); });
  view = Ref<View>(new View(std::move(runs)));
  return {};
}

View::View(std::vector<Run> runs) : runs_(std::move(runs)) {
  parts_.reserve(runs_.size());
  for (const Run& run : runs_) {
    ViewPart part;
    part.memtable = run[0].memtable.get();
    if (part.memtable == nullptr) part.tables = std::make_unique<TableRun>(run);
    parts_.push_back(std::move(part));
  }
}

}  // namespace cairn
