// The recorder of the test build; only there is this compiled.
//
// One mutex over all: it is held for a copy of the bytes, never over a system call. The state is
// leaked at exit, because workers may outlive the destructors of statics.
#include <sys/stat.h>

#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "os/trace.h"

namespace cairn {
namespace {

using Fault = std::pair<TraceKind, uint64_t>;

struct Recorder {
  std::mutex mutex;
  std::atomic<uint64_t> counter{0};
  bool on = false;
  /** Operation `number` (from 1) is at `number - first` while it has not been taken. */
  std::deque<TraceOperation> operations;
  uint64_t first = 1;
  /** How many operations of each kind began. */
  std::map<TraceKind, uint64_t> begun;
  std::map<Fault, int64_t> faults;
};

Recorder& recorder() {
  static Recorder* const only = new Recorder;
  return *only;
}

uint64_t inodeOf(int descriptor) {
  struct stat stat {};
  return fstat(descriptor, &stat) == 0 ? static_cast<uint64_t>(stat.st_ino) : 0;
}

}  // namespace

void traceRecord(bool on) {
  const std::lock_guard<std::mutex> guard(recorder().mutex);
  recorder().on = on;
}

std::vector<TraceOperation> traceTake() {
  Recorder& all = recorder();
  const std::lock_guard<std::mutex> guard(all.mutex);
  std::vector<TraceOperation> taken(std::make_move_iterator(all.operations.begin()),
                                    std::make_move_iterator(all.operations.end()));
  all.first += all.operations.size();
  all.operations.clear();
  return taken;
}

uint64_t traceTick() { return recorder().counter.fetch_add(1) + 1; }

void tracePlan(TraceKind kind, uint64_t nth, int64_t result) {
  Recorder& all = recorder();
  const std::lock_guard<std::mutex> guard(all.mutex);
  all.faults[{kind, all.begun[kind] + nth}] = result;
}

size_t traceForgive() {
  Recorder& all = recorder();
  const std::lock_guard<std::mutex> guard(all.mutex);
  const size_t count = all.faults.size();
  all.faults.clear();
  return count;
}

Traced traceBeginRecord(TraceKind kind, int descriptor, const std::string& name, uint64_t position,
                        Slice bytes) {
  const bool entry = kind == TraceKind::CREATE || kind == TraceKind::REMOVE;
  const uint64_t inode = inodeOf(descriptor);
  Recorder& all = recorder();
  const std::lock_guard<std::mutex> guard(all.mutex);
  Traced traced;
  if (const auto fault = all.faults.find({kind, ++all.begun[kind]}); fault != all.faults.end()) {
    traced.planned = fault->second;
    all.faults.erase(fault);
  }
  if (!all.on) return traced;
  TraceOperation& operation = all.operations.emplace_back();
  operation.kind = kind;
  operation.name = name;
  (entry ? operation.directory : operation.inode) = inode;
  operation.position = position;
  operation.bytes.assign(reinterpret_cast<const char*>(bytes.data), bytes.size);
  // Under the mutex, so that the operations lie in the order of these numbers.
  operation.begin = traceTick();
  traced.number = all.first + all.operations.size() - 1;
  return traced;
}

void traceEndRecord(const Traced& traced, int64_t result) {
  Recorder& all = recorder();
  const std::lock_guard<std::mutex> guard(all.mutex);
  if (traced.number < all.first) return;
  TraceOperation& operation = all.operations[traced.number - all.first];
  if (operation.kind == TraceKind::CREATE && result >= 0) {
    operation.inode = inodeOf(static_cast<int>(result));
    result = 0;
  }
  operation.result = result;
  operation.end = traceTick();
}

}  // namespace cairn
