// Random sources with their model: memtables and tables of small keys in many versions.
//
// Sequences rise from the oldest run to the newest, as a store's do. The model is every entry of
// every source, in the order of internal keys.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "check.h"
#include "format/key.h"
#include "format/names.h"
#include "scratch.h"
#include "table/files.h"
#include "table/reader.h"
#include "table/writer.h"
#include "view/scan.h"
#include "view/view.h"

namespace cairn {

struct Random {
  uint64_t state;
  uint32_t below(uint32_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state >> 33) % limit;
  }
};

inline Slice sliceOf(const std::string& text) { return {text.data(), text.size()}; }
inline std::string textOf(Slice bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

struct ModelEntry {
  std::string key;
  uint64_t trailer;
  std::string value;
};
using ModelEntries = std::vector<ModelEntry>;
/** What a reader at a sequence sees. */
using Seen = std::map<std::string, std::string>;

inline bool entryBefore(const ModelEntry& a, const ModelEntry& b) {
  return a.key != b.key ? a.key < b.key : a.trailer > b.trailer;
}

/** Tables in a directory of a test's own. */
class ScratchTables {
 public:
  explicit ScratchTables(uint64_t cacheBytes = 1 << 20) {
    CHECK_OK(Directory::open(place_.path(), directory));
    files = makeRef<TableFiles>(directory, cacheBytes, size_t{100});
  }

  Ref<Table> table(const ModelEntries& entries, const TableOptions& options) {
    const uint64_t number = nextNumber++;
    Ref<File> file;
    TableMeta meta;
    CHECK_OK(directory->createFile(tableName(number), file));
    TableWriter writer(file, number, options);
    for (const ModelEntry& each : entries)
      CHECK_OK(writer.add(sliceOf(each.key), each.trailer, sliceOf(each.value)));
    CHECK_OK(writer.finish(meta));
    return Table::make(files, meta);
  }

  Ref<Directory> directory;
  Ref<TableFiles> files;
  uint64_t nextNumber = 1;

 private:
  Scratch place_;
};

/** Damages a byte of a table that is not open. */
inline void flipByte(const ScratchTables& scratch, uint64_t number, uint64_t offset) {
  const std::string name = tableName(number);
  Ref<File> file;
  uint64_t size = 0;
  size_t got = 0;
  CHECK_OK(scratch.directory->openFile(name, file));
  CHECK_OK(file->size(size));
  std::vector<uint8_t> bytes(size);
  CHECK_OK(file->read(bytes.data(), size, 0, got));
  bytes[offset] ^= 0x10;
  CHECK_OK(scratch.directory->removeFile(name));
  CHECK_OK(scratch.directory->createFile(name, file));
  CHECK_OK(file->write({bytes.data(), size}, 0));
}

inline void putLength(std::string& batch, size_t length) {
  uint8_t bytes[VARINT64_MAX_BYTES];
  const uint8_t* end = putVarint(bytes, length);
  batch.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
}

/** A batch of entries whose sequences follow one another. */
inline std::string batchOf(const ModelEntries& entries) {
  uint8_t header[BATCH_HEADER_BYTES];
  putFixed64(header, trailerSequence(entries[0].trailer));
  putFixed32(header + BATCH_COUNT_OFFSET, static_cast<uint32_t>(entries.size()));
  std::string batch(reinterpret_cast<const char*>(header), sizeof header);
  for (const ModelEntry& each : entries) {
    batch.push_back(static_cast<char>(trailerType(each.trailer)));
    putLength(batch, each.key.size());
    batch += each.key;
    if (trailerType(each.trailer) != KEY_TYPE_VALUE) continue;
    putLength(batch, each.value.size());
    batch += each.value;
  }
  return batch;
}

inline void applyTo(Memtable& memtable, const ModelEntries& entries) {
  const std::string batch = batchOf(entries);
  uint64_t next = 0;
  CHECK_OK(memtable.apply(sliceOf(batch), 0, 1 << 30, next));
  CHECK_EQ(next, entries.size());
}

inline std::string randomKey(Random& random) {
  static const char LETTERS[] = {'a', 'b', '\0', '\xff', 'c'};
  std::string key = random.below(3) == 0 ? "" : "shared/";
  for (uint32_t i = random.below(4); i > 0; i--) key.push_back(LETTERS[random.below(5)]);
  return key;
}

inline TableOptions randomOptions(Random& random) {
  static const uint64_t SIZES[] = {64, 300, 4096};
  static const uint32_t INTERVALS[] = {1, 2, 16};
  static const uint32_t BITS[] = {0, 1, 10};
  return {SIZES[random.below(3)], INTERVALS[random.below(3)], random.below(2) == 0,
          BITS[random.below(3)]};
}

/** Sources with sequences 1 to `last`, and all of their entries. */
struct Sources {
  std::vector<Run> runs;
  ModelEntries entries;
  uint64_t last = 0;
};

inline ModelEntries randomWrites(Random& random, uint32_t count, uint64_t& last) {
  ModelEntries entries;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t type = random.below(4) == 0 ? KEY_TYPE_DELETION : KEY_TYPE_VALUE;
    std::string value;
    if (type == KEY_TYPE_VALUE)
      value = std::to_string(++last) + std::string(random.below(60), 'v');
    else
      last++;
    entries.push_back({randomKey(random), trailerOf(last, type), value});
  }
  return entries;
}

/** Oldest first: a run of disjoint tables, some single tables, some memtables. */
inline Sources randomSources(ScratchTables& scratch, Random& random, uint32_t writes) {
  Sources sources;
  const auto add = [&](const ModelEntries& written, Run run) {
    sources.entries.insert(sources.entries.end(), written.begin(), written.end());
    sources.runs.insert(sources.runs.begin(), std::move(run));
  };
  ModelEntries level = randomWrites(random, writes, sources.last);
  std::sort(level.begin(), level.end(), entryBefore);
  Run tables;
  for (size_t from = 0; from < level.size();) {
    const size_t to = std::min(level.size(), from + 1 + random.below(writes / 2 + 1));
    const ModelEntries part(level.begin() + static_cast<ptrdiff_t>(from),
                            level.begin() + static_cast<ptrdiff_t>(to));
    tables.push_back({nullptr, scratch.table(part, randomOptions(random))});
    from = to;
  }
  add(level, std::move(tables));
  for (uint32_t i = random.below(3); i > 0; i--) {
    ModelEntries written = randomWrites(random, 1 + random.below(writes), sources.last);
    std::sort(written.begin(), written.end(), entryBefore);
    add(written, {{nullptr, scratch.table(written, randomOptions(random))}});
  }
  for (uint32_t i = random.below(3); i > 0; i--) {
    const ModelEntries written = randomWrites(random, 1 + random.below(writes), sources.last);
    Ref<Memtable> memtable = makeRef<Memtable>();
    applyTo(*memtable, written);
    add(written, {{memtable, nullptr}});
  }
  sources.runs.push_back({});
  std::sort(sources.entries.begin(), sources.entries.end(), entryBefore);
  return sources;
}

/** The newest version of each key at a sequence; deletions left out. */
inline Seen seenAt(const ModelEntries& entries, uint64_t at) {
  Seen seen;
  const std::string* decided = nullptr;
  for (const ModelEntry& each : entries) {
    if (trailerSequence(each.trailer) > at) continue;
    if (decided != nullptr && *decided == each.key) continue;
    decided = &each.key;
    if (trailerType(each.trailer) == KEY_TYPE_VALUE) seen[each.key] = each.value;
  }
  return seen;
}

/** Reads what a scan misses, as workers would. */
inline Status load(Scan& scan) {
  std::vector<std::unique_ptr<Load>> loads = scan.plan();
  for (const std::unique_ptr<Load>& each : loads) each->read();
  return scan.absorb(loads);
}

}  // namespace cairn
