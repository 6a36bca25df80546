// Snappy: the bytes and the verdicts of the TypeScript twin, and the way there and back.
#include <algorithm>
#include <vector>

#include "check.h"
#include "checksum/crc32c.h"
#include "numbers.h"
#include "table/snappy.h"

using namespace cairn;

namespace {

/** As `mixture` in test/plane/snappy.test.ts. */
std::vector<uint8_t> mixture(Numbers& next) {
  constexpr size_t LIMITS[] = {30, 300, 5000, 70'000, 200'000};
  constexpr size_t LETTERS[] = {1, 2, 4, 26, 256};
  constexpr size_t SIZES[] = {4, 20, 100, 5000};
  std::vector<uint8_t> bytes(next(LIMITS[next(5)]));
  const size_t noise = next(100);
  const size_t letters = LETTERS[next(5)];
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(bytes.size() - at, 1 + next(SIZES[next(4)]));
    if (at == 0 || next(100) < noise) {
      for (size_t i = 0; i < size; i++) bytes[at + i] = next.byte(letters);
    } else {
      const size_t reach[] = {std::min<size_t>(at, 8), std::min<size_t>(at, 3000), at};
      const size_t offset = 1 + next(reach[next(3)]);
      for (size_t i = 0; i < size; i++) bytes[at + i] = bytes[at + i - offset];
    }
    at += size;
  }
  return bytes;
}

Slice sliceOf(const std::vector<uint8_t>& bytes) { return {bytes.data(), bytes.size()}; }

Buffer encode(const std::vector<uint8_t>& input) {
  Buffer output;
  CHECK_OK(snappy(sliceOf(input), output));
  CHECK(output.size() <= snappyRoom(input.size()));
  return output;
}

void checkRound(const std::vector<uint8_t>& input) {
  const Buffer encoded = encode(input);
  Buffer decoded;
  CHECK_OK(unsnappy(encoded.slice(), decoded));
  CHECK_EQ(decoded.slice(), sliceOf(input));
}

/** What decoding comes to, in a line. */
std::string outcome(const std::vector<uint8_t>& input) {
  Buffer output;
  const Status status = unsnappy(sliceOf(input), output);
  if (!status.ok()) return status.detail().text + "@" + std::to_string(status.detail().offset);
  char text[9];
  std::snprintf(text, sizeof text, "%x", crc32c(output.slice()));
  return text;
}

/** The numbers stand in test/plane/snappy.test.ts as well; they change only with the format. */
void twin() {
  uint32_t written = 0;
  uint32_t verdicts = 0;
  for (uint32_t seed = 1; seed <= 200; seed++) {
    Numbers next(seed);
    const Buffer encoded = encode(mixture(next));
    written = crc32c(encoded.slice(), written);
    for (int i = 0; i < 20; i++) {
      const size_t size = next(3) == 0 ? next(encoded.size()) : encoded.size();
      std::vector<uint8_t> damaged(encoded.data(), encoded.data() + size);
      const size_t place = next(2) == 0 ? size : std::min<size_t>(size, 12);
      if (place > 0) {
        const size_t at = next(place);
        damaged[at] = next.byte();
      }
      const std::string text = outcome(damaged);
      verdicts = crc32c(Slice(text.data(), text.size()), verdicts);
    }
  }
  CHECK_EQ(written, 0xc4030d2au);
  CHECK_EQ(verdicts, 0x12b0ff6eu);
}

void shortLengths() {
  Numbers next(2);
  for (size_t length = 0; length < 300; length++)
    for (const size_t letters : {1, 2, 3, 256}) {
      std::vector<uint8_t> input(length);
      for (uint8_t& each : input) each = next.byte(letters);
      checkRound(input);
    }
}

void fragments() {
  for (const size_t length : {65535, 65536, 65537, 65540, 131072, 200'000})
    checkRound(std::vector<uint8_t>(length));
  for (uint32_t seed = 1000; seed < 1300; seed++) {
    Numbers next(seed);
    checkRound(mixture(next));
  }
}

/** The output is appended to what the buffer holds, and memory of an earlier result used again. */
void buffers() {
  Buffer output;
  CHECK(output.append(Slice("head", 4)));
  CHECK_OK(snappy(Slice("aaaaa", 5), output));
  CHECK_EQ(output.slice(), Slice("head\x05\x00\x61\x01\x01", 9));
  Buffer decoded;
  CHECK(decoded.resize(1000));
  CHECK_OK(unsnappy(output.slice().from(4), decoded));
  CHECK_EQ(decoded.slice(), Slice("aaaaa", 5));
}

}  // namespace

int main() {
  twin();
  shortLengths();
  fragments();
  buffers();
  return checkResult();
}
