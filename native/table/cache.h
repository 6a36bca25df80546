// The block cache: a bound on the bytes of blocks kept in memory, and who goes first.
//
// As in the twin: each table holds its cached blocks in slots of its own, and a CLOCK ring goes
// over all of them. For the JavaScript thread alone; a block that leaves lives on with its holders.
// Twin: lib/table/cache.ts
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "table/block.h"
#include "table/heads.h"

namespace cairn {

/** Block i of a table, while it is cached; with heads, if it was asked often enough. */
struct BlockSlot {
  Ref<const Block> block;
  std::unique_ptr<const BlockHeads> heads;
};

using BlockSlots = std::vector<BlockSlot>;

class BlockCache {
 public:
  explicit BlockCache(uint64_t capacityBytes) : capacityBytes_(capacityBytes) {}

  uint64_t usedBytes() const { return usedBytes_; }

  /** Keeps the block as `slots[ordinal]`, which must be free, unless it can never fit. `slots`
   * stays where it is until `removeAll`. */
  void insert(const Ref<const Block>& block, BlockSlots& slots, size_t ordinal);
  /** Keeps the heads of the block in a slot, if that is still there when room was made. */
  void addHeads(BlockSlot& slot, std::unique_ptr<const BlockHeads> heads);
  /** Lets go of every block of a table. */
  void removeAll(BlockSlots& slots);

 private:
  void makeRoom(uint64_t bytes);
  void evict();
  void remove(const Block* block);

  const uint64_t capacityBytes_;
  std::vector<const Block*> ring_;
  size_t hand_ = 0;
  uint64_t usedBytes_ = 0;
};

}  // namespace cairn
