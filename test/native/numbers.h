// Small whole numbers by a seed, the same as those of test/support/numbers.ts, so that tests in both
// languages can be held to one checksum of what the twins made of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

class Numbers {
 public:
  explicit Numbers(uint32_t seed) : state_(seed) {}
  size_t operator()(size_t limit) {
    state_ = state_ * 1664525 + 1013904223;
    return (state_ >> 8) % limit;
  }
  uint8_t byte(size_t limit = 256) { return static_cast<uint8_t>((*this)(limit)); }

 private:
  uint32_t state_;
};

}  // namespace cairn
