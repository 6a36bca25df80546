// Tables, read: look-ups, walks and streams against a sorted map, cold and cached; damage.
//
// Runs in the project's root, where the specimen that LevelDB wrote lies.
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "format/names.h"
#include "numbers.h"
#include "os/file.h"
#include "scratch.h"
#include "table/reader.h"
#include "table/writer.h"

using namespace cairn;

namespace {

constexpr const char* SPECIMEN = "test/data/leveldb-files/cpp-sst-bloom/000005.ldb";

struct InOrder {
  using Key = std::pair<std::string, uint64_t>;
  bool operator()(const Key& a, const Key& b) const {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  }
};
/** Values by user key and trailer, in the order of internal keys. */
using Model = std::map<InOrder::Key, std::string, InOrder>;

Slice slice(const std::string& text) { return {text.data(), text.size()}; }
std::string text(Slice bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

/** Few bytes, so that keys share prefixes and are prefixes. */
std::string randomKey(Numbers& numbers) {
  static constexpr char ALPHABET[] = {'\0', '\1', 'a', 'b', '\xfe', '\xff'};
  std::string key;
  for (uint64_t size = numbers(13); size > 0; size--) key += ALPHABET[numbers(6)];
  return key;
}

Model randomModel(Numbers& numbers, size_t count) {
  Model model;
  while (model.size() < count) {
    const std::string key = randomKey(numbers);
    uint64_t sequence = uint64_t{numbers(1 << 24)} << 16;
    for (uint64_t versions = numbers(5) == 0 ? numbers(30) : 1; versions > 0;
         versions--, sequence += 1 + numbers(300)) {
      const bool deleted = numbers(5) == 0;
      const std::string value(deleted ? 0 : numbers(80), static_cast<char>(sequence));
      model[{key, trailerOf(sequence, deleted ? KEY_TYPE_DELETION : KEY_TYPE_VALUE)}] = value;
    }
  }
  return model;
}

TableMeta writeTable(const Directory& directory, uint64_t number, const Model& model,
                     const TableOptions& options) {
  Ref<File> file;
  TableMeta meta;
  CHECK_OK(directory.createFile(tableName(number), file));
  TableWriter writer(file, number, options);
  for (const auto& [key, value] : model)
    CHECK_OK(writer.add(slice(key.first), key.second, slice(value)));
  CHECK_OK(writer.finish(meta));
  return meta;
}

/** Makes a move, with the loads that it takes. */
template <class Make>
Status moved(EntryCursor& cursor, const Make& move) {
  for (int loads = 0; loads < 10; loads++) {
    const Move made = move();
    if (made == Move::DONE) return {};
    if (made == Move::FAILED) return cursor.failure;
    const std::unique_ptr<Load> load = cursor.plan();
    load->read();
    CAIRN_TRY(cursor.absorb(*load));
  }
  return Status::type("a move does not get on");
}

bool standsAt(const EntryCursor& cursor, const Model& model, Model::const_iterator place) {
  if (place == model.end()) return !cursor.valid;
  return cursor.valid && text(cursor.key) == place->first.first &&
         cursor.trailer == place->first.second && text(cursor.value) == place->second;
}

/** Walks from the cursor's place on, and says whether that meets the whole of the model. */
bool walksForward(EntryCursor& cursor, const Model& model) {
  Status status = moved(cursor, [&] { return cursor.first(); });
  for (auto place = model.begin(); place != model.end(); ++place) {
    if (!status.ok() || !standsAt(cursor, model, place)) return false;
    status = moved(cursor, [&] { return cursor.next(); });
  }
  return status.ok() && !cursor.valid;
}

bool walksBackward(EntryCursor& cursor, const Model& model) {
  Status status = moved(cursor, [&] { return cursor.last(); });
  for (auto place = model.rbegin(); place != model.rend(); ++place) {
    if (!status.ok() || !standsAt(cursor, model, std::prev(place.base()))) return false;
    status = moved(cursor, [&] { return cursor.previous(); });
  }
  return status.ok() && !cursor.valid;
}

/** Looks a key up as a caller may: at once, or through a load where that is cold. */
Found find(Table& table, Slice key, uint64_t trailer, bool wait, TableHit& hit) {
  Status failure;
  const Found found = table.find(key, trailer, hit, wait, true, failure);
  if (found != Found::COLD) return found;
  const std::unique_ptr<Load> load = table.planFind(key, trailer);
  load->read();
  return table.absorbFind(*load, key, trailer, hit, true, failure);
}

void checkFinds(Table& table, const Model& model, Numbers& numbers) {
  for (int i = 0; i < 200; i++) {
    auto near = model.begin();
    std::advance(near, numbers(model.size()));
    const bool known = numbers(2) == 0;
    const std::string key = known ? near->first.first : randomKey(numbers);
    const uint64_t trailer =
        known ? near->first.second + numbers(3) * 128 : trailerAt(KEY_SEQUENCE_MAX);
    const auto place = model.lower_bound({key, trailer});
    const bool there = place != model.end() && place->first.first == key;
    TableHit hit;
    const Found found = find(table, slice(key), trailer, numbers(2) == 0, hit);
    if (!CHECK_EQ(found, there ? Found::FOUND : Found::ABSENT) || !there) continue;
    CHECK_EQ(hit.trailer, place->first.second);
    CHECK_EQ(hit.value, slice(place->second));
  }
}

/** Random moves of one cursor, each compared with an iterator of the model. */
void checkMoves(Table& table, const Model& model, Numbers& numbers) {
  const std::unique_ptr<EntryCursor> cursor = table.cursor(numbers(2) == 0);
  auto place = model.end();
  for (int i = 0; i < 400; i++) {
    const uint64_t kind = numbers(8);
    if (kind < 2 || place == model.end()) {
      const std::string key = randomKey(numbers);
      const uint64_t trailer = trailerAt(uint64_t{numbers(1 << 24)} << 17);
      place = model.lower_bound({key, trailer});
      if (kind % 2 == 0) {
        CHECK_OK(moved(*cursor, [&] { return cursor->seek(slice(key), trailer); }));
      } else {
        place = place == model.begin() ? model.end() : std::prev(place);
        CHECK_OK(moved(*cursor, [&] { return cursor->seekBefore(slice(key), trailer); }));
      }
    } else if (kind < 5) {
      ++place;
      CHECK_OK(moved(*cursor, [&] { return cursor->next(); }));
    } else {
      place = place == model.begin() ? model.end() : std::prev(place);
      CHECK_OK(moved(*cursor, [&] { return cursor->previous(); }));
    }
    if (!CHECK(standsAt(*cursor, model, place))) return;
  }
}

void testAgainstModel(uint32_t seed) {
  Numbers numbers(seed);
  Scratch scratch;
  Ref<Directory> directory;
  CHECK_OK(Directory::open(scratch.path(), directory));
  const Model model = randomModel(numbers, size_t{1} << numbers(12));
  TableOptions options;
  options.blockSizeBytes = uint64_t{64} << numbers(7);
  options.restartInterval = numbers(2) == 0 ? 16 : 1 + static_cast<uint32_t>(numbers(3));
  options.compression = numbers(2) == 0;
  options.filterBits = numbers(2) == 0 ? 10 : 0;
  const TableMeta meta = writeTable(*directory, 5, model, options);
  for (const uint64_t cacheBytes : {uint64_t{0}, uint64_t{4000}, uint64_t{1} << 20}) {
    const Ref<TableFiles> files = makeRef<TableFiles>(directory, cacheBytes, size_t{10});
    const Ref<Table> table = Table::make(files, meta);
    CHECK(walksForward(*table->cursor(true), model));
    CHECK(walksBackward(*table->cursor(cacheBytes == 0), model));
    const std::unique_ptr<TableStream> stream = table->stream(nullptr);
    CHECK(walksForward(*stream, model));
    CHECK(stream->bytesRead() > 0);
    checkFinds(*table, model, numbers);
    checkMoves(*table, model, numbers);
    CHECK(files->cachedBlockBytes() <= cacheBytes);
    CHECK_EQ(files->openTables(), 1);
    TableVerdict verdict;
    CHECK_OK(table->verify(verdict));
    CHECK_EQ(verdict.entries, model.size());
    for (const TableDamage& damage : verdict.damage) CHECK_EQ(damage.reason, "");
    table->close();
    CHECK_EQ(files->openTables(), 0);
    CHECK_EQ(files->cachedBlockBytes(), 0);
  }
  if (checkFailures > 0) std::fprintf(stderr, "seed %u\n", seed);
}

std::string contentsOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void putFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class Counter : public DamageSink {
 public:
  void damage(TableDamage) override { told++; }
  int told = 0;
};

/** Whether every entry that the cursor gives is one of the model's, in order. */
bool tellsNoLie(EntryCursor& cursor, const Model& model, bool backward) {
  size_t seen = 0;
  Status status = moved(cursor, [&] { return backward ? cursor.last() : cursor.first(); });
  for (; status.ok() && cursor.valid && seen <= model.size(); seen++) {
    const auto place = model.find({text(cursor.key), cursor.trailer});
    if (place == model.end() || place->second != text(cursor.value)) return false;
    status = moved(cursor, [&] { return backward ? cursor.previous() : cursor.next(); });
  }
  return status.ok() ? seen == model.size() : status.kind() != Status::Kind::IO;
}

void checkDamaged(const Ref<Directory>& directory, const TableMeta& meta, const Model& model) {
  const Ref<Table> table =
      Table::make(makeRef<TableFiles>(directory, uint64_t{1} << 20, size_t{10}), meta);
  CHECK(tellsNoLie(*table->cursor(true), model, false));
  CHECK(tellsNoLie(*table->cursor(false), model, true));
  CHECK(tellsNoLie(*table->stream(nullptr), model, false));
  for (const auto& [key, value] : model) {
    TableHit hit;
    const Found found = find(*table, slice(key.first), key.second, false, hit);
    CHECK(found == Found::FAILED || (found == Found::FOUND && text(hit.value) == value));
  }
  Counter counter;
  const std::unique_ptr<TableStream> stream = table->stream(&counter);
  Status status = moved(*stream, [&] { return stream->first(); });
  while (status.ok() && stream->valid) status = moved(*stream, [&] { return stream->next(); });
  TableVerdict verdict;
  CHECK_OK(table->verify(verdict));
  CHECK(!verdict.damage.empty());
}

void testDamage() {
  Numbers numbers(7);
  Scratch scratch;
  Ref<Directory> directory;
  CHECK_OK(Directory::open(scratch.path(), directory));
  Model model = randomModel(numbers, 40);
  TableOptions options{128, 3, true, 10};
  TableMeta meta = writeTable(*directory, 5, model, options);
  const std::string path = scratch / tableName(5);
  const std::string whole = contentsOf(path);
  for (size_t at = 0; at < whole.size(); at++) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    putFile(path, damaged);
    checkDamaged(directory, meta, model);
  }
  for (size_t size = 0; size < whole.size(); size += 7) {
    putFile(path, whole.substr(0, size));
    checkDamaged(directory, meta, model);
    TableMeta shorter = meta;
    shorter.sizeBytes = size;
    checkDamaged(directory, shorter, model);
  }
  CHECK_OK(directory->removeFile(tableName(5)));
  checkDamaged(directory, meta, model);
}

/** What happens to a file that is cut, replaced or closed while it is in use. */
void testLife() {
  Numbers numbers(9);
  Scratch scratch;
  Ref<Directory> directory;
  CHECK_OK(Directory::open(scratch.path(), directory));
  const Model model = randomModel(numbers, 3000);
  const TableMeta meta = writeTable(*directory, 5, model, {256, 16, false, 10});
  const TableMeta other = writeTable(*directory, 6, randomModel(numbers, 10), {256, 16, false, 0});
  const Ref<TableFiles> files = makeRef<TableFiles>(directory, uint64_t{0}, size_t{1});
  const Ref<Table> table = Table::make(files, meta);
  const Ref<Table> second = Table::make(files, other);
  const std::unique_ptr<EntryCursor> cursor = table->cursor(true);
  CHECK_OK(moved(*cursor, [&] { return cursor->first(); }));
  // Another table takes its place, and it is opened again.
  TableHit hit;
  CHECK(find(*second, slice(""), trailerAt(0), true, hit) != Found::FAILED);
  CHECK_EQ(files->openTables(), 1);
  CHECK_OK(moved(*cursor, [&] { return cursor->last(); }));
  CHECK(standsAt(*cursor, model, std::prev(model.end())));
  CHECK_OK(moved(*cursor, [&] { return cursor->first(); }));
  std::filesystem::resize_file(scratch / tableName(5), meta.sizeBytes / 2);
  const Status cut = moved(*cursor, [&] { return cursor->last(); });
  CHECK(cut.isCorruption());
  if (!cut.ok()) CHECK_EQ(cut.detail().text, "ends early");
  std::filesystem::copy_file(scratch / tableName(6), scratch / tableName(5),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(!moved(*cursor, [&] { return cursor->last(); }).ok());
  files->close();
  const std::unique_ptr<EntryCursor> late = second->cursor(true);
  const Status closed = moved(*late, [&] { return late->first(); });
  CHECK_EQ(closed.kind(), Status::Kind::STORE);
  if (!closed.ok()) CHECK_EQ(closed.detail().code, Code::NOT_OPEN);
  second->close();
  TableVerdict verdict;
  CHECK(!second->verify(verdict).ok());
  CHECK_EQ(second->stream(nullptr)->first(), Move::FAILED);
}

/** A table of LevelDB, under the name that old ones have. */
void testSpecimen() {
  Scratch scratch;
  Ref<Directory> directory;
  CHECK_OK(Directory::open(scratch.path(), directory));
  const std::string bytes = contentsOf(SPECIMEN);
  if (!CHECK(!bytes.empty())) return;
  putFile(scratch / tableName(5, "sst"), bytes);
  TableMeta meta;
  meta.number = 5;
  meta.sizeBytes = bytes.size();
  const Ref<Table> table =
      Table::make(makeRef<TableFiles>(directory, uint64_t{1} << 20, size_t{10}), meta);
  const Model model{{{"apple", trailerOf(1, KEY_TYPE_VALUE)}, "red"},
                    {{"apricot", trailerOf(2, KEY_TYPE_VALUE)}, "orange"},
                    {{"banana", trailerOf(3, KEY_TYPE_VALUE)}, "yellow"},
                    {{"cherry", trailerOf(4, KEY_TYPE_DELETION)}, ""}};
  CHECK(walksForward(*table->cursor(true), model));
  TableVerdict verdict;
  CHECK_OK(table->verify(verdict));
  CHECK_EQ(verdict.damage.size(), 0);
  const std::unique_ptr<Load> load = table->planOpen();
  load->read();
  bool hasProperties = true;
  TableProperties properties;
  CHECK_OK(table->absorbOpen(*load, hasProperties, properties));
  CHECK_EQ(hasProperties, false);
  uint64_t offset = 0;
  CHECK_OK(table->offsetOf(slice("a"), offset));
  CHECK_EQ(offset, 0);
  CHECK_OK(table->offsetOf(slice("z"), offset));
  CHECK(offset > 0 && offset < bytes.size());
}

}  // namespace

int main() {
  for (uint32_t seed = 1; seed <= 24; seed++) testAgainstModel(seed);
  testDamage();
  testLife();
  testSpecimen();
  return checkResult();
}
