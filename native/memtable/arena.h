// Arena: the records of a memtable, each an entry of one piece of memory that never moves.
//
// The twin has rows of numbers that point to copied runs of records. Here a record's numbers
// stand right before its key, because what a lookup waits for is the memory: one line of it has
// trailer, sizes and the first bytes of the key. Entries follow one another in the order in which
// they were added, so that they can be walked and given back from the end.
// Twin: lib/memtable/arena.ts
#pragma once

#include "base/slice.h"

namespace cairn {

/** One record; its key and its value stand behind it. Never changed. */
struct Row {
  uint64_t trailer;
  uint32_t keySize;
  uint32_t valueSize;

  const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  Slice key() const { return {bytes(), keySize}; }
  Slice value() const { return {bytes() + keySize, valueSize}; }
  /** With what pads it to the next entry's alignment. */
  size_t sizeBytes() const { return sizeFor(keySize, valueSize); }
  static size_t sizeFor(size_t keySize, size_t valueSize) {
    return (sizeof(Row) + keySize + valueSize + alignof(Row) - 1) & ~(alignof(Row) - 1);
  }
};

/** Asks for the two lines that the beginning of an entry lies in. */
inline void fetchRow(const Row* entry) {
  __builtin_prefetch(entry);
  __builtin_prefetch(reinterpret_cast<const uint8_t*>(entry) + 64);
}

/** Memory that is handed out from front to back, in chunks that never move. */
class Chunks {
 public:
  struct Chunk {
    Chunk* next;
    size_t room;
    size_t end;

    uint8_t* bytes();
  };
  /** A place in the order in which memory is handed out. */
  struct Mark {
    Chunk* chunk = nullptr;
    size_t end = 0;
  };

  /** A chunk is as large as all before it together, within these bounds. */
  Chunks(size_t leastBytes, size_t mostBytes) : least_(leastBytes), most_(mostBytes) {}
  ~Chunks() { cut({}); }
  Chunks(const Chunks&) = delete;
  Chunks& operator=(const Chunks&) = delete;

  uint64_t memoryBytes() const { return heldBytes_; }
  /** Makes `add` of so many bytes, in one or several pieces, succeed. A new chunk has room for
   * `wanted` bytes if that is modest. False when the memory can not be had. */
  [[nodiscard]] bool reserve(size_t bytes, size_t wanted = 0);
  /** Bytes that `reserve` made sure of. */
  uint8_t* add(size_t bytes);

  Mark mark() const { return {current_, current_ == nullptr ? 0 : current_->end}; }
  /** Takes back what was handed out behind a mark, and frees its chunks. */
  void cut(const Mark& mark);
  /** Takes everything back, and keeps the chunks to hand them out again in the same order. */
  void rewind();
  Chunk* first() const { return first_; }

 private:
  const size_t least_;
  const size_t most_;
  Chunk* first_ = nullptr;
  Chunk* current_ = nullptr;
  uint64_t heldBytes_ = 0;
};

/** Goes over entries in the order in which they were added. */
class EntryWalk {
 public:
  explicit EntryWalk(const Chunks::Mark& at) : chunk_(at.chunk), at_(at.end) {}

  /** The caller knows that there is one more. */
  const Row* next();

 private:
  Chunks::Chunk* chunk_;
  size_t at_;
};

class Arena {
 public:
  /** A place among the entries: behind the first so many. */
  struct Mark {
    uint64_t entries = 0;
    Chunks::Mark at;
  };

  Arena();

  uint64_t entries() const { return entries_; }
  uint64_t memoryBytes() const { return chunks_.memoryBytes(); }
  /** Copies a record behind all others. `wanted` is what the batch still has behind its key. False
   * when the memory can not be had. */
  [[nodiscard]] bool add(Slice key, Slice value, uint64_t trailer, size_t wanted);

  Mark mark() const { return {entries_, chunks_.mark()}; }
  /** Takes back the entries behind a mark. */
  void cut(const Mark& mark);
  /** The entries behind a mark. */
  EntryWalk since(const Mark& mark) const;
  EntryWalk all() const { return since({}); }

 private:
  Chunks chunks_;
  uint64_t entries_ = 0;
};

}  // namespace cairn
