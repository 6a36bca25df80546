// BlockHeads: the entries of a block that is asked often, ready for look-ups.
//
// A head is the four bytes of a user key behind what all keys of the block begin with, as a number
// in their order; zeros stand for what is not there. Heads, and where their entries lie, stand side
// by side: a key that is absent ends at them, and one that is found costs one look into the block.
// Made at the second look-up in a cached block, and only of keys that rise, so that the answers are
// those of a search through the block. For the JavaScript thread.
// Twin: lib/table/walk.ts
#pragma once

#include <memory>

#include "table/block.h"
#include "table/walk.h"

namespace cairn {

class BlockHeads {
 public:
  /** Of the block's entries, read with `walk`, which tells its place through `entry`. Null when
   * they do not rise, the block is too large, or the memory can not be had. */
  static std::unique_ptr<BlockHeads> make(const BlockView& block, BlockWalk& walk,
                                          const Entry& entry);

  size_t memoryBytes() const { return sizeof(BlockHeads) + roomFor(common_, count_); }
  /** Asks for what a search reads first. */
  void prefetch() const {
    const auto* at = reinterpret_cast<const uint8_t*>(this);
    for (size_t line = 0; line < FETCHED_LINES; line++) __builtin_prefetch(at + line * LINE_BYTES);
  }

  /** As `findInBlock`. UNSURE where an entry shares more with the one before than stands here. */
  InBlock find(Slice key, uint64_t trailer, uint64_t& foundTrailer, Slice& value) const;

  /** Whether it was asked since the cache came by. */
  mutable bool referenced = true;

  static void operator delete(void* heads);

 private:
  static constexpr size_t LINE_BYTES = 64;
  /** So many lines of heads, and of an entry, are asked for at once: small ones have no more. */
  static constexpr size_t FETCHED_LINES = 4;

  BlockHeads(const BlockView& block, size_t count, size_t common);
  static void* operator new(size_t, void* place) { return place; }
  static size_t roomFor(size_t common, size_t count) {
    return count * (sizeof(uint32_t) + sizeof(uint16_t)) + common;
  }
  void fill(BlockWalk& walk, const Entry& entry);

  // Behind the object: heads, offsets of entries, and what all keys begin with.
  uint32_t* heads() { return reinterpret_cast<uint32_t*>(this + 1); }
  const uint32_t* heads() const { return reinterpret_cast<const uint32_t*>(this + 1); }
  const uint16_t* offsets() const {
    return reinterpret_cast<const uint16_t*>(heads() + count_);
  }
  const uint8_t* prefix() const {
    return reinterpret_cast<const uint8_t*>(offsets() + count_);
  }

  const uint8_t* const block_;
  const uint32_t count_;
  /** Bytes that all keys begin with, as far as they are looked at. */
  const uint16_t common_;
};

}  // namespace cairn
