// What went wrong, told to JavaScript: lib/planes/bridge makes the error of its parts.
#include "napi/environment.h"

namespace cairn {

namespace {

napi_value text(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value.data(), value.size(), &result);
  return result;
}

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

/** (kind, code, text, file, offset, errorNumber, cause) as the maker takes it. */
napi_value make(napi_env env, napi_value maker, const Status::Detail& detail) {
  napi_value cause = nullptr;
  napi_get_undefined(env, &cause);
  if (detail.cause != nullptr) cause = make(env, maker, *detail.cause);
  napi_value values[] = {number(env, static_cast<double>(detail.kind)),
                         number(env, static_cast<double>(detail.code)),
                         text(env, detail.text),
                         text(env, detail.file),
                         number(env, static_cast<double>(detail.offset)),
                         number(env, detail.errorNumber),
                         cause};
  napi_value global = nullptr;
  napi_value result = nullptr;
  napi_get_global(env, &global);
  napi_call_function(env, global, maker, std::size(values), values, &result);
  return result;
}

}  // namespace

napi_value Environment::errorOf(const Status& status) {
  napi_value maker = nullptr;
  if (errorMaker_ != nullptr) napi_get_reference_value(env, errorMaker_, &maker);
  napi_value error = nullptr;
  if (maker != nullptr) error = make(env, maker, status.detail());
  if (error == nullptr) error = takeThrown();
  if (error != nullptr) return error;
  napi_create_error(env, nullptr, text(env, status.detail().text), &error);
  return error;
}

napi_value Environment::fail(const Status& status) {
  napi_throw(env, errorOf(status));
  return nullptr;
}

napi_value Environment::takeThrown() {
  bool thrown = false;
  napi_value error = nullptr;
  napi_is_exception_pending(env, &thrown);
  if (thrown) napi_get_and_clear_last_exception(env, &error);
  return error;
}

}  // namespace cairn
