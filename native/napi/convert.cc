// Arguments of a call, checked.
#include "napi/convert.h"

#include "format/coding.h"

namespace cairn {

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  void* data = nullptr;
  size_t count = VALUES_MAX;
  napi_get_cb_info(env, info, &count, values_, nullptr, &data);
  environment_ = static_cast<Environment*>(data);
}

bool Call::isUndefined(size_t index) const {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env_, values_[index], &type) == napi_ok && type == napi_undefined;
}

bool Call::number(size_t index, double& number) {
  if (napi_get_value_double(env_, values_[index], &number) == napi_ok) return true;
  return wrong("a number is wanted");
}

bool Call::count(size_t index, uint64_t& count) {
  double wide = 0;
  if (!number(index, wide)) return false;
  if (!(wide >= 0 && wide <= static_cast<double>(NUMBER_MAX))) {
    fail(Status::range("not a number from 0 to 2^53 - 1"));
    return false;
  }
  count = static_cast<uint64_t>(wide);
  if (static_cast<double>(count) == wide) return true;
  fail(Status::range("not a whole number"));
  return false;
}

bool Call::flag(size_t index, bool& flag) {
  if (napi_get_value_bool(env_, values_[index], &flag) == napi_ok) return true;
  return wrong("true or false is wanted");
}

bool Call::text(size_t index, std::string& text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) != napi_ok)
    return wrong("a string is wanted");
  text.resize(length);
  napi_get_value_string_utf8(env_, values_[index], text.data(), length + 1, &length);
  return true;
}

bool Call::key(size_t index, Slice& bytes) {
  const napi_value value = values_[index];
  size_t length = 0;
  if (napi_get_value_string_utf8(env_, value, text_, TEXT_BYTES, &length) != napi_ok)
    return readBytes(value, bytes);
  bytes = Slice(text_, length);
  // A character that found no room any more has 4 bytes at most, and a zero stands behind all.
  if (length + 5 <= TEXT_BYTES) return true;
  napi_get_value_string_utf8(env_, value, nullptr, 0, &length);
  Buffer& copy = copies_.emplace_back();
  if (!copy.resize(length + 1)) {
    fail(Status::memory(length));
    return false;
  }
  char* const text = reinterpret_cast<char*>(copy.data());
  napi_get_value_string_utf8(env_, value, text, length + 1, &length);
  bytes = copy.slice().part(0, length);
  return true;
}

bool Call::room(size_t index, uint8_t*& bytes, size_t& size) {
  void* data = nullptr;
  if (!own(values_[index], napi_uint8_array, data, size)) return false;
  bytes = static_cast<uint8_t*>(data);
  return true;
}

bool Call::words(size_t index, uint32_t*& words, size_t& count) {
  void* data = nullptr;
  if (!own(values_[index], napi_uint32_array, data, count)) return false;
  words = static_cast<uint32_t*>(data);
  return true;
}

bool Call::readBytes(napi_value value, Slice& bytes) {
  void* data = nullptr;
  size_t length = 0;
  bool shared = false;
  if (!typed(value, napi_uint8_array, data, length, shared)) return false;
  bytes = Slice(static_cast<const uint8_t*>(data), length);
  if (!shared) return true;
  Buffer& copy = copies_.emplace_back();
  if (!copy.assign(bytes)) {
    fail(Status::memory(length));
    return false;
  }
  bytes = copy.slice();
  return true;
}

bool Call::typed(napi_value value, napi_typedarray_type wanted, void*& data, size_t& length,
                 bool& shared) {
  napi_typedarray_type type{};
  napi_value memory = nullptr;
  if (napi_get_typedarray_info(env_, value, &type, &length, &data, &memory, nullptr) != napi_ok ||
      type != wanted)
    return wrong("a Uint8Array is wanted");
  bool own = false;
  napi_is_arraybuffer(env_, memory, &own);
  shared = !own;
  if (data == nullptr) length = 0;
  return true;
}

bool Call::own(napi_value value, napi_typedarray_type wanted, void*& data, size_t& length) {
  bool shared = false;
  if (!typed(value, wanted, data, length, shared)) return false;
  return !shared || wrong("nothing is written to memory that threads share");
}

napi_value Call::result(double number) const {
  napi_value value = nullptr;
  napi_create_double(env_, number, &value);
  return value;
}

napi_value Call::undefined() const {
  napi_value value = nullptr;
  napi_get_undefined(env_, &value);
  return value;
}

bool Call::wrong(const char* what) {
  fail(Status::type(what));
  return false;
}

}  // namespace cairn
