// ObjectReader: fields of a JavaScript object, for calls that are made seldom.
//
// A getter that gives false has thrown what was wrong.
#pragma once

#include <string>
#include <vector>

#include "format/table.h"
#include "napi/convert.h"

namespace cairn {

class ObjectReader {
 public:
  ObjectReader(Call& call, napi_value object) : call_(call), object_(object) {}

  napi_value get(const char* name) const;
  bool number(const char* name, double& number) const;
  bool count(const char* name, uint64_t& count) const;
  bool flag(const char* name, bool& flag) const;
  bool bytes(const char* name, std::string& bytes) const;
  bool counts(const char* name, std::vector<uint64_t>& counts) const;

  /** Calls `read` with each element of the array `name`, or of this one when there is no name. */
  template <class Read>
  bool each(const char* name, Read read) const {
    const napi_value list = name == nullptr ? object_ : get(name);
    uint32_t length = 0;
    if (napi_get_array_length(call_.env(), list, &length) != napi_ok) return wrong("an array");
    for (uint32_t i = 0; i < length; i++) {
      napi_value item = nullptr;
      napi_get_element(call_.env(), list, i, &item);
      if (!read(ObjectReader(call_, item))) return false;
    }
    return true;
  }

 private:
  bool wrong(const char* what) const;
  bool toCount(napi_value value, uint64_t& count) const;

  Call& call_;
  const napi_value object_;
};

napi_value propertiesOut(napi_env env, const TableProperties& properties);

}  // namespace cairn
