// Views: find and scan over random memtables and tables answer as a map does.
#include "view/view.h"

#include "view/find.h"
#include "view/scan.h"
#include "view_fixture.h"

using namespace cairn;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

void checkHit(Found found, const TableHit& hit, const std::string& key, const Seen& seen) {
  const auto at = seen.find(key);
  const bool isValue = found == Found::FOUND && trailerType(hit.trailer) == KEY_TYPE_VALUE;
  if (!CHECK_EQ(isValue, at != seen.end()) || !isValue) return;
  CHECK_EQ(hit.value, sliceOf(at->second));
}

void checkFinds(const Ref<View>& view, const Sources& sources, Random& random) {
  for (uint32_t i = 0; i < 40; i++) {
    const uint64_t at = random.below(static_cast<uint32_t>(sources.last) + 2);
    const Seen seen = seenAt(sources.entries, at);
    const std::string key = random.below(3) == 0
                                ? randomKey(random)
                                : sources.entries[random.below(static_cast<uint32_t>(
                                                      sources.entries.size()))].key;
    const bool fillCache = random.below(2) == 0;
    if (random.below(2) == 0) {
      ColdFind cold(view, sliceOf(key), at, fillCache);
      std::unique_ptr<Load> load = cold.step(nullptr);
      while (load != nullptr) {
        load->read();
        load = cold.step(load.get());
      }
      CHECK_OK(cold.failure);
      CHECK(cold.found != Found::COLD);
      checkHit(cold.found, cold.hit, key, seen);
    }
    TableHit hit;
    Status failure;
    const bool wait = random.below(2) == 0;
    Found found = find(*view, sliceOf(key), at, hit, wait, fillCache, failure);
    if (!wait && found == Found::COLD)
      found = find(*view, sliceOf(key), at, hit, true, fillCache, failure);
    CHECK_OK(failure);
    CHECK(found == Found::FOUND || found == Found::ABSENT);
    checkHit(found, hit, key, seen);
  }
}

/** One page after the other, each of a random size, until `most` entries or the end. */
void drain(Scan& scan, const ScanBounds& bounds, Random& random, size_t most, Pairs& pairs) {
  size_t room = 1 + random.below(200);
  while (pairs.size() < most) {
    std::vector<uint8_t> bytes(room);
    std::vector<uint32_t> ends(2 * (1 + random.below(8)));
    const uint64_t limit = std::min<uint64_t>(1 + random.below(20), most - pairs.size());
    Status failure;
    const int64_t count =
        scan.next(bytes.data(), room, ends.data(), ends.size(), limit, failure);
    if (!CHECK_OK(failure)) return;
    if (count == SCAN_COLD) {
      if (!CHECK_OK(load(scan))) return;
      continue;
    }
    if (count == SCAN_GROW) {
      if (!CHECK(scan.needed() > room)) return;
      room = scan.needed();
      continue;
    }
    if (count == 0) return;
    if (!CHECK(count > 0 && static_cast<uint64_t>(count) <= limit)) return;
    size_t start = 0;
    for (size_t i = 0; i < static_cast<size_t>(count); i++) {
      const Slice page{bytes.data(), room};
      const size_t keyEnd = ends[2 * i];
      const size_t end = ends[2 * i + 1];
      if (!bounds.keys) CHECK_EQ(keyEnd, start);
      if (!bounds.values) CHECK_EQ(end, keyEnd);
      pairs.push_back({textOf(page.part(start, keyEnd - start)),
                       textOf(page.part(keyEnd, end - keyEnd))});
      start = end;
    }
  }
}

ScanBounds randomBounds(Random& random) {
  ScanBounds bounds;
  if (random.below(2) == 0) bounds.lower = randomKey(random);
  if (random.below(2) == 0) bounds.upper = randomKey(random);
  bounds.lowerInclusive = random.below(2) == 0;
  bounds.upperInclusive = random.below(2) == 0;
  bounds.reverse = random.below(2) == 0;
  bounds.keys = random.below(4) != 0;
  bounds.values = random.below(4) != 0;
  bounds.fillCache = random.below(2) == 0;
  return bounds;
}

/** What a scan shows that begins at `target`, or at its bound. */
Pairs expected(const Seen& seen, const ScanBounds& bounds, const std::string* target) {
  Pairs pairs;
  for (const auto& [key, value] : seen) {
    if (bounds.lower && (bounds.lowerInclusive ? key < *bounds.lower : key <= *bounds.lower))
      continue;
    if (bounds.upper && (bounds.upperInclusive ? key > *bounds.upper : key >= *bounds.upper))
      continue;
    if (target != nullptr && (bounds.reverse ? key > *target : key < *target)) continue;
    pairs.push_back({bounds.keys ? key : "", bounds.values ? value : ""});
  }
  if (bounds.reverse) std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

bool samePairs(const Pairs& pairs, const Pairs& wanted) {
  if (!CHECK_EQ(pairs.size(), wanted.size())) return false;
  for (size_t i = 0; i < pairs.size(); i++)
    if (!CHECK_EQ(pairs[i].first, wanted[i].first) ||
        !CHECK_EQ(pairs[i].second, wanted[i].second))
      return false;
  return true;
}

void checkScans(const Ref<View>& view, Sources& sources, Random& random) {
  for (uint32_t i = 0; i < 20; i++) {
    const uint64_t at = random.below(static_cast<uint32_t>(sources.last) + 2);
    const Seen seen = seenAt(sources.entries, at);
    const ScanBounds bounds = randomBounds(random);
    Scan scan(view, bounds, at);
    Pairs pairs;
    Pairs wanted = expected(seen, bounds, nullptr);
    if (random.below(2) == 0) {
      drain(scan, bounds, random, random.below(10), pairs);
      if (pairs.size() < wanted.size()) wanted.resize(pairs.size());
      if (!samePairs(pairs, wanted)) return;
      // Loads of a place that the walk has left are taken in without harm.
      std::vector<std::unique_ptr<Load>> stale = scan.plan();
      for (const std::unique_ptr<Load>& each : stale) each->read();
      const std::string target = randomKey(random);
      scan.seek(sliceOf(target));
      CHECK_OK(scan.absorb(stale));
      pairs.clear();
      wanted = expected(seen, bounds, &target);
    }
    drain(scan, bounds, random, SIZE_MAX, pairs);
    if (!samePairs(pairs, wanted)) return;
    scan.close();
    drain(scan, bounds, random, SIZE_MAX, pairs);
    CHECK_EQ(pairs.size(), wanted.size());
  }
}

void randomViews(uint32_t rounds) {
  for (uint64_t seed = 1; seed <= rounds; seed++) {
    const int before = checkFailures;
    Random random{seed * 7919};
    ScratchTables scratch(random.below(2) == 0 ? 0 : 1 << 20);
    Sources sources = randomSources(scratch, random, 1 + random.below(120));
    Ref<View> view;
    if (!CHECK_OK(View::make(sources.runs, view))) return;
    CHECK_EQ(view->runs().size() + 1, sources.runs.size());
    checkFinds(view, sources, random);
    checkScans(view, sources, random);
    scratch.files->close();
    if (checkFailures > before) return (void)std::fprintf(stderr, "seed %d\n", int(seed));
  }
}

/** A scan goes on over a memtable that grows between two pages, and does not show what is newer. */
void growing() {
  Ref<Memtable> memtable = makeRef<Memtable>();
  for (uint64_t i = 0; i < 100; i++)
    applyTo(*memtable, {{std::to_string(100 + 2 * i), trailerOf(i + 1, KEY_TYPE_VALUE), "old"}});
  Ref<View> view;
  CHECK_OK(View::make({{{memtable, nullptr}}}, view));
  for (const bool reverse : {false, true}) {
    ScanBounds bounds;
    bounds.reverse = reverse;
    Scan scan(view, bounds, 100);
    Random random{5};
    Pairs pairs;
    for (uint64_t i = 0; i < 100; i++) {
      drain(scan, bounds, random, i + 1, pairs);
      const uint64_t sequence = memtable->entries() + 1;
      const std::string key = std::to_string(100 + random.below(200));
      applyTo(*memtable, {{key, trailerOf(sequence, KEY_TYPE_VALUE), "new"}});
    }
    if (!CHECK_EQ(pairs.size(), 100)) return;
    for (const auto& [key, value] : pairs) CHECK_EQ(value, "old");
  }
}

/** A long stretch of deletions answers COLD now and then, with nothing to load. */
void tired() {
  Ref<Memtable> memtable = makeRef<Memtable>();
  ModelEntries entries;
  for (uint64_t i = 0; i < 40000; i++)
    entries.push_back({std::to_string(100000 + i), trailerOf(i + 1, KEY_TYPE_DELETION), ""});
  applyTo(*memtable, entries);
  Ref<View> view;
  CHECK_OK(View::make({{{memtable, nullptr}}}, view));
  for (const bool reverse : {false, true}) {
    ScanBounds bounds;
    bounds.reverse = reverse;
    Scan scan(view, bounds, 100000);
    uint8_t bytes[100];
    uint32_t ends[8];
    Status failure;
    for (int i = 0; i < 2; i++) {
      CHECK_EQ(scan.next(bytes, sizeof bytes, ends, 8, 4, failure), SCAN_COLD);
      CHECK(scan.tired());
      CHECK(scan.plan().empty());
    }
    CHECK_EQ(scan.next(bytes, sizeof bytes, ends, 8, 4, failure), 0);
    CHECK(!scan.tired());
    CHECK_EQ(scan.next(bytes, sizeof bytes, ends, 1, 4, failure), SCAN_FAILED);
    CHECK(failure.kind() == Status::Kind::RANGE);
  }
}

/** Damage is told by `absorb`, each time, and what lies elsewhere is still found. */
void damaged() {
  ScratchTables scratch;
  ModelEntries entries;
  for (uint64_t i = 0; i < 1000; i++)
    entries.push_back({std::to_string(1000 + i), trailerOf(i + 1, KEY_TYPE_VALUE), "value"});
  const Ref<Table> table = scratch.table(entries, {300, 16, false, 10});
  flipByte(scratch, table->meta().number, table->meta().sizeBytes / 4);
  Ref<View> view;
  CHECK_OK(View::make({{{nullptr, table}}}, view));
  Scan scan(view, {}, 1000);
  std::vector<uint8_t> bytes(100000);
  std::vector<uint32_t> ends(4000);
  Status failure;
  size_t shown = 0;
  for (int refusals = 0; refusals < 2;) {
    const int64_t count =
        scan.next(bytes.data(), bytes.size(), ends.data(), ends.size(), 2000, failure);
    if (!CHECK_OK(failure) || !CHECK(count != 0)) return;
    if (count > 0) shown += static_cast<size_t>(count);
    if (count != SCAN_COLD) continue;
    const Status status = load(scan);
    if (status.ok()) continue;
    CHECK(status.isCorruption());
    CHECK_EQ(status.detail().file, tableName(table->meta().number));
    refusals++;
  }
  CHECK(shown > 0 && shown < 500);
  TableHit hit;
  CHECK(find(*view, sliceOf(entries[999].key), 1000, hit, true, true, failure) == Found::FOUND);
  bool failed = false;
  for (const ModelEntry& each : entries) {
    Status status;
    if (find(*view, sliceOf(each.key), 1000, hit, true, true, status) == Found::FAILED)
      failed = CHECK(status.isCorruption());
  }
  CHECK(failed);
  scratch.files->close();
}

void refusals() {
  ScratchTables scratch;
  const Ref<Table> table =
      scratch.table({{"a", trailerOf(1, KEY_TYPE_VALUE), ""}}, {4096, 16, false, 10});
  Ref<View> view;
  const Status mixed = View::make({{{makeRef<Memtable>(), nullptr}, {nullptr, table}}}, view);
  CHECK(mixed.kind() == Status::Kind::TYPE);
  CHECK_EQ(mixed.detail().text, "a run with a memtable holds nothing else");
  CHECK_OK(View::make({}, view));
  TableHit hit;
  Status failure;
  CHECK(find(*view, sliceOf("a"), 9, hit, true, true, failure) == Found::ABSENT);
  scratch.files->close();
}

}  // namespace

int main() {
  randomViews(60);
  growing();
  tired();
  damaged();
  refusals();
  return checkResult();
}
