// Twin: lib/view/merge.ts
#include "view/merge.h"

#include <memory>

#include "table/stream.h"
#include "view/drop.h"
#include "view/lane.h"
#include "view/output.h"

namespace cairn {

namespace {

/** Cancellation is looked at after so many bytes; an entry counts for ENTRY_BYTES more. */
constexpr uint64_t STRIDE_BYTES = 64 * 1024;
constexpr uint64_t ENTRY_BYTES = 64;
/** Strides between two tellings of progress. */
constexpr uint32_t PROGRESS_STRIDES = 16;

class Merging : private SourceOpener {
 public:
  Merging(const Directory& directory, const MergeJob& job, const std::atomic<bool>& cancelled,
          MergeEvents& events)
      : job_(job), cancelled_(cancelled), events_(events), drop_(job), output_(directory, job) {
    SourceOpener& opener = *this;
    for (size_t age = 0; age < job.inputs.size(); age++)
      lanes_.push_back(std::make_unique<Lane>(job.inputs[age], age, false, opener));
  }

  Status run() {
    Status status = walk();
    if (status.ok()) status = output_.settle();
    for (const std::unique_ptr<Lane>& lane : lanes_) lane->close();
    if (!status.ok()) output_.discard();
    return status;
  }

  std::vector<TableMeta>& tables() { return output_.tables; }

 private:
  Status walk();
  Status take(const Entry& entry);
  Status pause();
  void tell();
  Status failureOf(const Lane& lane) const;

  std::unique_ptr<EntryCursor> open(size_t run, size_t index) override {
    const Ref<Memtable>& memtable = job_.inputs[run][index].memtable;
    if (memtable) return Memtable::stream(memtable);
    std::unique_ptr<TableStream> stream = std::move(job_.streams->runs[run][index]);
    open_.push_back(stream.get());
    return stream;
  }
  void leave(size_t run, size_t index, const EntryCursor& cursor) override {
    if (job_.inputs[run][index].memtable) return;
    bytesRead_ += static_cast<const TableStream&>(cursor).bytesRead();
    std::erase(open_, &cursor);
  }

  const MergeJob& job_;
  const std::atomic<bool>& cancelled_;
  MergeEvents& events_;
  Drop drop_;
  MergeOutput output_;
  /** The streams that are open, and what those before have read. */
  std::vector<const TableStream*> open_;
  uint64_t bytesRead_ = 0;
  uint32_t strides_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> order_;
};

Status Merging::walk() {
  CAIRN_TRY(pause());
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    if (lane->toEdge() != Move::DONE) return failureOf(*lane);
    if (lane->valid()) placeLane(order_, lane.get());
  }
  uint64_t stride = 0;
  while (!order_.empty()) {
    Lane* lane = order_[0];
    const Entry& entry = lane->entry();
    stride += entry.key.size + entry.value.size + ENTRY_BYTES;
    CAIRN_TRY(take(entry));
    if (lane->step() != Move::DONE) return failureOf(*lane);
    if (!lane->valid())
      order_.erase(order_.begin());
    else if (order_.size() > 1)
      replaceFirst(order_);
    if (stride < STRIDE_BYTES) continue;
    stride = 0;
    CAIRN_TRY(pause());
  }
  tell();
  return {};
}

Status Merging::take(const Entry& entry) {
  bool keep = false;
  CAIRN_TRY(drop_.keeps(entry, keep));
  if (keep) CAIRN_TRY(output_.add(entry, drop_.newKey()));
  return drop_.settle(entry);
}

Status Merging::pause() {
  if (cancelled_.load(std::memory_order_relaxed))
    return Status::store(Code::ABORTED, "the merge was aborted");
  if (strides_++ % PROGRESS_STRIDES == 0) tell();
  return {};
}

void Merging::tell() {
  uint64_t bytesRead = bytesRead_;
  for (const TableStream* stream : open_) bytesRead += stream->bytesRead();
  events_.progress(bytesRead, output_.bytesWritten());
}

/** Why a lane could not move; streams are never cold. */
Status Merging::failureOf(const Lane& lane) const {
  Status failure = lane.failure();
  return failure.ok() ? Status::type("a source of a merge is cold") : failure;
}

}  // namespace

Status checkJob(MergeJob& job) {
  if (job.outputs.empty()) return Status::range("a merge needs at least one output number");
  for (size_t i = 1; i < job.snapshots.size(); i++)
    if (job.snapshots[i] < job.snapshots[i - 1])
      return Status::range("the snapshots of a merge must ascend");
  for (const std::vector<KeyRange>& level : job.deeper)
    CAIRN_TRY(checkRanges(level, "the deeper ranges"));
  CAIRN_TRY(checkRanges(job.grandparents, "the grandparents"));
  CAIRN_TRY(checkRuns(job.inputs));
  job.streams = std::make_unique<MergeStreams>();
  DamageSink* sink = job.skipDamage ? &job.streams->relay : nullptr;
  for (const Run& run : job.inputs) {
    auto& streams = job.streams->runs.emplace_back();
    for (const Source& source : run)
      streams.push_back(source.table ? source.table->stream(sink) : nullptr);
  }
  return {};
}

Status merge(const Directory& directory, const MergeJob& job, const std::atomic<bool>& cancelled,
             MergeEvents& events, std::vector<TableMeta>& outputs) {
  if (job.streams == nullptr || job.streams->relay.to != nullptr)
    return Status::type("a job is checked and then run once");
  job.streams->relay.to = &events;
  Merging merging(directory, job, cancelled, events);
  CAIRN_TRY(merging.run());
  outputs = std::move(merging.tables());
  return {};
}

}  // namespace cairn
