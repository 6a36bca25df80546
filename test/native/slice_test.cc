// Slices: their order and sameness, against a loop over bytes, at every length around the words
// that are compared at a time.
#include <vector>

#include "base/slice.h"
#include "check.h"
#include "numbers.h"

using namespace cairn;

namespace {

constexpr size_t LONGEST = SHORT_BYTES + WORD_BYTES;

int byByte(Slice a, Slice b) {
  for (size_t i = 0; i < a.size && i < b.size; i++)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

int sign(int order) { return order == 0 ? 0 : order < 0 ? -1 : 1; }

/** Both at the ends of memory of their own, so that a sanitizer sees a look beyond. */
void compared(const std::vector<uint8_t>& left, const std::vector<uint8_t>& right) {
  const Slice a(left.data(), left.size());
  const Slice b(right.data(), right.size());
  CHECK_EQ(sign(compareBytes(a, b)), byByte(a, b));
  CHECK_EQ(sign(compareBytes(b, a)), byByte(b, a));
  CHECK_EQ(equalBytes(a, b), byByte(a, b) == 0);
}

void everyLength() {
  Numbers next(11);
  for (size_t size = 0; size <= LONGEST; size++) {
    std::vector<uint8_t> bytes(size);
    for (uint8_t& byte : bytes) byte = next.byte();
    compared(bytes, bytes);
    for (size_t shorter = 0; shorter < size; shorter++)
      compared(bytes, {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(shorter)});
  }
}

/** One byte differs, by its highest or lowest bit, and so does one behind it that says otherwise. */
void everyPlace() {
  for (size_t size = 1; size <= LONGEST; size++) {
    for (size_t at = 0; at < size; at++) {
      for (const uint8_t bit : {0x01, 0x80}) {
        std::vector<uint8_t> low(size, 0x7e);
        std::vector<uint8_t> high = low;
        high[at] ^= bit;
        compared(low, high);
        if (at + 1 == size) continue;
        low[at + 1] = 0xff;
        compared(low, high);
      }
    }
  }
}

}  // namespace

int main() {
  everyLength();
  everyPlace();
  return checkResult();
}
