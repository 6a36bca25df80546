// The journal alone: framing at every place of a block, what the writer does when writes and syncs
// end late or fail, and what the reader says of each kind of damage.
// Format: docs/format/journal.md
#include <signal.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "check.h"
#include "journal_fixture.h"

namespace cairn {
namespace {

using Kind = JournalVerdict::Kind;

constexpr size_t MIB = 1024 * 1024;
constexpr char POISONED[] =
    "000001.log takes no more writes since one failed; open the store again";

/** All records from where the reader stands, in batches of about `maxBytes`. */
std::vector<JournalRecord> readAll(JournalReader& reader, size_t maxBytes) {
  std::vector<JournalRecord> all;
  std::vector<JournalRecord> some;
  do {
    if (!CHECK_OK(reader.next(some, maxBytes))) break;
    for (JournalRecord& record : some) all.push_back(std::move(record));
  } while (!some.empty());
  return all;
}

bool ends(const JournalReader& reader) { return reader.verdict().kind == Kind::END; }

bool bad(const JournalReader& reader, uint64_t offset, const char* reason) {
  const JournalVerdict& verdict = reader.verdict();
  return CHECK_EQ(verdict.kind, Kind::BAD) && CHECK_EQ(verdict.offset, offset) &&
         CHECK_EQ(verdict.reason, reason);
}

/** A journal that ends `room` bytes before a block does, but for the framing. */
std::string upTo(size_t room) {
  std::string file;
  frame(file, noise(JOURNAL_BLOCK_BYTES - JOURNAL_HEADER_BYTES - room, 1));
  return file;
}

void framesAtEveryPlace() {
  Place place;
  for (size_t room = 0; room <= 34; room++) {
    for (const size_t size : {0, 1, 12, 13, 40, 32761, 32762, 65540}) {
      const std::string filler = upTo(room).substr(JOURNAL_HEADER_BYTES);
      const std::string record = noise(size, 2);
      const std::string marking = mark(7);
      const Slice marked = sliceOf(marking);
      for (const bool large : {false, true}) {
        std::string expected = upTo(room);
        const Ref<JournalWriter> writer = place.writer();
        CHECK_OK(writer->append(sliceOf(filler), nullptr));
        frame(expected, marking);
        CHECK_EQ(framedBytes(writer->position(), 12), expected.size() - writer->position());
        const size_t before = expected.size();
        frame(expected, record);
        CHECK_EQ(framedBytes(before, size), expected.size() - before);
        Told told;
        if (large)
          writer->appendLarge(sliceOf(record), &marked, told.done());
        else
          CHECK_OK(writer->append(sliceOf(record), &marked));
        place.queue.drain();
        CHECK(!large || told.ok());
        CHECK_EQ(writer->position(), expected.size());
        CHECK_EQ(sliceOf(place.bytes()), sliceOf(expected));
        const std::vector<JournalRecord> read = readAll(*place.reader(), size);
        if (!CHECK_EQ(read.size(), 3)) return;
        CHECK_EQ(read[1].bytes.slice(), marked);
        CHECK_EQ(read[2].bytes.slice(), sliceOf(record));
        CHECK_EQ(read[2].end, expected.size());
      }
    }
  }
}

void examplesOfTheDocument() {
  Place place;
  const Ref<JournalWriter> writer = place.writer();
  const std::string first("\1\0\0\0\0\0\0\0\1\0\0\0\1\1a\1" "1", 17);
  CHECK_OK(writer->append(sliceOf(first), nullptr));
  CHECK_EQ(sliceOf(place.bytes()), sliceOf(std::string("\xe9\x9f\x78\x19\x11\0\1", 7) + first));
  CHECK_OK(writer->append(sliceOf(noise(32768 - 12 - 24 - 7, 1)), nullptr));
  CHECK_OK(writer->append(sliceOf(mark(7)), nullptr));
  const std::string split("\x79\x34\x9d\x46\5\0\2\7\0\0\0\0\x42\x45\x52\4\7\0\4\0\0\0\0\0\0\0", 26);
  CHECK_EQ(sliceOf(place.bytes()).from(32768 - 12), sliceOf(split));
}

void largeAppends() {
  Place place;
  const Ref<JournalWriter> writer = place.writer();
  std::string record = noise(5 * MIB / 2, 3);
  std::string expected;
  frame(expected, "small");
  frame(expected, record);
  CHECK_OK(writer->append(sliceOf("small"), nullptr));
  Told told;
  Told second;
  writer->appendLarge(sliceOf(record), nullptr, told.done());
  std::fill(record.begin(), record.end(), 'x');
  const Status overlap = writer->append(sliceOf("b"), nullptr);
  CHECK(overlap.kind() == Status::Kind::TYPE);
  CHECK_EQ(overlap.detail().text, "an append overlaps with a large one");
  writer->appendLarge(sliceOf("b"), nullptr, second.done());
  CHECK(second.status().kind() == Status::Kind::TYPE);
  for (const size_t position : {MIB, 2 * MIB, expected.size()}) {
    CHECK_EQ(told.times(), 0);
    CHECK_EQ(place.queue.pending(), 1);
    place.queue.end();
    CHECK_EQ(writer->position(), position);
  }
  CHECK(told.ok());
  CHECK_EQ(sliceOf(place.bytes()), sliceOf(expected));
  CHECK_OK(writer->append(sliceOf("b"), nullptr));
  const std::vector<JournalRecord> read = readAll(*place.reader(), MIB);
  CHECK_EQ(read.size(), 3);
  CHECK_EQ(place.queue.pending(), 0);
}

void oneSyncAtATime() {
  Place place;
  const Ref<JournalWriter> writer = place.writer();
  Told a, b, c, d;
  writer->sync(a.done());
  writer->sync(b.done());
  writer->sync(c.done());
  CHECK_EQ(place.queue.pending(), 1);
  place.queue.end();
  CHECK(a.ok() && b.times() == 0 && place.queue.pending() == 1);
  writer->sync(d.done());
  place.queue.end();
  CHECK(b.ok() && c.ok() && d.times() == 0 && place.queue.pending() == 1);
  place.queue.end();
  CHECK(d.ok() && place.queue.pending() == 0);
}

void failedSyncPoisons() {
  Place place;
  const Ref<JournalWriter> writer = place.writer();
  Told first, second, large, after, closed;
  const std::string record = noise(3 * MIB, 1);
  writer->sync(first.done());
  writer->sync(second.done());
  writer->appendLarge(sliceOf(record), nullptr, large.done());
  place.queue.fail(EIO);
  CHECK(first.io("sync", EIO) && second.store(Code::POISONED));
  CHECK_EQ(second.status().detail().text, POISONED);
  CHECK_EQ(second.status().detail().file, JOURNAL);
  CHECK_EQ(second.status().detail().cause->errorNumber, EIO);
  CHECK(large.times() == 0 && place.queue.pending() == 1);
  place.queue.end();
  CHECK(large.store(Code::POISONED) && place.queue.pending() == 0);
  CHECK_EQ(writer->position(), MIB);
  writer->sync(after.done());
  CHECK(after.store(Code::POISONED));
  const Status refused = writer->append(sliceOf("a"), nullptr);
  CHECK(!refused.ok() && refused.detail().code == Code::POISONED);
  writer->close(closed.done());
  CHECK(closed.ok() && place.queue.pending() == 0);
}

void failedWritesPoison() {
  Place place;
  Ref<JournalWriter> writer = place.writer();
  Told large, sync, other;
  const std::string record = noise(3 * MIB, 1);
  writer->appendLarge(sliceOf(record), nullptr, large.done());
  writer->sync(sync.done());
  place.queue.end();
  place.queue.end();
  place.queue.fail(ENOSPC);
  CHECK(sync.ok() && large.io("write", ENOSPC));
  CHECK_EQ(writer->position(), MIB);
  writer->sync(other.done());
  CHECK(other.store(Code::POISONED) && other.status().detail().cause->errorNumber == ENOSPC);

  // A limit of the process: the system writes a part and refuses the rest.
  writer = place.writer();
  CHECK_OK(writer->append(sliceOf("first"), nullptr));
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit low{30, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &low);
  const Status failed = writer->append(sliceOf("the second record"), nullptr);
  const Status poisoned = writer->append(sliceOf("b"), nullptr);
  setrlimit(RLIMIT_FSIZE, &limit);
  CHECK(failed.kind() == Status::Kind::IO && failed.detail().errorNumber == EFBIG);
  CHECK(!poisoned.ok() && poisoned.detail().code == Code::POISONED);
  CHECK_EQ(writer->position(), 12);
  const Ref<JournalReader> reader = place.reader();
  CHECK_EQ(readAll(*reader, MIB).size(), 1);
  bad(*reader, 12, "missing fragment");
}

void closeWaits() {
  Place place;
  Ref<JournalWriter> writer = place.writer();
  Told large, a, b, closed, again, late;
  writer->appendLarge(sliceOf(noise(3 * MIB / 2, 1)), nullptr, large.done());
  writer->sync(a.done());
  writer->sync(b.done());
  writer->close(closed.done());
  const Status refused = writer->append(sliceOf("a"), nullptr);
  CHECK(!refused.ok() && refused.detail().code == Code::NOT_OPEN);
  CHECK_EQ(refused.detail().text, "000001.log is closed");
  writer->sync(late.done());
  CHECK(late.store(Code::NOT_OPEN));
  writer->close(again.done());
  JournalWriter* const held = writer.get();
  writer = nullptr;
  while (place.queue.pending() > 1) {
    place.queue.end();
    CHECK_EQ(closed.times(), 0);
  }
  CHECK_EQ(held->name(), JOURNAL);
  place.queue.end();
  CHECK(large.ok() && a.ok() && b.ok() && closed.ok() && again.ok());
  CHECK_EQ(place.bytes().size(), framedBytes(0, 3 * MIB / 2));
}

/** Sizes of the file as zeros are written ahead, written over, cut and given up. */
void zerosAhead() {
  Place place;
  Ref<JournalWriter> writer = place.writer();
  std::string expected;
  for (const char* record : {"one", "two", "three"}) frame(expected, record);
  Told grown, more, cut, none, closed;
  CHECK_OK(writer->append(sliceOf("one"), nullptr));
  writer->pad(300000, grown.done());
  const Status overlap = writer->append(sliceOf("two"), nullptr);
  CHECK(overlap.kind() == Status::Kind::TYPE);
  CHECK_EQ(place.queue.pending(), 1);
  place.queue.drain();
  CHECK(grown.ok());
  CHECK_EQ(place.bytes().size(), 300000);
  CHECK_OK(writer->append(sliceOf("two"), nullptr));
  const Ref<JournalReader> reader = place.reader();
  CHECK_EQ(readAll(*reader, MIB).size(), 2);
  CHECK(ends(*reader));
  CHECK_EQ(reader->verdict().offset, writer->position());
  writer->pad(299000, cut.done());
  place.queue.drain();
  CHECK(cut.ok());
  CHECK_EQ(place.bytes().size(), 299000);
  writer->pad(600000, more.done());
  place.queue.end();
  place.queue.fail(ENOSPC);
  CHECK_EQ(more.times(), 0);
  place.queue.drain();
  CHECK(more.ok());
  CHECK_EQ(place.bytes().size(), 299000);
  writer->pad(299000, none.done());
  CHECK(none.ok() && place.queue.pending() == 0);
  CHECK_OK(writer->append(sliceOf("three"), nullptr));
  writer->close(closed.done());
  CHECK_EQ(closed.times(), 0);
  place.queue.drain();
  CHECK(closed.ok());
  CHECK_EQ(sliceOf(place.bytes()), sliceOf(expected));
}

void zerosThatStay() {
  Place place;
  for (const bool poisoned : {false, true}) {
    const Ref<JournalWriter> writer = place.writer();
    Told grown, sync, closed;
    CHECK_OK(writer->append(sliceOf("one"), nullptr));
    writer->pad(1000, grown.done());
    writer->sync(sync.done());
    place.queue.end();
    if (poisoned) place.queue.fail(EIO);
    else place.queue.end();
    writer->close(closed.done());
    CHECK_EQ(closed.times(), poisoned ? 1 : 0);
    if (!poisoned) place.queue.fail(EIO);
    CHECK(grown.ok() && closed.ok() && sync.ok() == !poisoned && place.queue.pending() == 0);
    CHECK_EQ(place.bytes().size(), 1000);
    CHECK_EQ(readAll(*place.reader(), MIB).size(), 1);
  }
}

void verdicts() {
  Place place;
  const auto verdict = [&](const std::string& tail, const char* reason, size_t room = 100) {
    const std::string file = upTo(room);
    const Ref<JournalReader> reader = place.reading(file + tail);
    CHECK_EQ(readAll(*reader, MIB).size(), 1);
    bad(*reader, file.size(), reason);
  };
  std::string damaged = fragment(JOURNAL_KIND_FULL, "abc");
  damaged[8] ^= 1;
  verdict(damaged, "checksum mismatch");
  verdict(std::string(MIB, '\0') + "x", "zero header");
  verdict(std::string(6, '\0') + std::string(1, '\1'), "checksum mismatch");
  verdict(std::string(5, '\0') + "x", "missing fragment");
  verdict(fragment(JOURNAL_KIND_FIRST, "abc") + std::string(50, '\0'), "zero header");
  verdict(fragment(JOURNAL_KIND_FULL, "abc").substr(0, 9), "missing fragment");
  verdict(fragment(JOURNAL_KIND_FIRST, "abc"), "missing fragment");
  verdict(fragment(JOURNAL_KIND_FIRST, "abc") + fragment(JOURNAL_KIND_FULL, "a"),
          "missing fragment");
  verdict(fragment(0, "abc"), "invalid fragment kind");
  verdict(fragment(5, "abc"), "invalid fragment kind");
  verdict(fragment(JOURNAL_KIND_MIDDLE, "abc"), "orphan fragment");
  verdict(fragment(JOURNAL_KIND_LAST, "abc"), "orphan fragment");
  verdict(fragment(JOURNAL_KIND_FULL, noise(94, 1)), "length overflows block");
  verdict(std::string("\0\0\1", 3) + fragment(JOURNAL_KIND_FULL, "abc"),
          "invalid fragment kind", 3);
  verdict(fragment(JOURNAL_KIND_FIRST, ""), "missing fragment", 7);
  verdict(fragment(JOURNAL_KIND_FIRST, "") + fragment(JOURNAL_KIND_MIDDLE, "a") +
              fragment(JOURNAL_KIND_FULL, "b"),
          "missing fragment", 7);

  const Ref<JournalReader> filler = place.reading(upTo(5) + std::string(2, '\0'));
  CHECK_EQ(readAll(*filler, MIB).size(), 1);
  CHECK(ends(*filler));
  for (const size_t zeros : {1, 6, 7, 500, 3 * 1024 * 1024}) {
    const Ref<JournalReader> reader = place.reading(upTo(100) + std::string(zeros, '\0'));
    CHECK_EQ(readAll(*reader, MIB).size(), 1);
    CHECK(ends(*reader));
    CHECK_EQ(reader->verdict().offset, upTo(100).size());
  }
  for (const uint8_t kind : {JOURNAL_KIND_FULL, JOURNAL_KIND_FIRST}) {
    std::string file = upTo(7) + fragment(JOURNAL_KIND_FIRST, "") + fragment(kind, "anew");
    if (kind == JOURNAL_KIND_FIRST) file += fragment(JOURNAL_KIND_LAST, "!");
    const Ref<JournalReader> reader = place.reading(file);
    const std::vector<JournalRecord> read = readAll(*reader, MIB);
    if (!CHECK_EQ(read.size(), 2)) continue;
    CHECK_EQ(read[1].offset, 32768);
    CHECK(ends(*reader));
  }
}

void searches() {
  Place place;
  std::string file = upTo(7) + fragment(JOURNAL_KIND_FIRST, "");
  frame(file, mark(9));
  const size_t damage = file.size();
  // A mark inside a value is no mark; one behind damage, at any byte, is.
  file += "?" + fragment(JOURNAL_KIND_FULL, "value" + fragment(JOURNAL_KIND_FULL, mark(70)));
  const size_t later = file.size() + 2;
  file += "??" + fragment(JOURNAL_KIND_FULL, mark(uint64_t{1} << 53));
  file += fragment(JOURNAL_KIND_FULL, mark(40));
  const Ref<JournalReader> reader = place.reading(file);
  bool found = false;
  uint64_t offset = 0;
  uint64_t sequence = 0;
  CHECK_OK(reader->findMark(0, 8, found, offset, sequence));
  CHECK(found && offset == 32768 && sequence == 9);
  CHECK_OK(reader->findMark(0, 9, found, offset, sequence));
  CHECK(found && offset == later + 19 && sequence == 40);
  CHECK_OK(reader->findMark(0, 40, found, offset, sequence));
  CHECK(!found);
  CHECK_OK(reader->findRecord(damage + 1, 24, found, offset));
  CHECK(found && offset == damage + 1);
  CHECK_OK(reader->findRecord(damage + 2, 12, found, offset));
  CHECK(found && offset == damage + 13);
  CHECK_OK(reader->findRecord(damage + 14, 13, found, offset));
  CHECK(!found);
  CHECK_OK(reader->findRecord(UINT64_MAX, 0, found, offset));
  CHECK(!found);
  CHECK_EQ(readAll(*reader, 1).size(), 2);
  bad(*reader, damage, "invalid fragment kind");
  reader->resume(later);
  CHECK_EQ(readAll(*reader, 1).size(), 2);
  CHECK(ends(*reader));
  const Ref<JournalReader> first = place.reading(fragment(JOURNAL_KIND_FULL, mark(5)));
  CHECK_OK(first->findMark(0, 0, found, offset, sequence));
  CHECK(!found);
  const Ref<JournalReader> empty = place.reading("");
  CHECK_OK(empty->findMark(0, 0, found, offset, sequence));
  CHECK(!found);
  CHECK(readAll(*empty, 1).empty() && ends(*empty));
}

/** Fragments are stamped, read and found under the seed of the moment. */
void seeds() {
  Place place;
  constexpr uint32_t SEED = 0xdeadbeef;
  const Ref<JournalWriter> writer = place.writer();
  const std::string large = noise(3 * MIB / 2, 3);
  const std::string marking = mark(9);
  const Slice marked = sliceOf(marking);
  std::string expected;
  frame(expected, "header");
  const size_t second = expected.size();
  frame(expected, noise(60, 2), SEED);
  const size_t third = expected.size();
  frame(expected, marking, SEED);
  frame(expected, large, SEED);
  const size_t last = expected.size();
  frame(expected, "plain");
  Told told, closed;
  CHECK_OK(writer->append(sliceOf("header"), nullptr));
  CHECK_OK(writer->reseed(SEED));
  CHECK_OK(writer->append(sliceOf(noise(60, 2)), nullptr));
  writer->appendLarge(sliceOf(large), &marked, told.done());
  CHECK(writer->reseed(0).kind() == Status::Kind::TYPE);
  place.queue.drain();
  CHECK(told.ok());
  CHECK_OK(writer->reseed(0));
  CHECK_OK(writer->append(sliceOf("plain"), nullptr));
  CHECK_EQ(sliceOf(place.bytes()), sliceOf(expected));

  const Ref<JournalReader> reader = place.reader();
  CHECK_EQ(readAll(*reader, MIB).size(), 1);
  bad(*reader, second, "checksum mismatch");
  bool found = false;
  uint64_t offset = 0;
  uint64_t sequence = 0;
  CHECK_OK(reader->findMark(0, 0, found, offset, sequence));
  CHECK(!found);
  CHECK_OK(reader->findRecord(second, 0, found, offset));
  CHECK(found && offset == last);
  reader->resume(second);
  reader->reseed(SEED);
  CHECK_EQ(readAll(*reader, MIB).size(), 3);
  bad(*reader, last, "checksum mismatch");
  CHECK_OK(reader->findMark(0, 0, found, offset, sequence));
  CHECK(found && offset == third && sequence == 9);
  CHECK_OK(reader->findRecord(0, 0, found, offset));
  CHECK(found && offset == second);
  reader->resume(third);
  CHECK_EQ(readAll(*reader, MIB).size(), 2);
  writer->close(closed.done());
  CHECK_EQ(writer->reseed(SEED).detail().code, Code::NOT_OPEN);
}

void limits() {
  Place place;
  std::string file;
  frame(file, "small");
  frame(file, noise(100000, 1));
  frame(file, "last");
  const Ref<JournalReader> reader = place.reading(file, 99999);
  std::vector<JournalRecord> records;
  CHECK_OK(reader->next(records, MIB));
  CHECK_EQ(records.size(), 1);
  const Status large = reader->next(records, MIB);
  if (CHECK(!large.ok())) {
    CHECK_EQ(large.detail().code, Code::LIMIT);
    CHECK_EQ(large.detail().text, "a record of 100000 bytes is too large");
  }
  CHECK(reader->verdict().kind == Kind::NONE);
  const Ref<JournalReader> torn = place.reading(file.substr(0, 50000), 10);
  CHECK_EQ(readAll(*torn, MIB).size(), 1);
  bad(*torn, 12, "missing fragment");

  Ref<File> growing;
  CHECK_OK(place.directory->createFile("cut", growing));
  CHECK_OK(growing->write(sliceOf(file), 0));
  Ref<JournalReader> failing;
  CHECK_OK(JournalReader::open(*place.directory, "cut", UINT64_MAX, UINT64_MAX, failing));
  CHECK_OK(growing->truncate(40000));
  const Status cut = failing->next(records, MIB);
  if (CHECK(!cut.ok())) {
    CHECK_EQ(cut.detail().code, Code::IO);
    CHECK_EQ(cut.detail().offset, 40000);
    CHECK_EQ(cut.detail().text, "cut ends at byte 40000 and had 100051 when opened");
  }
  CHECK_OK(growing->write(sliceOf(file), 0));
  CHECK_EQ(readAll(*failing, MIB).size(), 3);
  Ref<JournalReader> none;
  CHECK(JournalReader::open(*place.directory, "none", UINT64_MAX, UINT64_MAX, none).isMissing());
}

}  // namespace
}  // namespace cairn

int main() {
  cairn::framesAtEveryPlace();
  cairn::examplesOfTheDocument();
  cairn::largeAppends();
  cairn::oneSyncAtATime();
  cairn::failedSyncPoisons();
  cairn::failedWritesPoison();
  cairn::closeWaits();
  cairn::zerosAhead();
  cairn::zerosThatStay();
  cairn::verdicts();
  cairn::searches();
  cairn::seeds();
  cairn::limits();
  return cairn::checkResult();
}
