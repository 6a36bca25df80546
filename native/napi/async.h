// Promises of work that a queue does.
//
// A promise is settled on the JavaScript thread, once, and not at all when the environment dies
// first.
#pragma once

#include <memory>

#include "napi/convert.h"

namespace cairn {

class Promise {
 public:
  explicit Promise(Environment& environment);

  /** What the call gives to JavaScript. */
  napi_value value() const { return promise_; }
  void resolve();
  void resolve(napi_value value);
  void reject(const Status& status);
  /** By whether the status is ok. */
  void settle(const Status& status);
  Environment& environment() const { return environment_; }

 private:
  Environment& environment_;
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
};

/** A task whose end settles a promise. */
class PromiseTask : public Task {
 public:
  explicit PromiseTask(Environment& environment) : promise(environment) {}
  napi_value promised() const { return promise.value(); }
  void finish() override;

 protected:
  /** On the JavaScript thread, when `status` is ok. May set it. */
  virtual napi_value result(napi_env env);

  Promise promise;
  Status status;
};

/** Hands a task to the workers and gives its promise. */
napi_value run(Loop& loop, Worker worker, std::unique_ptr<PromiseTask> task);

/** A fresh Uint8Array with the same bytes. */
napi_value copyOut(napi_env env, Slice bytes);
napi_value numberOut(napi_env env, double number);
napi_value textOut(napi_env env, const std::string& text);
void setNumber(napi_env env, napi_value object, const char* name, double number);
void setValue(napi_env env, napi_value object, const char* name, napi_value value);

}  // namespace cairn
