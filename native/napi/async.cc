// Settling promises, and values on their way out.
#include "napi/async.h"

namespace cairn {

Promise::Promise(Environment& environment) : environment_(environment) {
  napi_create_promise(environment.env, &deferred_, &promise_);
}

void Promise::resolve() {
  if (environment_.dying()) return;
  napi_value nothing = nullptr;
  napi_get_undefined(environment_.env, &nothing);
  resolve(nothing);
}

void Promise::resolve(napi_value value) {
  if (environment_.dying() || deferred_ == nullptr) return;
  napi_resolve_deferred(environment_.env, deferred_, value);
  deferred_ = nullptr;
}

void Promise::reject(const Status& status) {
  if (environment_.dying() || deferred_ == nullptr) return;
  napi_reject_deferred(environment_.env, deferred_, environment_.errorOf(status));
  deferred_ = nullptr;
}

void Promise::settle(const Status& status) {
  if (status.ok())
    resolve();
  else
    reject(status);
}

void PromiseTask::finish() {
  if (promise.environment().dying()) return;
  napi_value value = status.ok() ? result(promise.environment().env) : nullptr;
  if (status.ok())
    promise.resolve(value);
  else
    promise.reject(status);
}

napi_value PromiseTask::result(napi_env env) {
  napi_value nothing = nullptr;
  napi_get_undefined(env, &nothing);
  return nothing;
}

napi_value run(Loop& loop, Worker worker, std::unique_ptr<PromiseTask> task) {
  const napi_value promise = task->promised();
  loop.queue().run(worker, std::move(task));
  loop.update();
  return promise;
}

napi_value copyOut(napi_env env, Slice bytes) {
  void* data = nullptr;
  napi_value memory = nullptr;
  napi_value view = nullptr;
  if (napi_create_arraybuffer(env, bytes.size, &data, &memory) != napi_ok) return nullptr;
  copyBytes(static_cast<uint8_t*>(data), bytes.data, bytes.size);
  napi_create_typedarray(env, napi_uint8_array, bytes.size, memory, 0, &view);
  return view;
}

napi_value numberOut(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value textOut(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

void setNumber(napi_env env, napi_value object, const char* name, double number) {
  setValue(env, object, name, numberOut(env, number));
}

void setValue(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

}  // namespace cairn
