// View: a stack of runs, newest first, over memtables and tables.
//
// Built once per version; `find`, `scan` and `merge` read nothing else. It holds its sources, so
// that a read that is under way outlives whatever control lets go of.
// Twin: lib/view/view.ts
#pragma once

#include <memory>
#include <vector>

#include "base/counted.h"
#include "base/status.h"
#include "memtable/memtable.h"
#include "table/reader.h"
#include "view/run.h"

namespace cairn {

/** A run, made ready for look-ups: a memtable or tables. */
struct ViewPart {
  const Memtable* memtable = nullptr;
  std::unique_ptr<TableRun> tables;
};

class View : public Counted<View> {
 public:
  /** A type status for a run with a memtable and something else. */
  static Status make(std::vector<Run> runs, Ref<View>& view);

  /** Without the empty ones. */
  const std::vector<Run>& runs() const { return runs_; }
  const std::vector<ViewPart>& parts() const { return parts_; }

 private:
  friend class Counted<View>;
  explicit View(std::vector<Run> runs);
  ~View() = default;

  const std::vector<Run> runs_;
  std::vector<ViewPart> parts_;
};

/** A type status for a run of a memtable and something else, which can not be disjoint by their
 * names alone. */
Status checkRuns(const std::vector<Run>& runs);

}  // namespace cairn
