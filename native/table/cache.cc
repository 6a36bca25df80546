// Twin: lib/table/cache.ts
#include "table/cache.h"

namespace cairn {

namespace {

/** What a block costs beside its bytes: the objects around it, about. */
constexpr uint64_t OVERHEAD_BYTES = 256;

uint64_t costOf(const Block* block) { return block->view().sizeBytes + OVERHEAD_BYTES; }

BlockSlot& slotOf(const Block* block) { return (*block->slots)[block->ordinal]; }

/** Whether the block was asked since the last time. */
bool wasAsked(const Block* block) {
  const BlockHeads* heads = slotOf(block).heads.get();
  const bool asked = block->referenced || (heads != nullptr && heads->referenced);
  block->referenced = false;
  if (heads != nullptr) heads->referenced = false;
  return asked;
}

}  // namespace

void BlockCache::insert(const Ref<const Block>& block, BlockSlots& slots, size_t ordinal) {
  const uint64_t cost = costOf(block.get());
  if (cost > capacityBytes_) return;
  makeRoom(cost);
  block->slots = &slots;
  block->ordinal = ordinal;
  block->ringIndex = ring_.size();
  block->referenced = false;
  block->asked = Asked::NEVER;
  slots[ordinal].block = block;
  ring_.push_back(block.get());
  usedBytes_ += cost;
}

void BlockCache::addHeads(BlockSlot& slot, std::unique_ptr<const BlockHeads> heads) {
  const uint64_t cost = heads->memoryBytes();
  // Both must fit, or making room would end with the block itself.
  if (!slot.block || costOf(slot.block.get()) + cost > capacityBytes_) return;
  makeRoom(cost);
  if (!slot.block) return;
  slot.heads = std::move(heads);
  usedBytes_ += cost;
}

void BlockCache::removeAll(BlockSlots& slots) {
  for (const BlockSlot& slot : slots)
    if (slot.block) remove(slot.block.get());
}

void BlockCache::makeRoom(uint64_t bytes) {
  while (!ring_.empty() && usedBytes_ + bytes > capacityBytes_) evict();
}

void BlockCache::evict() {
  for (;;) {
    if (hand_ >= ring_.size()) hand_ = 0;
    const Block* block = ring_[hand_];
    if (!wasAsked(block)) return remove(block);
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
  BlockSlot& slot = slotOf(block);
  usedBytes_ -= costOf(block);
  if (slot.heads) usedBytes_ -= slot.heads->memoryBytes();
  block->slots = nullptr;
  slot.heads = nullptr;
  // May end the block's life.
  slot.block = nullptr;
}

}  // namespace cairn
