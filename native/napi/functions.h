// What the addon exports, by part. lib/planes/addon.ts has the same list with types.
#pragma once

#include <node_api.h>

#include "base/counted.h"
#include "napi/environment.h"
#include "os/lock.h"
#include "table/files.h"

namespace cairn {

/** One plane: a directory, its open tables and their cache, and the queue that serves it. */
class Plane : public Counted<Plane> {
 public:
  Ref<Directory> directory;
  Ref<TableFiles> files;
  Loop* loop = nullptr;
  std::string path;
  std::unique_ptr<LevelLock> lock;

 private:
  friend class Counted<Plane>;
  ~Plane() = default;
};

struct Function {
  const char* name;
  napi_callback call;
};

// Each list ends with a function without a name.
extern const Function PLANE_FUNCTIONS[];
extern const Function JOURNAL_FUNCTIONS[];
extern const Function SOURCE_FUNCTIONS[];
extern const Function VIEW_FUNCTIONS[];
extern const Function MERGE_FUNCTIONS[];
/** Of the test build; empty in every other. */
extern const Function TRACE_FUNCTIONS[];

}  // namespace cairn
