// Call: one call from JavaScript and its arguments, over plain Node-API: this is the hot path.
//
// A getter that gives false has thrown what was wrong. Bytes are views of the caller's memory and
// hold during the call only. Memory shared between threads could change between a check and a use:
// what is read of it is copied first, and nothing is written to it.
#pragma once

#include <node_api.h>

#include <vector>

#include "base/buffer.h"
#include "napi/environment.h"

namespace cairn {

class Call {
 public:
  static constexpr size_t VALUES_MAX = 8;
  static constexpr size_t TEXT_BYTES = 512;

  Call(napi_env env, napi_callback_info info);

  Environment& environment() { return *environment_; }
  napi_env env() const { return env_; }
  napi_value value(size_t index) const { return values_[index]; }

  bool isUndefined(size_t index) const;
  bool number(size_t index, double& number);
  /** A whole number from 0 to 2^53 - 1. */
  bool count(size_t index, uint64_t& count);
  bool flag(size_t index, bool& flag);
  bool text(size_t index, std::string& text);
  bool bytes(size_t index, Slice& bytes) { return readBytes(values_[index], bytes); }
  /** Bytes, or the UTF-8 of a string. */
  bool key(size_t index, Slice& bytes);
  /** The caller's memory to write to. */
  bool room(size_t index, uint8_t*& bytes, size_t& size);
  bool words(size_t index, uint32_t*& words, size_t& count);
  bool readBytes(napi_value value, Slice& bytes);

  template <class T>
  bool object(size_t index, T*& object) {
    double handle = 0;
    if (napi_get_value_double(env_, values_[index], &handle) == napi_ok)
      object = environment_->handles.get<T>(handle);
    if (object != nullptr) return true;
    fail(Status::type("not an open handle of the native plane"));
    return false;
  }

  napi_value fail(const Status& status) { return environment_->fail(status); }
  napi_value result(double number) const;
  napi_value undefined() const;
  /** A new handle for an object. */
  template <class T>
  napi_value handle(Ref<T> object) {
    const double handle = environment_->handles.add(std::move(object));
    if (handle == 0) return fail(Status::store(Code::LIMIT, "too many open handles"));
    return result(handle);
  }

 private:
  bool wrong(const char* what);
  bool typed(napi_value value, napi_typedarray_type wanted, void*& data, size_t& length,
             bool& shared);
  bool own(napi_value value, napi_typedarray_type wanted, void*& data, size_t& length);

  napi_env env_;
  Environment* environment_ = nullptr;
  napi_value values_[VALUES_MAX] = {};
  /** Of bytes in shared memory, and of long strings. */
  std::vector<Buffer> copies_;
  /** Of one short string; not filled before. */
  char text_[TEXT_BYTES];
};

/** Lets go of what a handle names; nothing when it has been closed. */
template <class T>
napi_value freeHandle(napi_env env, napi_callback_info info) {
  Call call(env, info);
  double handle = 0;
  if (call.number(0, handle)) call.environment().handles.template close<T>(handle);
  return nullptr;
}

}  // namespace cairn
