// Merges of random sources write what a plain model of their rules keeps, in sound tables.
#include "view/merge.h"

#include <set>

#include "view_fixture.h"

using namespace cairn;

namespace {

class Events : public MergeEvents {
 public:
  void damage(TableDamage told) override { damages.push_back(std::move(told)); }
  void progress(uint64_t read, uint64_t written) override {
    CHECK(read >= bytesRead && written >= bytesWritten);
    bytesRead = read;
    bytesWritten = written;
    if (++times == cancelAt) cancelled = true;
  }

  std::vector<TableDamage> damages;
  uint64_t bytesRead = 0;
  uint64_t bytesWritten = 0;
  int times = 0;
  int cancelAt = 0;
  std::atomic<bool> cancelled{false};
};

Status run(const ScratchTables& scratch, MergeJob& job, Events& events,
           std::vector<TableMeta>& outputs) {
  CAIRN_TRY(checkJob(job));
  return merge(*scratch.directory, job, events.cancelled, events, outputs);
}

/** Number of the snapshot that ends a sequence's stripe. */
size_t stripeOf(const MergeJob& job, uint64_t sequence) {
  size_t stripe = 0;
  while (stripe < job.snapshots.size() && job.snapshots[stripe] < sequence) stripe++;
  return stripe;
}

bool isHidden(const MergeJob& job, const std::string& key) {
  for (const std::vector<KeyRange>& level : job.deeper)
    for (const KeyRange& range : level)
      if (range.smallest <= key && key <= range.largest) return true;
  return false;
}

/** What a merge keeps of entries in order. */
ModelEntries kept(const MergeJob& job, const ModelEntries& entries) {
  ModelEntries kept;
  std::set<size_t> stripes;
  for (size_t i = 0; i < entries.size(); i++) {
    const ModelEntry& each = entries[i];
    if (i == 0 || entries[i - 1].key != each.key) stripes.clear();
    const size_t stripe = stripeOf(job, trailerSequence(each.trailer));
    const bool isNewest = stripes.insert(stripe).second;
    if (!isNewest && stripe < job.snapshots.size()) continue;
    const bool isDeletion = trailerType(each.trailer) == KEY_TYPE_DELETION;
    const bool isOldest = stripe == 0 && !job.snapshots.empty();
    if (isDeletion && isOldest && !isHidden(job, each.key)) continue;
    kept.push_back(each);
  }
  return kept;
}

std::vector<KeyRange> randomRanges(Random& random, uint32_t most) {
  std::set<std::string> keys;
  for (uint32_t i = 2 * random.below(most + 1); i > 0; i--) keys.insert(randomKey(random));
  std::vector<KeyRange> ranges;
  for (auto at = keys.begin(); at != keys.end() && std::next(at) != keys.end();
       std::advance(at, 2)) {
    ranges.push_back({*at, *std::next(at)});
    if (std::next(at, 2) == keys.end()) break;
  }
  return ranges;
}

MergeJob randomJob(ScratchTables& scratch, Random& random, const Sources& sources) {
  MergeJob job;
  job.inputs = sources.runs;
  std::set<uint64_t> snapshots;
  for (uint32_t i = random.below(5); i > 0; i--)
    snapshots.insert(random.below(static_cast<uint32_t>(sources.last) + 2));
  job.snapshots.assign(snapshots.begin(), snapshots.end());
  for (uint32_t i = 1 + random.below(6); i > 0; i--) job.outputs.push_back(scratch.nextNumber++);
  job.table = randomOptions(random);
  job.maxTableBytes = random.below(3000);
  for (uint32_t i = random.below(3); i > 0; i--) job.deeper.push_back(randomRanges(random, 4));
  for (const KeyRange& range : randomRanges(random, 6))
    job.grandparents.push_back({range, random.below(100)});
  job.maxGrandparentBytes = random.below(200);
  for (const Run& run : job.inputs)
    for (const Source& source : run)
      if (source.memtable) source.memtable->seal();
  return job;
}

/** Walks the tables of a merge by the cursors of scans. */
ModelEntries walk(ScratchTables& scratch, const std::vector<TableMeta>& metas) {
  ModelEntries entries;
  for (const TableMeta& meta : metas) {
    const Ref<Table> table = Table::make(scratch.files, meta);
    const std::unique_ptr<EntryCursor> cursor = table->cursor(false);
    const size_t first = entries.size();
    Move move = cursor->first();
    for (;;) {
      while (move == Move::COLD) {
        const std::unique_ptr<Load> load = cursor->plan();
        load->read();
        if (!CHECK_OK(cursor->absorb(*load))) return entries;
        move = entries.size() == first ? cursor->first() : cursor->next();
      }
      if (!CHECK(move == Move::DONE) || !cursor->valid) break;
      entries.push_back({textOf(cursor->key), cursor->trailer, textOf(cursor->value)});
      move = cursor->next();
    }
    if (!CHECK(entries.size() > first)) return entries;
    CHECK_EQ(meta.properties.entries, entries.size() - first);
    const ModelEntry& from = entries[first];
    const ModelEntry& to = entries.back();
    CHECK_EQ(userKey(meta.smallestKey()), sliceOf(from.key));
    CHECK_EQ(trailerIn(meta.smallestKey()), from.trailer);
    CHECK_EQ(userKey(meta.largestKey()), sliceOf(to.key));
    CHECK_EQ(trailerIn(meta.largestKey()), to.trailer);
    if (first > 0) CHECK(entries[first - 1].key < from.key);
    table->close();
  }
  return entries;
}

void sameEntries(const ModelEntries& entries, const ModelEntries& wanted) {
  if (!CHECK_EQ(entries.size(), wanted.size())) return;
  for (size_t i = 0; i < entries.size(); i++)
    if (!CHECK_EQ(entries[i].key, wanted[i].key) ||
        !CHECK_EQ(entries[i].trailer, wanted[i].trailer) ||
        !CHECK_EQ(entries[i].value, wanted[i].value))
      return;
}

bool exists(const ScratchTables& scratch, uint64_t number) {
  Ref<File> file;
  return scratch.directory->openFile(tableName(number), file).ok();
}

void randomMerges(uint32_t rounds) {
  for (uint64_t seed = 1; seed <= rounds; seed++) {
    const int before = checkFailures;
    Random random{seed * 104729};
    ScratchTables scratch;
    const Sources sources = randomSources(scratch, random, 1 + random.below(120));
    MergeJob job = randomJob(scratch, random, sources);
    Events events;
    std::vector<TableMeta> outputs;
    CHECK_OK(run(scratch, job, events, outputs));
    CHECK(outputs.size() <= job.outputs.size());
    CHECK(events.times >= 2);
    uint64_t written = 0;
    for (size_t i = 0; i < outputs.size(); i++) {
      CHECK_EQ(outputs[i].number, job.outputs[i]);
      written += outputs[i].sizeBytes;
    }
    CHECK(events.bytesWritten <= written);
    const ModelEntries wanted = kept(job, sources.entries);
    sameEntries(walk(scratch, outputs), wanted);
    for (const uint64_t at : job.snapshots)
      CHECK(seenAt(wanted, at) == seenAt(sources.entries, at));
    scratch.files->close();
    if (checkFailures > before) return (void)std::fprintf(stderr, "seed %d\n", int(seed));
  }
}

/** Two tables that are merged in full: entries of 1 KB, so that it has several strides. */
Sources largeSources(ScratchTables& scratch) {
  Sources sources;
  for (uint64_t part = 0; part < 2; part++) {
    ModelEntries entries;
    for (uint64_t i = 0; i < 2000; i++)
      entries.push_back({std::to_string(10000 + 2 * i + part),
                         trailerOf(++sources.last, KEY_TYPE_VALUE), std::string(1000, 'x')});
    sources.runs.push_back({{nullptr, scratch.table(entries, {4096, 16, false, 10})}});
    sources.entries.insert(sources.entries.end(), entries.begin(), entries.end());
  }
  std::sort(sources.entries.begin(), sources.entries.end(), entryBefore);
  return sources;
}

MergeJob largeJob(ScratchTables& scratch, const Sources& sources) {
  MergeJob job;
  job.inputs = sources.runs;
  for (int i = 0; i < 20; i++) job.outputs.push_back(scratch.nextNumber++);
  job.snapshots = {sources.last};
  job.table = {4096, 16, false, 10};
  job.maxTableBytes = 500000;
  job.maxGrandparentBytes = UINT64_MAX;
  return job;
}

void cancelled() {
  for (const int at : {0, 1, 2, 3}) {
    ScratchTables scratch;
    const Sources sources = largeSources(scratch);
    MergeJob job = largeJob(scratch, sources);
    Events events;
    events.cancelAt = at;
    events.cancelled = at == 0;
    std::vector<TableMeta> outputs;
    const Status status = run(scratch, job, events, outputs);
    if (!CHECK(status.kind() == Status::Kind::STORE)) return;
    CHECK(status.detail().code == Code::ABORTED);
    CHECK_EQ(status.detail().text, "the merge was aborted");
    CHECK(outputs.empty());
    for (const uint64_t number : job.outputs) CHECK(!exists(scratch, number));
    scratch.files->close();
  }
}

void damaged() {
  ScratchTables scratch;
  const Sources sources = largeSources(scratch);
  MergeJob job = largeJob(scratch, sources);
  flipByte(scratch, 1, 1000000);
  Events events;
  std::vector<TableMeta> outputs;
  const Status status = run(scratch, job, events, outputs);
  CHECK(status.isCorruption());
  CHECK(events.damages.empty());
  for (const uint64_t number : job.outputs) CHECK(!exists(scratch, number));
  job.skipDamage = true;
  Events skipping;
  CHECK_OK(run(scratch, job, skipping, outputs));
  if (!CHECK_EQ(skipping.damages.size(), 1)) return;
  const TableDamage& told = skipping.damages[0];
  CHECK_EQ(told.file, tableName(1));
  CHECK_EQ(told.offset, status.detail().offset);
  CHECK(told.offset <= 1000000 && told.offset + told.bytes > 1000000);
  CHECK(outputs.size() > 5);
  uint64_t entries = 0;
  for (const TableMeta& meta : outputs) entries += meta.properties.entries;
  CHECK(entries < 4000 && entries >= 3990);
  scratch.files->close();
}

/** A file that is in the way is left as it is; what was written before is removed. */
void inTheWay() {
  ScratchTables scratch;
  const Sources sources = largeSources(scratch);
  MergeJob job = largeJob(scratch, sources);
  Ref<File> file;
  CHECK_OK(scratch.directory->createFile(tableName(job.outputs[2]), file));
  Events events;
  std::vector<TableMeta> outputs;
  const Status status = run(scratch, job, events, outputs);
  CHECK(status.kind() == Status::Kind::IO);
  for (const uint64_t number : job.outputs)
    CHECK_EQ(exists(scratch, number), number == job.outputs[2]);
  scratch.files->close();
}

void refused(const ScratchTables& scratch, MergeJob& job, const char* text) {
  Events events;
  std::vector<TableMeta> outputs;
  const Status status = run(scratch, job, events, outputs);
  if (!CHECK(!status.ok())) return;
  CHECK_EQ(status.detail().text, text);
}

void refusals() {
  ScratchTables scratch;
  MergeJob job;
  refused(scratch, job, "a merge needs at least one output number");
  job.outputs = {1};
  job.snapshots = {5, 5, 4};
  refused(scratch, job, "the snapshots of a merge must ascend");
  job.snapshots = {5, 5};
  job.deeper = {{{"a", "c"}, {"a", "b"}}};
  refused(scratch, job, "the deeper ranges of a merge are not sorted");
  job.deeper = {};
  job.grandparents = {{{"a", "c"}, 1}, {{"a", "b"}, 1}};
  refused(scratch, job, "the grandparents of a merge are not sorted");
  job.grandparents = {};
  job.inputs = {{{makeRef<Memtable>(), nullptr}, {makeRef<Memtable>(), nullptr}}};
  refused(scratch, job, "a run with a memtable holds nothing else");
  job.inputs = {{}, {{makeRef<Memtable>(), nullptr}}};
  Events events;
  std::vector<TableMeta> outputs;
  CHECK_OK(run(scratch, job, events, outputs));
  CHECK(outputs.empty());
  const Status again = merge(*scratch.directory, job, events.cancelled, events, outputs);
  CHECK(again.kind() == Status::Kind::TYPE);
}

}  // namespace

int main() {
  randomMerges(100);
  cancelled();
  damaged();
  inTheWay();
  refusals();
  return checkResult();
}
