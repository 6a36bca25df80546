// Bloom filters: the vectors of LevelDB, and the bytes and the answers of the TypeScript twin.
#include <algorithm>
#include <vector>

#include "check.h"
#include "checksum/crc32c.h"
#include "numbers.h"
#include "table/filter.h"

using namespace cairn;

namespace {

void hashes() {
  CHECK_EQ(filterHash(Slice()), 0xbc9f1d34u);
  CHECK_EQ(filterHash(Slice("\x62", 1)), 0xef1345c4u);
  CHECK_EQ(filterHash(Slice("\xc3\x97", 2)), 0x5b663814u);
  CHECK_EQ(filterHash(Slice("\xe2\x99\xa5", 3)), 0x323c078fu);
  CHECK_EQ(filterHash(Slice("\xe1\x80\xb9\x32", 4)), 0xed21633au);
}

void specimen() {
  FilterBlockWriter writer(10);
  const Slice names[] = {{"apple", 5}, {"apricot", 7}, {"banana", 6}, {"cherry", 6}};
  for (const Slice name : names) writer.addKey(name);
  CHECK_OK(writer.startBlock(94));
  Slice contents;
  CHECK_OK(writer.finish(contents));
  CHECK_EQ(contents, Slice("\x42\x45\x00\x0c\xa0\x02\xd0\x0f\x06\0\0\0\0\x09\0\0\0\x0b", 18));
  const FilterBlock block(contents);
  for (const Slice name : names) CHECK(block.mayContain(0, name));
  CHECK(!block.mayContain(0, Slice("grape", 5)));
  CHECK(block.mayContain(2048, Slice("grape", 5)));
}

void nonsense() {
  for (const Slice contents : {Slice(), Slice("\0\0\0\x0b", 4), Slice("\x01\0\0\0\x0b", 5),
                               Slice("\0\0\0\0\x20", 5), Slice("\xff\xff\xff\xff\x0b", 5)})
    CHECK(FilterBlock(contents).mayContain(0, Slice("key", 3)));
  CHECK(FilterBlock().mayContain(0, Slice("key", 3)));
}

/** As `someFilters` in test/plane/filter.test.ts. */
std::vector<uint8_t> someFilters(Numbers& next) {
  constexpr uint32_t BITS[] = {1, 2, 10, 16, 60};
  constexpr size_t SIZES[] = {500, 3000, 20'000};
  FilterBlockWriter writer(BITS[next(5)]);
  uint64_t offset = 0;
  for (size_t blocks = next(20); blocks > 0; blocks--) {
    for (size_t keys = next(100); keys > 0; keys--) {
      std::vector<uint8_t> key(next(40));
      for (uint8_t& each : key) each = next.byte();
      writer.addKey(Slice(key.data(), key.size()));
    }
    offset += next(SIZES[next(3)]);
    CHECK_OK(writer.startBlock(offset));
  }
  Slice contents;
  CHECK_OK(writer.finish(contents));
  return {contents.data, contents.end()};
}

/** The numbers stand in test/plane/filter.test.ts as well; they change only with the format. */
void twin() {
  uint32_t written = 0;
  uint32_t answers = 0;
  for (uint32_t seed = 1; seed <= 300; seed++) {
    Numbers next(seed);
    const std::vector<uint8_t> bytes = someFilters(next);
    written = crc32c(Slice(bytes.data(), bytes.size()), written);
    for (int i = 0; i < 20; i++) {
      const size_t size = next(3) == 0 ? next(bytes.size()) : bytes.size();
      std::vector<uint8_t> damaged(bytes.data(), bytes.data() + size);
      const size_t place = next(2) == 0 ? size : std::min<size_t>(size, 12);
      if (place > 0) {
        const size_t at = size - 1 - next(place);
        damaged[at] = next.byte();
      }
      const FilterBlock block(Slice(damaged.data(), size));
      uint8_t told[50];
      for (uint8_t& each : told) {
        std::vector<uint8_t> key(next(3));
        for (uint8_t& byte : key) byte = next.byte();
        each = block.mayContain(next(100'000), Slice(key.data(), key.size())) ? 1 : 0;
      }
      answers = crc32c(Slice(told, sizeof told), answers);
    }
  }
  CHECK_EQ(written, 0x3ad8030eu);
  CHECK_EQ(answers, 0x90a0aa2cu);
}

}  // namespace

int main() {
  hashes();
  specimen();
  nonsense();
  twin();
  return checkResult();
}
