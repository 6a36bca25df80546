// A walk over a whole table from front to back, past the block cache: the source of merges.
//
// Made on the JavaScript thread, used on a worker: it holds what never changes and a file of its
// own, reads STREAM_CHUNK_BYTES of adjacent blocks at a time and waits for them. Verifies every
// block, and that keys rise, so that a merge never hands damage on: it fails, or (for a repair)
// skips and tells what is damaged.
// Twin: lib/table/stream.ts
#pragma once

#include <set>
#include <string>

#include "format/entry.h"
#include "table/files.h"
#include "table/walk.h"

namespace cairn {

inline constexpr uint64_t STREAM_CHUNK_BYTES = 256 * 1024;

struct TableDamage {
  std::string file;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  std::string reason;
};

/** Told of damage, on the worker that meets it. */
class DamageSink {
 public:
  virtual ~DamageSink() = default;
  virtual void damage(TableDamage damage) = 0;
};

/** The words that an error of damage has on both planes. */
std::string damageMessage(const Status& status);

/** The first block behind `from` that does not fit into one chunk with it; larger ones go alone. */
size_t chunkEnd(const TableIndex& index, size_t from);

class TableStream final : public EntryCursor {
 public:
  /** `sink` given: what is damaged is skipped and told, instead of failing. */
  TableStream(const TableFiles& files, const TableHandle& handle, DamageSink* sink);

  /** Bytes of the file read so far. */
  uint64_t bytesRead() const { return bytesRead_; }

  Move first() override;
  Move seek(Slice key, uint64_t trailer) override;
  Move next() override;
  Move last() override { return forwardOnly(); }
  Move seekBefore(Slice, uint64_t) override { return forwardOnly(); }
  Move previous() override { return forwardOnly(); }

 private:
  enum class Verdict : uint8_t { SOUND, DAMAGED, FAILED };

  Move end() {
    valid = false;
    return Move::DONE;
  }
  Move failed(Status status) {
    failure = std::move(status);
    return Move::FAILED;
  }
  Move forwardOnly() { return failed(Status::type("a stream goes forward only")); }
  bool isDamaged(size_t ordinal) const { return !damaged_.empty() && damaged_.contains(ordinal); }
  /** DONE when the table is open, or beyond reading. */
  Move acquire();
  Move toFirst(size_t from, bool rising);
  Verdict require(size_t ordinal, BlockView& block);
  Verdict tell(size_t ordinal, Status status);
  Status parse(size_t ordinal, BlockView& block);
  Status readChunk(size_t from);
  Status fallen(size_t ordinal) const;

  const Ref<Directory> directory_;
  const TableMeta meta_;
  DamageSink* const sink_;
  /** Why the table can not be opened. */
  Status closed_;
  Ref<const OpenTable> open_;
  BlockWalk walk_{*this};
  /** The block that the present entry lies in. */
  size_t ordinal_ = 0;
  /** Blocks [chunkFrom_, chunkTo_) as they lie in the file. */
  Buffer chunk_;
  size_t chunkFrom_ = 0;
  size_t chunkTo_ = 0;
  Buffer decoded_;
  uint64_t bytesRead_ = 0;
  /** Blocks that were told as damaged; all of the table when it can not be opened. */
  std::set<size_t> damaged_;
  bool unreadable_ = false;
};

}  // namespace cairn
