// Memtables and tables, and runs of them as JavaScript names them.
#include <algorithm>
#include <cmath>

#include "memtable/memtable.h"
#include "napi/async.h"
#include "napi/functions.h"
#include "napi/objects.h"
#include "napi/runs.h"
#include "table/reader.h"
#include "table/verify.h"

namespace cairn {

namespace {

/** A table with the queue that reads for it. */
class Opened : public Counted<Opened> {
 public:
  Ref<Table> table;
  Loop* loop = nullptr;

 private:
  friend class Counted<Opened>;
  ~Opened() = default;
};

/** memtableCreate(): handle */
napi_value memtableCreate(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return call.handle(makeRef<Memtable>());
}

/** What the memtable says of an index that is no whole number. */
Status noRecord(napi_env env, napi_value from) {
  napi_value text = nullptr;
  size_t length = 0;
  napi_coerce_to_string(env, from, &text);
  char digits[32] = {};
  napi_get_value_string_utf8(env, text, digits, sizeof(digits), &length);
  return Status::range("the batch has no record " + std::string(digits, length));
}

/** memtableApply(memtable, batch, from, limit): next */
napi_value memtableApply(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Memtable* memtable = nullptr;
  Slice batch;
  double from = 0;
  double limit = 0;
  if (!call.object(0, memtable) || !call.bytes(1, batch) || !call.number(2, from) ||
      !call.number(3, limit))
    return nullptr;
  if (!(limit >= 0)) return call.fail(Status::range("the limit is negative"));
  if (from != std::floor(from)) return call.fail(noRecord(env, call.value(2)));
  // No batch has so many records: what is beyond them, or no number, is as good as this.
  const double most = static_cast<double>(int64_t{1} << 40);
  const double first = from >= -most && from <= most ? from : most;
  uint64_t next = 0;
  const Status status = memtable->apply(batch, static_cast<int64_t>(first),
                                        static_cast<int64_t>(std::min(limit, most)), next);
  return status.ok() ? call.result(static_cast<double>(next)) : call.fail(status);
}

/** memtableEntries(memtable): number */
napi_value memtableEntries(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Memtable* memtable = nullptr;
  if (!call.object(0, memtable)) return nullptr;
  return call.result(static_cast<double>(memtable->entries()));
}

/** memtableBytes(memtable): bytes of memory held */
napi_value memtableBytes(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Memtable* memtable = nullptr;
  if (!call.object(0, memtable)) return nullptr;
  return call.result(static_cast<double>(memtable->memoryBytes()));
}

/** tableOpen(plane, number, sizeBytes, smallest, largest): handle */
napi_value tableOpen(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  TableMeta meta;
  Slice smallest;
  Slice largest;
  if (!call.object(0, plane) || !call.count(1, meta.number) || !call.count(2, meta.sizeBytes) ||
      !call.bytes(3, smallest) || !call.bytes(4, largest))
    return nullptr;
  if (smallest.size < KEY_TRAILER_BYTES || largest.size < KEY_TRAILER_BYTES)
    return call.fail(Status::range("not the range of keys of a table"));
  meta.smallest.assign(reinterpret_cast<const char*>(smallest.data), smallest.size);
  meta.largest.assign(reinterpret_cast<const char*>(largest.data), largest.size);
  auto opened = makeRef<Opened>();
  opened->table = Table::make(plane->files, std::move(meta));
  opened->loop = plane->loop;
  return call.handle(opened);
}

/** Opens the table on a worker unless it is open, then asks it on the JavaScript thread. */
class OpenTask : public PromiseTask {
 public:
  OpenTask(Environment& environment, Ref<Table> table)
      : PromiseTask(environment), table_(std::move(table)), load_(table_->planOpen()) {}
  void work() override { load_->read(); }
  void finish() override {
    if (promise.environment().dying()) return;
    status = table_->absorbOpen(*load_, known, properties);
    PromiseTask::finish();
  }

 protected:
  Table& table() { return *table_; }
  bool known = false;
  TableProperties properties;

 private:
  const Ref<Table> table_;
  const std::unique_ptr<Load> load_;
};

class PropertiesTask final : public OpenTask {
 public:
  using OpenTask::OpenTask;

 protected:
  napi_value result(napi_env env) override {
    return known ? propertiesOut(env, properties) : PromiseTask::result(env);
  }
};

class OffsetTask final : public OpenTask {
 public:
  OffsetTask(Environment& environment, Ref<Table> table, Slice key)
      : OpenTask(environment, std::move(table)),
        key_(reinterpret_cast<const char*>(key.data), key.size) {}

 protected:
  napi_value result(napi_env env) override {
    uint64_t offset = 0;
    status = table().offsetOf({key_.data(), key_.size()}, offset);
    return numberOut(env, static_cast<double>(offset));
  }

 private:
  const std::string key_;
};

class VerifyTask final : public PromiseTask {
 public:
  VerifyTask(Environment& environment, Ref<Table> table)
      : PromiseTask(environment), table_(std::move(table)) {}
  void work() override { status = table_->verify(verdict_); }

 protected:
  napi_value result(napi_env env) override {
    napi_value report = nullptr;
    napi_value list = nullptr;
    napi_create_object(env, &report);
    napi_create_array_with_length(env, verdict_.damage.size(), &list);
    for (size_t i = 0; i < verdict_.damage.size(); i++) {
      napi_value item = nullptr;
      napi_create_object(env, &item);
      setNumber(env, item, "offset", static_cast<double>(verdict_.damage[i].offset));
      setNumber(env, item, "bytes", static_cast<double>(verdict_.damage[i].bytes));
      setValue(env, item, "reason", textOut(env, verdict_.damage[i].reason));
      napi_set_element(env, list, static_cast<uint32_t>(i), item);
    }
    setNumber(env, report, "entries", static_cast<double>(verdict_.entries));
    setValue(env, report, "damage", list);
    return report;
  }

 private:
  const Ref<Table> table_;
  TableVerdict verdict_;
};

template <class Task, class... Args>
napi_value ask(Call& call, Opened* opened, Args... args) {
  return run(*opened->loop, Worker::READ,
             std::make_unique<Task>(call.environment(), opened->table, args...));
}

/** tableProperties(table): Promise<NativeProperties | undefined> */
napi_value tableProperties(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Opened* opened = nullptr;
  return call.object(0, opened) ? ask<PropertiesTask>(call, opened) : nullptr;
}

/** tableOffsetOf(table, key): Promise<number> */
napi_value tableOffsetOf(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Opened* opened = nullptr;
  Slice key;
  if (!call.object(0, opened) || !call.bytes(1, key)) return nullptr;
  return ask<OffsetTask>(call, opened, key);
}

/** tableVerify(table): Promise<{entries, damage}> */
napi_value tableVerify(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Opened* opened = nullptr;
  return call.object(0, opened) ? ask<VerifyTask>(call, opened) : nullptr;
}

/** tableClose(table): void */
napi_value tableClose(napi_env env, napi_callback_info info) {
  Call call(env, info);
  double handle = 0;
  if (!call.number(0, handle)) return nullptr;
  Opened* opened = call.environment().handles.get<Opened>(handle);
  if (opened == nullptr) return nullptr;
  opened->table->close();
  call.environment().handles.close<Opened>(handle);
  return nullptr;
}

}  // namespace

bool readRuns(Call& call, napi_value value, std::vector<Run>& runs) {
  const napi_env env = call.env();
  const Handles& handles = call.environment().handles;
  uint32_t count = 0;
  if (napi_get_array_length(env, value, &count) != napi_ok) {
    call.fail(Status::type("runs are arrays of handles"));
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value list = nullptr;
    uint32_t length = 0;
    napi_get_element(env, value, i, &list);
    napi_get_array_length(env, list, &length);
    Run run(length);
    for (uint32_t j = 0; j < length; j++) {
      napi_value item = nullptr;
      double handle = 0;
      napi_get_element(env, list, j, &item);
      napi_get_value_double(env, item, &handle);
      run[j].memtable = Ref<Memtable>(handles.get<Memtable>(handle));
      const Opened* opened = run[j].memtable ? nullptr : handles.get<Opened>(handle);
      if (opened != nullptr) run[j].table = opened->table;
      if (run[j].memtable || run[j].table) continue;
      call.fail(Status::type("not an open handle of the native plane"));
      return false;
    }
    runs.push_back(std::move(run));
  }
  return true;
}

const Function SOURCE_FUNCTIONS[] = {
    {"memtableCreate", memtableCreate},
    {"memtableApply", memtableApply},
    {"memtableEntries", memtableEntries},
    {"memtableBytes", memtableBytes},
    {"memtableFree", freeHandle<Memtable>},
    {"tableOpen", tableOpen},
    {"tableProperties", tableProperties},
    {"tableOffsetOf", tableOffsetOf},
    {"tableVerify", tableVerify},
    {"tableClose", tableClose},
    {nullptr, nullptr},
};

}  // namespace cairn
