// What the tests of the journal stand on: a queue that they end by hand, a directory with one
// journal in it, and the framing of journals once more, as plainly as its document says it.
// Format: docs/format/journal.md
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "check.h"
#include "checksum/crc32c.h"
#include "format/checksum.h"
#include "format/coding.h"
#include "format/journal.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "numbers.h"
#include "scratch.h"

namespace cairn {

inline constexpr char JOURNAL[] = "000001.log";

inline Slice sliceOf(const std::string& text) { return {text.data(), text.size()}; }

inline std::string noise(size_t size, uint32_t seed) {
  Numbers numbers(seed);
  std::string bytes(size, '\0');
  for (char& each : bytes) each = static_cast<char>(numbers.byte());
  return bytes;
}

/** Holds syncs, writes and truncations until the test ends the oldest of them. */
class HeldQueue final : public Queue {
 public:
  struct Held {
    Ref<File> file;
    const char* action;
    Slice bytes;
    uint64_t position;
    IoWaiter* waiter;
  };
  std::deque<Held> held;

  IoKind kind() const override { return IoKind::THREADS; }
  const std::string& refusal() const override { return refusal_; }
  int wakeDescriptor() const override { return -1; }
  void sync(Ref<File> file, IoWaiter* waiter) override {
    held.push_back({std::move(file), "sync", {}, 0, waiter});
  }
  void write(Ref<File> file, Slice bytes, uint64_t position, IoWaiter* waiter) override {
    held.push_back({std::move(file), "write", bytes, position, waiter});
  }
  void truncate(Ref<File> file, uint64_t sizeBytes, IoWaiter* waiter) override {
    held.push_back({std::move(file), "truncate", {}, sizeBytes, waiter});
  }
  void run(Worker, std::unique_ptr<Task>) override {}
  void submit() override {}
  bool drain() override {
    if (held.empty()) return false;
    while (!held.empty()) end();
    return true;
  }
  size_t pending() const override { return held.size(); }
  void close() override { drain(); }

  void end() {
    const Held one = take();
    Status status;
    if (one.action == std::string("write")) status = one.file->write(one.bytes, one.position);
    if (one.action == std::string("truncate")) status = one.file->truncate(one.position);
    one.waiter->ioDone(std::move(status));
  }
  void fail(int errorNumber) {
    const Held one = take();
    one.waiter->ioDone(Status::io(one.action, one.file->name(), errorNumber));
  }

 private:
  Held take() {
    Held one = std::move(held.front());
    held.pop_front();
    return one;
  }

  const std::string refusal_ = "a test";
};

/** What a call was told, and how often. */
class Told {
 public:
  std::unique_ptr<JournalDone> done() { return std::make_unique<Note>(this); }
  int times() const { return times_; }
  const Status& status() const { return status_; }
  bool ok() const { return times_ == 1 && status_.ok(); }
  bool store(Code code) const {
    return times_ == 1 && status_.kind() == Status::Kind::STORE && status_.detail().code == code;
  }
  bool io(const char* action, int errorNumber) const {
    return times_ == 1 && status_.kind() == Status::Kind::IO && status_.detail().text == action &&
           status_.detail().file == JOURNAL && status_.detail().errorNumber == errorNumber;
  }

 private:
  class Note final : public JournalDone {
   public:
    explicit Note(Told* told) : told_(told) {}
    void journalDone(Status status) override {
      told_->times_++;
      told_->status_ = std::move(status);
    }

   private:
    Told* const told_;
  };

  int times_ = 0;
  Status status_;
};

/** A directory with one journal. */
struct Place {
  Scratch scratch;
  HeldQueue queue;
  Ref<Directory> directory;

  Place() { CHECK_OK(Directory::open(scratch.path(), directory)); }

  Ref<JournalWriter> writer() {
    Ref<JournalWriter> writer;
    CHECK_OK(directory->removeFile(JOURNAL));
    CHECK_OK(JournalWriter::create(*directory, JOURNAL, &queue, writer));
    return writer;
  }
  Ref<JournalReader> reader(uint64_t maxRecordBytes = UINT64_MAX) {
    Ref<JournalReader> reader;
    CHECK_OK(JournalReader::open(*directory, JOURNAL, maxRecordBytes, UINT64_MAX, reader));
    return reader;
  }
  std::string bytes() {
    Ref<File> file;
    uint64_t size = 0;
    size_t got = 0;
    CHECK_OK(directory->openFile(JOURNAL, file));
    CHECK_OK(file->size(size));
    std::string bytes(size, '\0');
    CHECK_OK(file->read(reinterpret_cast<uint8_t*>(bytes.data()), size, 0, got));
    CHECK_EQ(got, size);
    return bytes;
  }
  /** A reader of a journal of these bytes. */
  Ref<JournalReader> reading(const std::string& bytes, uint64_t maxRecordBytes = UINT64_MAX) {
    Ref<File> file;
    CHECK_OK(directory->removeFile(JOURNAL));
    CHECK_OK(directory->createFile(JOURNAL, file));
    CHECK_OK(file->write(sliceOf(bytes), 0));
    return reader(maxRecordBytes);
  }
};

inline std::string fragment(uint8_t kind, const std::string& data, uint32_t seed = 0) {
  std::string bytes(JOURNAL_HEADER_BYTES, '\0');
  bytes[4] = static_cast<char>(data.size() & 0xff);
  bytes[5] = static_cast<char>(data.size() >> 8);
  bytes[6] = static_cast<char>(kind);
  bytes += data;
  const uint32_t crc = crc32c(sliceOf(bytes).from(6), seed);
  putFixed32(reinterpret_cast<uint8_t*>(bytes.data()), maskCrc(crc));
  return bytes;
}

inline size_t roomOf(const std::string& file) {
  return JOURNAL_BLOCK_BYTES - file.size() % JOURNAL_BLOCK_BYTES;
}

inline void frame(std::string& file, const std::string& record, uint32_t seed = 0) {
  bool first = true;
  for (size_t from = 0;; first = false) {
    if (roomOf(file) < JOURNAL_HEADER_BYTES) file.append(roomOf(file), '\0');
    const std::string data = record.substr(from, roomOf(file) - JOURNAL_HEADER_BYTES);
    from += data.size();
    const bool last = from == record.size();
    const int kind = first && last ? JOURNAL_KIND_FULL
                     : first       ? JOURNAL_KIND_FIRST
                     : last        ? JOURNAL_KIND_LAST
                                   : JOURNAL_KIND_MIDDLE;
    file += fragment(static_cast<uint8_t>(kind), data, seed);
    if (last) return;
  }
}

inline std::string mark(uint64_t sequence) {
  std::string bytes(12, '\0');
  putFixed64(reinterpret_cast<uint8_t*>(bytes.data()), sequence);
  return bytes;
}

}  // namespace cairn
