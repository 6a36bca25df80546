// Merges: a job that is read here, done by a worker, and told of on the way.
//
// What a worker tells waits in a list under a lock, and JavaScript hears it when its event loop has
// something else to do anyway, or when the merge has ended.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "format/filter.h"
#include "format/names.h"
#include "napi/async.h"
#include "napi/functions.h"
#include "napi/objects.h"
#include "napi/runs.h"
#include "view/merge.h"

namespace cairn {

namespace {

/** One merge that was begun: shared by its handle, its worker and the event loop. */
class Merge : public Counted<Merge>, public MergeEvents {
 public:
  void damage(TableDamage damage) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    damages_.push_back(std::move(damage));
  }
  void progress(uint64_t bytesRead, uint64_t bytesWritten) override {
    bytesRead_.store(bytesRead, std::memory_order_relaxed);
    bytesWritten_.store(bytesWritten, std::memory_order_relaxed);
  }
  std::vector<TableDamage> takeDamages() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::move(damages_);
  }
  uint64_t bytesRead() const { return bytesRead_.load(std::memory_order_relaxed); }
  uint64_t bytesWritten() const { return bytesWritten_.load(std::memory_order_relaxed); }

  std::atomic<bool> cancelled{false};

 private:
  friend class Counted<Merge>;
  ~Merge() = default;

  std::mutex mutex_;
  std::vector<TableDamage> damages_;
  std::atomic<uint64_t> bytesRead_{0};
  std::atomic<uint64_t> bytesWritten_{0};
};

napi_value metaOut(napi_env env, const TableMeta& meta) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  setNumber(env, object, "number", static_cast<double>(meta.number));
  setNumber(env, object, "sizeBytes", static_cast<double>(meta.sizeBytes));
  setValue(env, object, "smallest", copyOut(env, meta.smallestKey()));
  setValue(env, object, "largest", copyOut(env, meta.largestKey()));
  if (meta.hasProperties)
    setValue(env, object, "properties", propertiesOut(env, meta.properties));
  return object;
}

class MergeTask final : public PromiseTask, public Observer {
 public:
  MergeTask(Environment& environment, Ref<Directory> directory, MergeJob job, Ref<Merge> merge,
            napi_value told)
      : PromiseTask(environment), directory_(std::move(directory)), job_(std::move(job)),
        merge_(std::move(merge)) {
    napi_create_reference(environment.env, told, 1, &told_);
    environment.observe(this);
  }
  ~MergeTask() override { promise.environment().forget(this); }

  void work() override {
    status = cairn::merge(*directory_, job_, merge_->cancelled, *merge_, tables_);
  }
  void finish() override {
    if (!promise.environment().dying()) report();
    napi_delete_reference(promise.environment().env, told_);
    // Perhaps by the listener that was told last.
    if (status.ok() && merge_->cancelled.load(std::memory_order_relaxed)) discard();
    PromiseTask::finish();
  }
  void report() override;
  void cancel() override { merge_->cancelled.store(true, std::memory_order_relaxed); }

 protected:
  napi_value result(napi_env env) override {
    napi_value list = nullptr;
    napi_create_array_with_length(env, tables_.size(), &list);
    for (size_t i = 0; i < tables_.size(); i++)
      napi_set_element(env, list, static_cast<uint32_t>(i), metaOut(env, tables_[i]));
    return list;
  }

 private:
  void tell(napi_value damage);
  void discard();

  const Ref<Directory> directory_;
  const MergeJob job_;
  const Ref<Merge> merge_;
  napi_ref told_ = nullptr;
  uint64_t toldRead_ = 0;
  uint64_t toldWritten_ = 0;
  std::vector<TableMeta> tables_;
};

void MergeTask::report() {
  const napi_env env = promise.environment().env;
  napi_value nothing = nullptr;
  napi_get_undefined(env, &nothing);
  const uint64_t read = merge_->bytesRead();
  const uint64_t written = merge_->bytesWritten();
  if (read != toldRead_ || written != toldWritten_) {
    toldRead_ = read;
    toldWritten_ = written;
    tell(nothing);
  }
  for (const TableDamage& damage : merge_->takeDamages()) {
    napi_value item = nullptr;
    napi_create_object(env, &item);
    setValue(env, item, "file", textOut(env, damage.file));
    setNumber(env, item, "offset", static_cast<double>(damage.offset));
    setNumber(env, item, "bytes", static_cast<double>(damage.bytes));
    setValue(env, item, "reason", textOut(env, damage.reason));
    tell(item);
  }
}

void MergeTask::tell(napi_value damage) {
  const napi_env env = promise.environment().env;
  napi_value told = nullptr;
  napi_value global = nullptr;
  napi_get_reference_value(env, told_, &told);
  napi_get_global(env, &global);
  napi_value values[] = {numberOut(env, static_cast<double>(toldRead_)),
                         numberOut(env, static_cast<double>(toldWritten_)), damage};
  napi_call_function(env, global, told, std::size(values), values, nullptr);
  // The bridge catches what a listener throws; the rest is the process's, as of any callback.
  const napi_value error = promise.environment().takeThrown();
  if (error != nullptr) napi_fatal_exception(env, error);
}

/** Removes the tables of a merge that was cancelled when they were written, as `merge` would. */
void MergeTask::discard() {
  for (const TableMeta& table : tables_)
    static_cast<void>(directory_->removeFile(tableName(table.number)));
  status = Status::store(Code::ABORTED, "the merge was aborted");
}

bool readRange(const ObjectReader& reader, KeyRange& range) {
  return reader.bytes("smallest", range.smallest) && reader.bytes("largest", range.largest);
}

bool readJob(Call& call, napi_value value, MergeJob& job) {
  const ObjectReader reader(call, value);
  uint64_t restartInterval = 0;
  uint64_t filterBits = 0;
  if (!readRuns(call, reader.get("inputs"), job.inputs) ||
      !reader.counts("snapshots", job.snapshots) || !reader.counts("outputs", job.outputs) ||
      !reader.count("blockSizeBytes", job.table.blockSizeBytes) ||
      !reader.count("restartInterval", restartInterval) ||
      !reader.flag("compression", job.table.compression) ||
      !reader.count("filterBits", filterBits) ||
      !reader.count("maxTableBytes", job.maxTableBytes) ||
      !reader.count("maxGrandparentBytes", job.maxGrandparentBytes) ||
      !reader.flag("skipDamage", job.skipDamage))
    return false;
  job.table.restartInterval =
      static_cast<uint32_t>(std::min<uint64_t>(restartInterval, UINT32_MAX));
  if (filterBits > FILTER_BITS_MAX) {
    call.fail(Status::range("too many filter bits for a key"));
    return false;
  }
  job.table.filterBits = static_cast<uint32_t>(filterBits);
  const bool levels = reader.each("deeper", [&](const ObjectReader& level) {
    std::vector<KeyRange>& ranges = job.deeper.emplace_back();
    return level.each(nullptr, [&](const ObjectReader& range) {
      return readRange(range, ranges.emplace_back());
    });
  });
  return levels && reader.each("grandparents", [&](const ObjectReader& table) {
    SizedRange& range = job.grandparents.emplace_back();
    return readRange(table, range) && table.count("sizeBytes", range.sizeBytes);
  });
}

/** mergeStart(plane, job, told): [handle, Promise<NativeMeta[]>] */
napi_value mergeStart(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* opened = nullptr;
  MergeJob job;
  if (!call.object(0, opened)) return nullptr;
  // Reading an object may run JavaScript, which may close the plane.
  const Ref<Plane> plane(opened);
  if (!readJob(call, call.value(1), job)) return nullptr;
  const Status status = checkJob(job);
  if (!status.ok()) return call.fail(status);
  Worker worker = Worker::MERGE;
  for (const Run& run : job.inputs)
    for (const Source& source : run)
      if (source.memtable) {
        source.memtable->seal();
        worker = Worker::FLUSH;
      }
  auto merge = makeRef<Merge>();
  const napi_value handle = call.handle(merge);
  if (handle == nullptr) return nullptr;
  auto task = std::make_unique<MergeTask>(call.environment(), plane->directory, std::move(job),
                                          merge, call.value(2));
  napi_value pair = nullptr;
  napi_create_array_with_length(env, 2, &pair);
  napi_set_element(env, pair, 0, handle);
  napi_set_element(env, pair, 1, run(*plane->loop, worker, std::move(task)));
  return pair;
}

/** mergeCancel(merge): void; it ends soon, with CAIRN_ABORTED unless it has been told. */
napi_value mergeCancel(napi_env env, napi_callback_info info) {
  Call call(env, info);
  double handle = 0;
  if (!call.number(0, handle)) return nullptr;
  Merge* merge = call.environment().handles.get<Merge>(handle);
  if (merge != nullptr) merge->cancelled.store(true, std::memory_order_relaxed);
  return nullptr;
}

}  // namespace

const Function MERGE_FUNCTIONS[] = {
    {"mergeStart", mergeStart},
    {"mergeCancel", mergeCancel},
    {"mergeFree", freeHandle<Merge>},
    {nullptr, nullptr},
};

}  // namespace cairn
