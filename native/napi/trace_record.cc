// What the test build of native/os recorded, for tests; and the faults that they plan.
#include "napi/async.h"
#include "napi/functions.h"
#include "os/trace.h"

namespace cairn {

namespace {

constexpr const char* KIND_NAMES[] = {"create", "remove", "write", "sync", "truncate"};

/** traceRecord(on): void */
napi_value recordOn(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool on = false;
  if (call.flag(0, on)) traceRecord(on);
  return nullptr;
}

napi_value operationOut(napi_env env, const TraceOperation& operation) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  setValue(env, object, "kind", textOut(env, KIND_NAMES[static_cast<size_t>(operation.kind)]));
  setValue(env, object, "name", textOut(env, operation.name));
  setNumber(env, object, "directory", static_cast<double>(operation.directory));
  setNumber(env, object, "inode", static_cast<double>(operation.inode));
  setNumber(env, object, "position", static_cast<double>(operation.position));
  setValue(env, object, "bytes",
           copyOut(env, {operation.bytes.data(), operation.bytes.size()}));
  setNumber(env, object, "begin", static_cast<double>(operation.begin));
  setNumber(env, object, "end", static_cast<double>(operation.end));
  setNumber(env, object, "result", static_cast<double>(operation.result));
  return object;
}

/** traceTake(): operations, in the order of beginning */
napi_value take(napi_env env, napi_callback_info) {
  const std::vector<TraceOperation> operations = traceTake();
  napi_value list = nullptr;
  napi_create_array_with_length(env, operations.size(), &list);
  for (size_t i = 0; i < operations.size(); i++)
    napi_set_element(env, list, static_cast<uint32_t>(i), operationOut(env, operations[i]));
  return list;
}

/** traceTick(): number */
napi_value tick(napi_env env, napi_callback_info) {
  return numberOut(env, static_cast<double>(traceTick()));
}

/** tracePlan(kind, nth, result): void */
napi_value plan(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::string kind;
  uint64_t nth = 0;
  double result = 0;
  if (!call.text(0, kind) || !call.count(1, nth) || !call.number(2, result)) return nullptr;
  for (size_t i = 0; i < std::size(KIND_NAMES); i++)
    if (kind == KIND_NAMES[i])
      tracePlan(static_cast<TraceKind>(i), nth, static_cast<int64_t>(result));
  return nullptr;
}

/** traceForgive(): how many faults had not happened */
napi_value forgive(napi_env env, napi_callback_info) {
  return numberOut(env, static_cast<double>(traceForgive()));
}

}  // namespace

const Function TRACE_FUNCTIONS[] = {
    {"traceRecord", recordOn}, {"traceTake", take},       {"traceTick", tick},
    {"tracePlan", plan},       {"traceForgive", forgive}, {nullptr, nullptr},
};

}  // namespace cairn
