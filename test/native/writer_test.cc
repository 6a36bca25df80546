// TableWriter: the same bytes as the TypeScript twin, by sizes and checksums of what that wrote for
// the same entries; and what a caller must not do.
#include "table/writer.h"

#include "check.h"
#include "checksum/crc32c.h"
#include "format/key.h"
#include "numbers.h"
#include "scratch.h"

using namespace cairn;

namespace {

struct Vector {
  uint32_t seed;
  uint32_t entries;
  uint32_t valueMax;
  TableOptions options;
  uint64_t sizeBytes;
  uint32_t crc;
};

const Vector VECTORS[] = {
    {1, 2000, 60, {4096, 16, false, 10}, 79232, 0xec7b383b},
    {2, 2000, 60, {4096, 16, true, 10}, 53183, 0x96bdede3},
    {3, 3000, 300, {512, 4, true, 0}, 317912, 0xcea67e11},
    {4, 400, 9000, {1024, 1, true, 1}, 758649, 0x63f5fd6c},
    {5, 1, 10, {4096, 16, true, 10}, 228, 0xf282c954},
    {6, 5000, 20, {65536, 16, false, 30}, 133755, 0x4a875147},
    {7, 60, 150000, {4096, 16, true, 10}, 1204796, 0xcd933d3a},
    {8, 700, 40, {64, 2, false, 64}, 46730, 0x5c61b303},
    {9, 20000, 8, {1048576, 128, true, 10}, 230663, 0x47ff59a0},
};

Slice slice(const std::string& text) { return {text.data(), text.size()}; }

std::string readAll(const File& file) {
  uint64_t size = 0;
  CHECK_OK(file.size(size));
  std::string bytes(size, '\0');
  size_t got = 0;
  CHECK_OK(file.read(reinterpret_cast<uint8_t*>(bytes.data()), size, 0, got));
  CHECK_EQ(got, size);
  return bytes;
}

/** User keys of shared prefixes, several versions of some, deletions among them. */
Status fill(TableWriter& writer, const Vector& vector, bool flushes) {
  Numbers random(vector.seed);
  size_t number = 0;
  uint32_t version = 0;
  for (uint32_t i = 0; i < vector.entries; i++) {
    if (version > 0) {
      version--;
    } else {
      number += 1 + random(3000);
      version = random(8) == 0 ? 3 : 0;
    }
    std::string key = std::to_string(number);
    key.insert(0, 10 - key.size(), '0');
    key.insert(0, "user");
    const uint8_t type = random(5) == 0 ? KEY_TYPE_DELETION : KEY_TYPE_VALUE;
    std::string value(type == KEY_TYPE_VALUE ? random(vector.valueMax + 1) : 0, '\0');
    const size_t noise = random(3);
    for (size_t j = 0; j < value.size(); j++)
      value[j] = static_cast<char>(noise == 0 ? random(256) : i * 31 + j / 8);
    const uint64_t sequence = (uint64_t{number % 3} << 40) + 1000 + version;
    CAIRN_TRY(writer.add(slice(key), trailerOf(sequence, type), slice(value)));
    if (flushes && i % 50 == 7) CAIRN_TRY(writer.flush());
  }
  return {};
}

void sameAsTwin(const Directory& directory) {
  for (const Vector& vector : VECTORS)
    for (const bool flushes : {false, true}) {
      Ref<File> file;
      if (!CHECK_OK(directory.createFile("000007.ldb", file))) return;
      TableWriter writer(file, 7, vector.options);
      CHECK_OK(fill(writer, vector, flushes));
      CHECK_EQ(writer.entries(), vector.entries);
      TableMeta meta;
      CHECK_OK(writer.finish(meta));
      const std::string bytes = readAll(*file);
      CHECK_EQ(bytes.size(), vector.sizeBytes);
      CHECK_EQ(crc32c(slice(bytes)), vector.crc);
      CHECK_EQ(meta.sizeBytes, bytes.size());
      CHECK_EQ(meta.number, 7);
      CHECK(meta.hasProperties);
      CHECK_EQ(meta.properties.entries, vector.entries);
      CHECK(compareInternalKeys(meta.smallestKey(), meta.largestKey()) <= 0);
      CHECK_OK(directory.removeFile("000007.ldb"));
    }
}

void refusals(const Directory& directory) {
  Ref<File> file;
  if (!CHECK_OK(directory.createFile("000008.ldb", file))) return;
  TableWriter writer(file, 8, {4096, 16, false, 10});
  TableMeta meta;
  CHECK(writer.finish(meta).kind() == Status::Kind::RANGE);
  CHECK_OK(writer.add(slice("b"), trailerOf(5, KEY_TYPE_VALUE), slice("1")));
  const Status same = writer.add(slice("b"), trailerOf(5, KEY_TYPE_VALUE), slice("1"));
  CHECK(same.kind() == Status::Kind::RANGE);
  CHECK_EQ(same.detail().text, "table entries must come in the order of their internal keys");
  CHECK(writer.add(slice("b"), trailerOf(6, KEY_TYPE_VALUE), {}).kind() == Status::Kind::RANGE);
  CHECK(writer.add(slice("a"), trailerOf(4, KEY_TYPE_VALUE), {}).kind() == Status::Kind::RANGE);
  CHECK_OK(writer.add(slice("b"), trailerOf(4, KEY_TYPE_DELETION), {}));
  CHECK_EQ(writer.entries(), 2);
  CHECK_OK(writer.finish(meta));
  CHECK_EQ(meta.properties.deletions, 1);
  CHECK_EQ(meta.properties.smallestSequence, 4);
  CHECK_EQ(meta.properties.largestSequence, 5);
  CHECK_OK(directory.removeFile("000008.ldb"));
}

}  // namespace

int main() {
  const Scratch scratch;
  Ref<Directory> directory;
  if (CHECK_OK(Directory::open(scratch.path(), directory))) {
    sameAsTwin(*directory);
    refusals(*directory);
  }
  return checkResult();
}
