// The memtable against std::map: random operations over many shapes of keys, cursors that are
// moved between insertions, batches in parts, bad batches, and memory that can not be had.
// With `--bench` it tells how long insertions and look-ups take instead.
#include "memtable/memtable.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "memtable_bench.h"
#include "memtable_keys.h"
#include "memtable_model.h"

namespace {

/** Allocations that may fail, as chunks do, until one does; negative: none fails. */
int64_t allocationsLeft = -1;

}  // namespace

// Chunks are the only users of these two forms.
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  if (allocationsLeft == 0) return nullptr;
  if (allocationsLeft > 0) allocationsLeft--;
  const size_t step = static_cast<size_t>(alignment);
  return std::aligned_alloc(step, (size + step - 1) / step * step);
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void* operator new(size_t size, std::align_val_t alignment) {
  void* memory = ::operator new(size, alignment, std::nothrow);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace cairn {
namespace {

bool standsAt(const EntryCursor& cursor, const Model& model, Model::const_iterator at) {
  if (at == model.end()) return CHECK(!cursor.valid);
  if (!CHECK(cursor.valid)) return false;
  return CHECK_EQ(cursor.key, sliceOf(at->first.first)) &&
         CHECK_EQ(cursor.trailer, ~at->first.second) && CHECK_EQ(cursor.value, sliceOf(at->second));
}

bool checkWhole(const Ref<Memtable>& memtable, const Model& model) {
  const std::unique_ptr<EntryCursor> cursor = Memtable::cursor(memtable);
  CHECK(cursor->first() == Move::DONE);
  for (auto at = model.begin(); at != model.end(); ++at) {
    if (!standsAt(*cursor, model, at)) return false;
    cursor->next();
  }
  if (!CHECK(!cursor->valid)) return false;
  cursor->last();
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    if (!standsAt(*cursor, model, std::prev(at.base()))) return false;
    cursor->previous();
  }
  return CHECK(!cursor->valid);
}

std::string nearKey(Random& random, const std::vector<std::string>& keys, const KeyMaker& make) {
  if (keys.empty() || random.below(4) == 0) return make(random, random.below(5000));
  std::string key = keys[random.below(keys.size())];
  const uint64_t how = random.below(6);
  if (how == 0) key.resize(random.below(key.size() + 1));
  if (how == 1) key += randomBytes(random, 1 + random.below(2), 2);
  if (how == 2 && !key.empty()) key[random.below(key.size())] ^= static_cast<char>(1);
  return key;
}

bool checkLookup(const Subject& subject, Random& random, const KeyMaker& make) {
  const Model& model = subject.model;
  const std::string key = nearKey(random, subject.keys, make);
  const uint64_t trailer =
      random.below(4) == 0 ? KEY_TRAILER_FIRST : trailerAt(random.below(subject.sequence + 2));
  const auto at = model.lower_bound(modelKey(key, trailer));
  const bool expected = at != model.end() && at->first.first == key;
  uint64_t found = 0;
  Slice value;
  Status failure;
  const Found answer = subject.memtable->find(sliceOf(key), trailer, found, value, failure);
  if (!CHECK(answer == (expected ? Found::FOUND : Found::ABSENT))) return false;
  if (expected && !(CHECK_EQ(found, ~at->first.second) && CHECK_EQ(value, sliceOf(at->second))))
    return false;
  const std::unique_ptr<EntryCursor> cursor = Memtable::cursor(subject.memtable);
  cursor->seek(sliceOf(key), trailer);
  if (!standsAt(*cursor, model, at)) return false;
  cursor->seekBefore(sliceOf(key), trailer);
  return standsAt(*cursor, model, at == model.begin() ? model.end() : std::prev(at));
}

/** A cursor and the place in the model where it should stand. */
struct Walker {
  std::unique_ptr<EntryCursor> cursor;
  Model::const_iterator at;
};

bool moveWalker(Walker& walker, const Subject& subject, Random& random, const KeyMaker& make) {
  const Model& model = subject.model;
  EntryCursor& cursor = *walker.cursor;
  const uint64_t how = random.below(12);
  if (walker.at == model.end() || how == 0) {
    const std::string key = nearKey(random, subject.keys, make);
    const uint64_t trailer = trailerAt(random.below(subject.sequence + 2));
    walker.at = model.lower_bound(modelKey(key, trailer));
    CHECK(cursor.seek(sliceOf(key), trailer) == Move::DONE);
  } else if (how == 1) {
    walker.at = model.empty() ? model.end() : std::prev(model.end());
    CHECK(cursor.last() == Move::DONE);
  } else if (how < 7) {
    ++walker.at;
    CHECK(cursor.next() == Move::DONE);
  } else {
    walker.at = walker.at == model.begin() ? model.end() : std::prev(walker.at);
    CHECK(cursor.previous() == Move::DONE);
  }
  return standsAt(cursor, model, walker.at);
}

/** A stream gives what a cursor gives, and goes forward only. */
bool checkStream(const Subject& subject) {
  const std::unique_ptr<EntryCursor> stream = Memtable::stream(subject.memtable);
  CHECK(stream->first() == Move::DONE);
  for (auto at = subject.model.begin(); at != subject.model.end(); ++at) {
    if (!standsAt(*stream, subject.model, at)) return false;
    stream->next();
  }
  CHECK(stream->previous() == Move::FAILED);
  return CHECK(!stream->valid);
}

bool runSeed(uint64_t seed) {
  Random random(seed);
  const std::vector<KeyMaker> makers = keyMakers();
  const KeyMaker& one = makers[seed % makers.size()];
  const KeyMaker mixed = [&](Random& r, uint64_t i) {
    return makers[r.below(makers.size())](r, i);
  };
  const KeyMaker& make = seed % 5 == 4 ? mixed : one;
  Subject subject;
  checkWhole(subject.memtable, subject.model);
  std::vector<Walker> walkers;
  for (int i = 0; i < 3; i++)
    walkers.push_back({Memtable::cursor(subject.memtable), subject.model.end()});
  const uint64_t most = random.below(4) == 0 ? 12000 : 2500;
  while (subject.sequence < most) {
    const uint64_t size = random.below(10);
    subject.apply(random, make, static_cast<uint32_t>(size < 5 ? 1 : size < 9 ? 20 : 300));
    for (Walker& walker : walkers)
      for (uint64_t i = random.below(5); i > 0; i--)
        if (!moveWalker(walker, subject, random, make)) return false;
    if (!checkLookup(subject, random, make)) return false;
  }
  subject.checkNumbers();
  if (!checkStream(subject)) return false;
  for (int i = 0; i < 200; i++)
    if (!checkLookup(subject, random, make)) return false;
  if (!checkWhole(subject.memtable, subject.model)) return false;
  // A cursor keeps what it walks.
  subject.memtable = nullptr;
  return standsAt(*walkers[0].cursor, subject.model, walkers[0].at);
}

/** A cursor that ran off an end goes on from where it stood when there is more. */
void checkEnds() {
  Subject subject;
  Random random(1);
  const KeyMaker ascending = keyMakers()[4];
  const std::unique_ptr<EntryCursor> cursor = Memtable::cursor(subject.memtable);
  cursor->next();
  CHECK(!cursor->valid);
  cursor->previous();
  CHECK(!cursor->valid);
  for (int round = 0; round < 300; round++) {
    BatchMaker batch;
    const std::string key = digits(subject.sequence, 9);
    batch.add(KEY_TYPE_VALUE, key, "v");
    const std::string whole = batch.stamp(subject.sequence++);
    uint64_t next = 0;
    CHECK_OK(subject.memtable->apply(sliceOf(whole), 0, 1, next));
    if (round == 0) cursor->first();
    else cursor->next();
    CHECK(cursor->valid);
    CHECK_EQ(cursor->key, sliceOf(key));
    cursor->next();
    CHECK(!cursor->valid);
  }
}

void checkRefused(Memtable& memtable, const std::string& batch, int64_t from, int64_t limit,
                  Status::Kind kind, const char* text, int64_t offset) {
  const uint64_t entries = memtable.entries();
  const uint64_t bytes = memtable.bytes();
  const uint64_t memoryBytes = memtable.memoryBytes();
  uint64_t next = 77;
  const Status status = memtable.apply(sliceOf(batch), from, limit, next);
  if (CHECK_EQ(status.kind(), kind)) {
    CHECK_EQ(status.detail().text, std::string(text));
    CHECK_EQ(status.detail().offset, offset);
  }
  CHECK_EQ(next, 77);
  CHECK_EQ(memtable.entries(), entries);
  CHECK_EQ(memtable.bytes(), bytes);
  CHECK_EQ(memtable.memoryBytes(), memoryBytes);
}

void checkBadBatches() {
  using Kind = Status::Kind;
  const Ref<Memtable> memtable = makeRef<Memtable>();
  BatchMaker maker;
  for (int i = 0; i < 10; i++) maker.add(KEY_TYPE_VALUE, "k" + std::to_string(i), "value");
  const std::string whole = maker.stamp(5);
  const auto refused = [&](const std::string& batch, int64_t from, int64_t limit, Kind kind,
                           const char* text, int64_t offset) {
    checkRefused(*memtable, batch, from, limit, kind, text, offset);
  };
  refused(whole, 0, -1, Kind::RANGE, "the limit is negative", -1);
  refused("", 0, -1, Kind::RANGE, "the limit is negative", -1);
  refused(whole, -3, 1, Kind::RANGE, "the batch has no record -3", -1);
  refused(whole, 11, 1, Kind::RANGE, "the batch has no record 11", -1);
  refused(whole.substr(0, 11), -3, 1, Kind::FORMAT, "batch is too short", 0);
  refused(maker.stamp(KEY_SEQUENCE_MAX), 0, 1, Kind::FORMAT, "sequence over 2^53", 0);
  refused(whole + "x", 0, 10, Kind::FORMAT, "bytes behind the last record", 112);
  refused(whole + "x", 10, 0, Kind::FORMAT, "bytes behind the last record", 112);
  refused(whole.substr(0, 111), 0, 99, Kind::FORMAT, "length past the end", 106);
  refused(whole.substr(0, 102), 0, 10, Kind::FORMAT, "fewer records than the count says", 102);
  std::string odd = whole;
  odd[12 + 10 * 5] = 2;
  refused(odd, 0, 10, Kind::FORMAT, "unknown record type", 62);
  refused(odd, 6, 1, Kind::FORMAT, "unknown record type", 62);
  std::string lengthy = whole;
  for (size_t i = 0; i < 5; i++) lengthy[13 + i] = '\xff';
  refused(lengthy, 0, 10, Kind::FORMAT, "length is too long", 13);
  refused(whole.substr(0, 13), 0, 10, Kind::FORMAT, "length cut short", 13);
  CHECK_EQ(memtable->entries(), 0);

  // What stands before the bad bytes is applied when it is asked for alone.
  uint64_t next = 0;
  CHECK_OK(memtable->apply(sliceOf(odd), 0, 5, next));
  CHECK_EQ(next, 5);
  refused(odd, 5, 1, Kind::FORMAT, "unknown record type", 62);
  CHECK_EQ(memtable->entries(), 5);
  CHECK_EQ(memtable->bytes(), 0);
  CHECK_OK(memtable->apply(sliceOf(whole), 5, 0, next));
  CHECK_EQ(next, 5);
  CHECK_OK(memtable->apply(sliceOf(whole), 5, 3, next));
  CHECK_OK(memtable->apply(sliceOf(whole), 8, 3, next));
  CHECK_EQ(next, 10);
  CHECK_EQ(memtable->bytes(), whole.size());
  CHECK_OK(memtable->apply(sliceOf(BatchMaker().stamp(9)), 0, 0, next));
  CHECK_EQ(memtable->bytes(), whole.size() + BATCH_HEADER_BYTES);
  memtable->seal();
  refused(whole, 0, -1, Kind::TYPE, "the memtable is sealed", -1);
}

/** Batches cut and changed at random: a refusal changes nothing, whatever it is. */
void checkMutations() {
  Random random(3);
  for (int round = 0; round < 3000; round++) {
    BatchMaker maker;
    const uint64_t count = random.below(12);
    for (uint64_t i = 0; i < count; i++)
      maker.add(static_cast<uint8_t>(random.below(2)), randomBytes(random, random.below(20), 256),
                randomBytes(random, random.below(200), 256));
    std::string batch = maker.stamp(1 + random.below(1000));
    for (uint64_t i = random.below(3); i > 0; i--)
      batch[random.below(batch.size())] = static_cast<char>(random.below(256));
    if (random.below(3) == 0) batch.resize(random.below(batch.size() + 1));
    // In memory of its own, so that a sanitizer sees a read past its end.
    const std::vector<uint8_t> bytes(batch.begin(), batch.end());
    const Ref<Memtable> memtable = makeRef<Memtable>();
    uint64_t at = 0;
    while (true) {
      const uint64_t before = memtable->entries();
      uint64_t next = 0;
      const Status status = memtable->apply(Slice(bytes.data(), bytes.size()),
                                            static_cast<int64_t>(at),
                                            static_cast<int64_t>(1 + random.below(5)), next);
      if (!status.ok()) CHECK_EQ(memtable->entries(), before);
      if (!status.ok() || next == at) break;
      CHECK_EQ(memtable->entries(), before + next - at);
      at = next;
    }
    const std::unique_ptr<EntryCursor> cursor = Memtable::cursor(memtable);
    uint64_t walked = 0;
    for (cursor->first(); cursor->valid; cursor->next()) walked++;
    CHECK_EQ(walked, memtable->entries());
  }
}

/** Look-ups are told that the tree can not be brought up to date, until it can. */
uint64_t checkLate(const Subject& subject) {
  for (int64_t left = 0;; left++) {
    uint64_t trailer = 0;
    Slice value;
    Status failure;
    allocationsLeft = left;
    const Found found = subject.memtable->find(sliceOf(subject.keys.back()), KEY_TRAILER_FIRST,
                                               trailer, value, failure);
    allocationsLeft = -1;
    if (found != Found::FAILED) {
      CHECK(found == Found::FOUND);
      return static_cast<uint64_t>(left);
    }
    CHECK(failure.detail().code == Code::LIMIT);
  }
}

/** Every allocation fails in turn: nothing has changed then, and the same batch goes in later. */
void checkMemory() {
  for (uint64_t seed = 1; seed <= 12; seed++) {
    Random random(seed);
    const KeyMaker make = keyMakers()[seed % 6];
    Subject subject;
    Walker walker{Memtable::cursor(subject.memtable), subject.model.end()};
    uint64_t refusals = 0;
    uint64_t failures = 0;
    while (subject.sequence < 30000) {
      BatchMaker batch;
      for (int i = 0; i < 700; i++) {
        const std::string key = make(random, subject.sequence + batch.count);
        batch.add(KEY_TYPE_VALUE, key, std::string(random.below(200), 'v'));
        subject.keys.push_back(key);
      }
      const std::string whole = batch.stamp(subject.sequence);
      uint64_t next = 0;
      for (int64_t left = 0; next == 0; left++) {
        allocationsLeft = left;
        const Status status = subject.memtable->apply(sliceOf(whole), 0, INT64_MAX, next);
        allocationsLeft = -1;
        if (status.ok()) break;
        refusals++;
        CHECK(status.detail().code == Code::LIMIT);
        if (!checkWhole(subject.memtable, subject.model)) return;
        if (walker.at != subject.model.end()) {
          ++walker.at;
          walker.cursor->next();
          standsAt(*walker.cursor, subject.model, walker.at);
        }
      }
      BatchReader reader;
      CHECK_OK(reader.open(sliceOf(whole)));
      bool more = true;
      for (uint64_t i = 0;; i++) {
        CHECK_OK(reader.next(more));
        if (!more) break;
        subject.model[modelKey(textOf(reader.key()), trailerOf(subject.sequence + i, 1))] =
            textOf(reader.value());
      }
      subject.sequence += batch.count;
      subject.bytes += whole.size();
      failures += checkLate(subject);
      if (walker.at == subject.model.end()) {
        walker.at = subject.model.begin();
        walker.cursor->first();
      }
    }
    subject.checkNumbers();
    checkWhole(subject.memtable, subject.model);
    CHECK(refusals > 5);
    CHECK(failures > 3);
  }
}

/** A sealed memtable is read on two threads, and the worker is its last holder. */
void checkSealed() {
  Random random(5);
  Subject subject;
  const KeyMaker make = keyMakers()[13];
  for (int i = 0; i < 10; i++) subject.apply(random, make, 1000);
  subject.memtable->seal();
  uint64_t walked = 0;
  std::thread worker([held = Ref<const Memtable>(subject.memtable), &walked]() mutable {
    const std::unique_ptr<EntryCursor> stream = Memtable::stream(std::exchange(held, nullptr));
    for (stream->first(); stream->valid; stream->next()) walked += stream->key.size > 0;
  });
  for (int i = 0; i < 300; i++) checkLookup(subject, random, make);
  subject.memtable = nullptr;
  worker.join();
  CHECK_EQ(walked, subject.model.size());
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  using namespace cairn;
  if (argc > 1 && std::string(argv[1]) == "--bench") {
    runBench();
    return checkResult();
  }
  const char* campaign = std::getenv("CAIRN_CAMPAIGN");
  const uint64_t seeds = campaign != nullptr && std::string(campaign) == "full" ? 900 : 90;
  checkEnds();
  checkBadBatches();
  checkMutations();
  checkMemory();
  checkSealed();
  for (uint64_t seed = 1; seed <= seeds; seed++)
    if (!runSeed(seed)) std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(seed));
  return checkResult();
}
