// Twin: lib/table/walk.ts
#include "table/heads.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/words.h"

namespace cairn {

namespace {

constexpr size_t HEAD_BYTES = 4;
/** Longer beginnings are compared to their ends by nobody: the heads would begin further on. */
constexpr size_t COMMON_MAX_BYTES = 256;
/** Offsets have 16 bits. */
constexpr size_t BLOCK_MAX_BYTES = 65536;
/** With more keys of one head the search through the block is as good. */
constexpr size_t ALIKE_MAX = 8;

/** The head of a key that has `common` bytes. */
uint32_t headOf(Slice key, size_t common) {
  return static_cast<uint32_t>(keyWord(key, common) >> 8 * (WORD_BYTES - HEAD_BYTES));
}

/** What the keys of a block that rise have in common: what the first and the last have. */
struct Extent {
  size_t count = 0;
  size_t common = 0;
};

bool measure(const BlockView& block, BlockWalk& walk, const Entry& entry, Extent& extent) {
  walk.enterFirst(block);
  const Slice first = entry.key;  // Shares nothing, so it lies in the block.
  for (extent.count = 1; !walk.atLast(); extent.count++) {
    if (!walk.rises(nullptr)) return false;
    walk.stepNext();
  }
  const size_t limit = std::min({first.size, entry.key.size, COMMON_MAX_BYTES});
  while (extent.common < limit && first[extent.common] == entry.key[extent.common])
    extent.common++;
  return true;
}

}  // namespace

std::unique_ptr<BlockHeads> BlockHeads::make(const BlockView& block, BlockWalk& walk,
                                             const Entry& entry) {
  Extent extent;
  if (block.entriesEnd == 0 || block.entriesEnd > BLOCK_MAX_BYTES) return nullptr;
  if (!walk.prepare(block).ok() || !measure(block, walk, entry, extent)) return nullptr;
  void* place = std::malloc(sizeof(BlockHeads) + roomFor(extent.common, extent.count));
  if (place == nullptr) return nullptr;
  std::unique_ptr<BlockHeads> made(new (place) BlockHeads(block, extent.count, extent.common));
  walk.enterFirst(block);
  made->fill(walk, entry);
  return made;
}

BlockHeads::BlockHeads(const BlockView& block, size_t count, size_t common)
    : block_(block.bytes),
      count_(static_cast<uint32_t>(count)),
      common_(static_cast<uint16_t>(common)) {}

void BlockHeads::operator delete(void* heads) { std::free(heads); }

void BlockHeads::fill(BlockWalk& walk, const Entry& entry) {
  copyBytes(const_cast<uint8_t*>(prefix()), entry.key.data, common_);
  auto* offsets = const_cast<uint16_t*>(this->offsets());
  for (size_t i = 0; i < count_; i++, walk.stepNext()) {
    heads()[i] = headOf(entry.key, common_);
    offsets[i] = static_cast<uint16_t>(walk.offset());
  }
}

InBlock BlockHeads::find(Slice key, uint64_t trailer, uint64_t& foundTrailer, Slice& value) const {
  if (key.size < common_) return InBlock::ABSENT;
  const uint32_t head = headOf(key, common_);
  const uint32_t* const all = heads();
  size_t index = lowerBound(all, count_, head);
  if (index == count_ || all[index] != head) return InBlock::ABSENT;
  const uint8_t* line = block_ + offsets()[index];
  for (size_t i = 0; i < FETCHED_LINES; i++) __builtin_prefetch(line + i * LINE_BYTES);
  if (!equalBytes(key.part(0, common_), {prefix(), common_})) return InBlock::ABSENT;
  // What the head and what is before it say of an entry's key.
  const size_t known = std::min<size_t>(common_ + HEAD_BYTES, key.size);
  const size_t end = std::min<size_t>(index + ALIKE_MAX, count_);
  for (; index < end && all[index] == head; index++) {
    const EntryHeader header = entryHeader(block_ + offsets()[index]);
    if (header.shared + header.fresh != key.size + KEY_TRAILER_BYTES) continue;
    if (header.shared > known) return InBlock::UNSURE;
    const uint8_t* rest = header.rest + (known - header.shared);
    const size_t left = key.size - known;
    if (!equalBytes({rest, left}, key.from(known))) continue;
    foundTrailer = fixed64(rest + left);
    if (foundTrailer > trailer) continue;
    value = {header.rest + header.fresh, header.valueLength};
    return InBlock::FOUND;
  }
  return index == count_ || all[index] != head ? InBlock::ABSENT : InBlock::UNSURE;
}

}  // namespace cairn
