// JournalWriter: writes the records of a journal or MANIFEST, framed.
//
// All of it belongs to the JavaScript thread. What goes through the queue lies in pieces of the
// writer's own, so a caller's bytes are free when a call returns. The writer asks nobody to submit
// what it queues: whoever calls it, or drains the queue, does that at the end of the turn.
// Format: docs/format/journal.md
// Twin: lib/journal/writer.ts
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/counted.h"
#include "base/slice.h"
#include "base/status.h"
#include "os/file.h"
#include "os/queue.h"

namespace cairn {

/** Told once how a call ended, perhaps before the call returns. */
class JournalDone {
 public:
  virtual ~JournalDone() = default;
  virtual void journalDone(Status status) = 0;
};

/** Bytes that a record of `length` takes at `position` of a file, padding before it included. */
uint64_t framedBytes(uint64_t position, uint64_t length);

class JournalWriter : public Counted<JournalWriter> {
 public:
  /** Creates the file, empty; its directory is not synced. `queue` outlives the writer's work. */
  static Status create(const Directory& directory, const std::string& name, Queue* queue,
                       Ref<JournalWriter>& writer);

  const std::string& name() const { return name_; }
  /** Bytes written so far. */
  uint64_t position() const { return position_; }

  /** Frames `mark` (unless null) and `record` and writes both with one write. */
  Status append(Slice record, const Slice* mark);
  /** The same for large records: copied at once, written in pieces through the queue. */
  void appendLarge(Slice record, const Slice* mark, std::unique_ptr<JournalDone> done);
  /** Checksums of what is appended from now on continue from `seed`; at first from 0, that of
   * nothing. Not while an append is under way. */
  Status reseed(uint32_t seed);
  /** Makes the file end at `end`, or at the position when that is beyond: with zeros behind the
   * records, or by cutting. What the system fails with is given up. */
  void pad(uint64_t end, std::unique_ptr<JournalDone> done);
  /** Never tried again after a failure: the error itself, CAIRN_POISONED from then on. */
  void sync(std::unique_ptr<JournalDone> done);
  /** Idempotent; waits for what is under way, whose callers are told of its failure. */
  void close(std::unique_ptr<JournalDone> done);

 private:
  friend class Counted<JournalWriter>;
  using Waiters = std::vector<std::unique_ptr<JournalDone>>;

  /** A large append under way: its framed pieces, each let go of once it is written. */
  struct Large {
    std::vector<Buffer> pieces;
    size_t written = 0;
    std::unique_ptr<JournalDone> done;
  };

  /** Zeros being written from `begin`, or cut off; nobody asked for what a close cuts. */
  struct Padding {
    uint64_t begin;
    uint64_t end;
    std::unique_ptr<JournalDone> done;
  };

  void syncEnded(Status status);
  void pieceEnded(Status status);
  void zerosEnded(Status status);
  void cutEnded(Status status);

  /** Passes the end of queued work on to the writer, which it keeps alive until then. */
  template <void (JournalWriter::*ENDED)(Status)>
  class Waiter final : public IoWaiter {
   public:
    IoWaiter* of(JournalWriter* writer) {
      writer_ = Ref<JournalWriter>(writer);
      return this;
    }
    void ioDone(Status status) override {
      const Ref<JournalWriter> writer = std::move(writer_);
      (writer.get()->*ENDED)(std::move(status));
    }

   private:
    Ref<JournalWriter> writer_;
  };

  JournalWriter(Ref<File> file, Queue* queue)
      : name_(file->name()), file_(std::move(file)), queue_(queue) {}
  ~JournalWriter() = default;

  Status cut(Slice record, const Slice* mark, std::vector<Buffer>& pieces);
  void stamp(uint8_t* framed, uint64_t position, size_t size) const;
  void writePiece();
  void largeEnded(Status status);
  void endAt(uint64_t end, std::unique_ptr<JournalDone> done);
  void writeZeros();
  void cut(uint64_t end);
  void padEnded();
  void beginSync();
  void letGo();
  uint8_t* room(size_t total, Buffer& passing);
  Status fail(Status error);
  Status poisoned() const;
  Status checkHealthy() const { return failure_.ok() ? Status() : poisoned(); }
  Status check() const;
  Status checkIdle() const;

  const std::string name_;
  /** Null once it is closed. */
  Ref<File> file_;
  Queue* const queue_;
  uint64_t position_ = 0;
  /** The checksum that those of fragments continue. */
  uint32_t seed_ = 0;
  /** Where the zeros end that may stand behind the records. */
  uint64_t padded_ = 0;
  Buffer scratch_;
  Status failure_;
  std::unique_ptr<Large> large_;
  std::unique_ptr<Padding> padding_;
  /** Who waits for the sync under way, if one is, and for the one after it. */
  bool syncing_ = false;
  Waiters current_;
  Waiters queued_;
  bool closing_ = false;
  Waiters closers_;
  Waiter<&JournalWriter::syncEnded> syncWaiter_;
  Waiter<&JournalWriter::pieceEnded> pieceWaiter_;
  Waiter<&JournalWriter::zerosEnded> zerosWaiter_;
  Waiter<&JournalWriter::cutEnded> cutWaiter_;
};

}  // namespace cairn
