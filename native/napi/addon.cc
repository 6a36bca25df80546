// The addon: what it exports, and what proves that it fits the package that loads it.
#include <napi.h>

#include "format/batch.h"
#include "format/block.h"
#include "format/checksum.h"
#include "format/filter.h"
#include "format/journal.h"
#include "format/key.h"
#include "format/table.h"
#include "napi/environment.h"
#include "napi/functions.h"

namespace cairn {

namespace {

/** As in lib/planes/addon.ts. */
constexpr double ADDON_REVISION = 4;

/** FORMAT_CONSTANTS of lib/planes/native.ts. */
Napi::Object constantsOf(Napi::Env env) {
  const struct {
    const char* name;
    double value;
  } constants[] = {
      {"BATCH_HEADER_BYTES", BATCH_HEADER_BYTES},
      {"BLOCK_KIND_SNAPPY", BLOCK_KIND_SNAPPY},
      {"BLOCK_SIZE_BYTES", BLOCK_SIZE_BYTES},
      {"BLOCK_TRAILER_BYTES", BLOCK_TRAILER_BYTES},
      {"CRC_MASK_DELTA", CRC_MASK_DELTA},
      {"CRC_POLYNOMIAL", CRC_POLYNOMIAL},
      {"FILTER_BASE_LG", FILTER_BASE_LG},
      {"FILTER_HASH_MULTIPLIER", FILTER_HASH_MULTIPLIER},
      {"FILTER_HASH_SEED", FILTER_HASH_SEED},
      {"JOURNAL_BLOCK_BYTES", JOURNAL_BLOCK_BYTES},
      {"JOURNAL_HEADER_BYTES", JOURNAL_HEADER_BYTES},
      {"JOURNAL_KIND_LAST", JOURNAL_KIND_LAST},
      {"KEY_SEQUENCE_MAX", static_cast<double>(KEY_SEQUENCE_MAX)},
      {"KEY_TRAILER_BYTES", KEY_TRAILER_BYTES},
      {"KEY_TYPE_SEEK", KEY_TYPE_SEEK},
      {"KEY_TYPE_VALUE", KEY_TYPE_VALUE},
      {"TABLE_FOOTER_BYTES", TABLE_FOOTER_BYTES},
      {"TABLE_MAGIC_HIGH", TABLE_MAGIC_HIGH},
      {"TABLE_MAGIC_LOW", TABLE_MAGIC_LOW},
      {"TABLE_PROPERTIES_VERSION", TABLE_PROPERTIES_VERSION},
  };
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, value] : constants) object.Set(name, value);
  return object;
}

/** In the order of Code. */
Napi::Array errorCodesOf(Napi::Env env) {
  const char* codes[] = {
      "CAIRN_NOT_OPEN",   "CAIRN_LOCKED",         "CAIRN_MISSING",
      "CAIRN_EXISTS",     "CAIRN_CORRUPTION",     "CAIRN_FORMAT_VERSION",
      "CAIRN_IO",         "CAIRN_NO_SPACE",       "CAIRN_POISONED",
      "CAIRN_READ_ONLY",  "CAIRN_LIMIT",          "CAIRN_CAPACITY",
      "CAIRN_ABORTED",    "CAIRN_WRONG_KEY",      "CAIRN_CONFLICT",
      "CAIRN_QUOTA",      "CAIRN_NOT_FOUND",      "CAIRN_EXPIRED",
      "CAIRN_NATIVE_UNAVAILABLE",
  };
  Napi::Array list = Napi::Array::New(env, std::size(codes));
  for (uint32_t i = 0; i < std::size(codes); i++) list.Set(i, codes[i]);
  return list;
}

void addFunctions(napi_env env, napi_value exports, Environment* environment,
                  const Function* functions) {
  for (; functions->name != nullptr; functions++) {
    napi_value function = nullptr;
    napi_create_function(env, functions->name, NAPI_AUTO_LENGTH, functions->call, environment,
                         &function);
    napi_set_named_property(env, exports, functions->name, function);
  }
}

}  // namespace

}  // namespace cairn

NAPI_MODULE_INIT() {
  using namespace cairn;
  Napi::Object addon(env, exports);
  addon.Set("revision", ADDON_REVISION);
  addon.Set("constants", constantsOf(env));
  addon.Set("errorCodes", errorCodesOf(env));
  Environment* environment = Environment::start(env, exports);
  for (const Function* functions : {PLANE_FUNCTIONS, JOURNAL_FUNCTIONS, SOURCE_FUNCTIONS,
                                    VIEW_FUNCTIONS, MERGE_FUNCTIONS, TRACE_FUNCTIONS})
    addFunctions(env, exports, environment, functions);
  return exports;
}
