// Fields of objects, in and out.
#include "napi/objects.h"

#include "napi/async.h"

namespace cairn {

napi_value ObjectReader::get(const char* name) const {
  napi_value value = nullptr;
  if (napi_get_named_property(call_.env(), object_, name, &value) != napi_ok)
    napi_get_undefined(call_.env(), &value);
  return value;
}

bool ObjectReader::number(const char* name, double& number) const {
  if (napi_get_value_double(call_.env(), get(name), &number) == napi_ok) return true;
  return wrong(name);
}

bool ObjectReader::count(const char* name, uint64_t& count) const {
  return toCount(get(name), count) || wrong(name);
}

bool ObjectReader::flag(const char* name, bool& flag) const {
  return napi_get_value_bool(call_.env(), get(name), &flag) == napi_ok || wrong(name);
}

bool ObjectReader::bytes(const char* name, std::string& bytes) const {
  Slice view;
  if (!call_.readBytes(get(name), view)) return false;
  bytes.assign(reinterpret_cast<const char*>(view.data), view.size);
  return true;
}

bool ObjectReader::counts(const char* name, std::vector<uint64_t>& counts) const {
  return each(name, [&](const ObjectReader& item) {
    return toCount(item.object_, counts.emplace_back()) || wrong(name);
  });
}

/** Sizes without a bound come as a number beyond all others. */
bool ObjectReader::toCount(napi_value value, uint64_t& count) const {
  double wide = 0;
  if (napi_get_value_double(call_.env(), value, &wide) != napi_ok || !(wide >= 0)) return false;
  count = wide > static_cast<double>(NUMBER_MAX) ? NUMBER_MAX : static_cast<uint64_t>(wide);
  return true;
}

bool ObjectReader::wrong(const char* what) const {
  call_.fail(Status::type(std::string("wrong in the job of a merge: ") + what));
  return false;
}

napi_value propertiesOut(napi_env env, const TableProperties& properties) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  const auto set = [&](const char* name, uint64_t value) {
    setNumber(env, object, name, static_cast<double>(value));
  };
  set("entries", properties.entries);
  set("deletions", properties.deletions);
  set("keyBytes", properties.keyBytes);
  set("valueBytes", properties.valueBytes);
  set("smallestSequence", properties.smallestSequence);
  set("largestSequence", properties.largestSequence);
  return object;
}

}  // namespace cairn
