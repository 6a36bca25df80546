// Twin: lib/table/cache.ts
#include "table/cache.h"

namespace cairn {

namespace {

/** What a block costs beside its bytes: the objects around it, about. */
constexpr uint64_t OVERHEAD_BYTES = 256;

uint64_t costOf(const Block* block) { return block->view().sizeBytes + OVERHEAD_BYTES; }

}  // namespace

void BlockCache::insert(const Ref<const Block>& block, BlockSlots& slots, size_t ordinal) {
  const uint64_t cost = costOf(block.get());
  if (cost > capacityBytes_) return;
  while (usedBytes_ + cost > capacityBytes_) evict();
  block->slots = &slots;
  block->ordinal = ordinal;
  block->ringIndex = ring_.size();
  block->referenced = false;
  slots[ordinal] = block;
  ring_.push_back(block.get());
  usedBytes_ += cost;
}

void BlockCache::removeAll(BlockSlots& slots) {
  for (const Ref<const Block>& block : slots)
    if (block) remove(block.get());
}

void BlockCache::evict() {
  for (;;) {
    if (hand_ >= ring_.size()) hand_ = 0;
    const Block* block = ring_[hand_];
    if (!block->referenced) return remove(block);
    block->referenced = false;
    hand_++;
  }
}

void BlockCache::remove(const Block* block) {
  const Block* last = ring_.back();
  ring_.pop_back();
  if (last != block) {
    ring_[block->ringIndex] = last;
    last->ringIndex = block->ringIndex;
  }
  usedBytes_ -= costOf(block);
  BlockSlots* slots = block->slots;
  block->slots = nullptr;
  // May end the block's life.
  (*slots)[block->ordinal] = nullptr;
}

}  // namespace cairn
