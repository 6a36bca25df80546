// The checks of the C++ unit tests: what fails is told with its values, and the test goes on.
//
// A test is a plain program: CHECK, CHECK_EQ, CHECK_OK in functions that main calls, and
// `return checkResult();` at its end, which is 1 when anything failed.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/slice.h"
#include "base/status.h"

namespace cairn {

inline int checkFailures = 0;
inline int checkCount = 0;

/** Bytes as text; what can not be printed as \xNN, and no more than a line of it. */
inline std::string checkText(std::string_view bytes) {
  std::string text = "\"";
  for (const char each : bytes.substr(0, 64)) {
    char code[5];
    const bool plain = each >= ' ' && each <= '~';
    std::snprintf(code, sizeof code, plain ? "%c" : "\\x%02x", static_cast<uint8_t>(each));
    text += code;
  }
  return text + (bytes.size() > 64 ? "\"... of " + std::to_string(bytes.size()) : "\"");
}
inline std::string checkText(const std::string& text) { return checkText(std::string_view(text)); }
inline std::string checkText(const char* text) { return checkText(std::string_view(text)); }
inline std::string checkText(Slice bytes) {
  return checkText(std::string_view(reinterpret_cast<const char*>(bytes.data), bytes.size));
}
inline std::string checkText(bool value) { return value ? "true" : "false"; }
inline std::string checkText(const void* pointer) { return pointer == nullptr ? "null" : "set"; }
inline std::string checkText(const Status& status) {
  if (status.ok()) return "ok";
  const Status::Detail& detail = status.detail();
  return "kind " + std::to_string(static_cast<int>(detail.kind)) + ", code " +
         std::to_string(static_cast<int>(detail.code)) + ", errno " +
         std::to_string(detail.errorNumber) + ", offset " + std::to_string(detail.offset) + ", '" +
         detail.file + "', '" + detail.text + "'";
}
template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
std::string checkText(T value) {
  if constexpr (std::is_enum_v<T>) return std::to_string(static_cast<int64_t>(value));
  else return std::to_string(value);
}

inline bool checkEqual(Slice a, Slice b) { return equalBytes(a, b); }
inline bool checkEqual(const char* a, const char* b) { return std::string_view(a) == b; }
template <class A, class B>
bool checkEqual(const A& a, const B& b) {
  if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && !std::is_same_v<A, bool> &&
                !std::is_same_v<B, bool>)
    return std::cmp_equal(a, b);
  else return a == b;
}

inline bool checkTold(bool passed, const char* file, int line, const std::string& what) {
  checkCount++;
  if (passed) return true;
  checkFailures++;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  return false;
}

template <class A, class B>
bool checkSame(const A& a, const B& b, const char* file, int line, const char* what) {
  if (checkEqual(a, b)) return checkTold(true, file, line, {});
  return checkTold(false, file, line,
                   std::string(what) + ": " + checkText(a) + " is not " + checkText(b));
}

inline bool checkPassed(const Status& status, const char* file, int line, const char* what) {
  return checkTold(status.ok(), file, line, std::string(what) + ": " + checkText(status));
}

inline int checkResult() {
  std::printf("%d checks, %d failed\n", checkCount, checkFailures);
  return checkFailures == 0 ? 0 : 1;
}

}  // namespace cairn

/** Each gives whether it held, so that a test may stop where going on makes no sense. */
#define CHECK(condition) ::cairn::checkTold((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(a, b) ::cairn::checkSame((a), (b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_OK(status) ::cairn::checkPassed((status), __FILE__, __LINE__, #status)
