// Bloom filters of a table: made, and asked.
// Format: docs/format/filter.md
// Twin: lib/table/filter.ts
#include "table/filter.h"

#include <algorithm>
#include <bit>

#include "format/coding.h"

namespace cairn {

namespace {

/** Offset array position u32 and base lg u8. */
constexpr size_t TAIL_BYTES = 5;
/** A larger base was not written by anybody: such a block answers nothing. */
constexpr uint32_t BASE_LG_MAX = 31;

inline uint32_t deltaOf(uint32_t hash) { return std::rotr(hash, 17); }

void setBits(uint8_t* into, uint64_t bits, uint32_t hash, uint32_t probes) {
  const uint32_t delta = deltaOf(hash);
  for (uint32_t i = 0; i < probes; i++) {
    const uint64_t bit = hash % bits;
    into[bit >> 3] = static_cast<uint8_t>(into[bit >> 3] | 1u << (bit & 7));
    hash += delta;
  }
}

}  // namespace

uint32_t filterHash(Slice key) {
  uint32_t hash = FILTER_HASH_SEED ^ static_cast<uint32_t>(key.size) * FILTER_HASH_MULTIPLIER;
  const uint8_t* at = key.data;
  size_t rest = key.size;
  for (; rest >= 4; rest -= 4, at += 4) {
    hash = (hash + fixed32(at)) * FILTER_HASH_MULTIPLIER;
    hash ^= hash >> 16;
  }
  if (rest > 0) {
    uint32_t word = at[0];
    if (rest >= 2) word |= static_cast<uint32_t>(at[1]) << 8;
    if (rest == 3) word |= static_cast<uint32_t>(at[2]) << 16;
    hash = (hash + word) * FILTER_HASH_MULTIPLIER;
    hash ^= hash >> 24;
  }
  return hash;
}

FilterBlockWriter::FilterBlockWriter(uint32_t bitsPerKey)
    : bitsPerKey_(bitsPerKey),
      probes_(static_cast<uint32_t>(std::clamp(bitsPerKey * FILTER_PROBES_PER_BIT, 1.0,
                                               static_cast<double>(FILTER_PROBES_MAX)))) {}

Status FilterBlockWriter::startBlock(uint64_t offset) {
  const uint64_t filters = offset >> FILTER_BASE_LG;
  while (offsets_.size() < filters) CAIRN_TRY(generate());
  return {};
}

Status FilterBlockWriter::finish(Slice& contents) {
  if (!hashes_.empty()) CAIRN_TRY(generate());
  const size_t arrayOffset = bytes_.size();
  const size_t size = arrayOffset + offsets_.size() * 4 + TAIL_BYTES;
  if (!bytes_.resize(size)) return Status::memory(size);
  uint8_t* at = bytes_.data() + arrayOffset;
  for (const uint32_t offset : offsets_) at = putFixed32(at, offset);
  at = putFixed32(at, static_cast<uint32_t>(arrayOffset));
  *at = static_cast<uint8_t>(FILTER_BASE_LG);
  contents = bytes_.slice();
  return {};
}

Status FilterBlockWriter::generate() {
  const size_t start = bytes_.size();
  offsets_.push_back(static_cast<uint32_t>(start));
  if (hashes_.empty()) return {};
  const uint64_t bits = std::max<uint64_t>(uint64_t{hashes_.size()} * bitsPerKey_, FILTER_MIN_BITS);
  const size_t bytesOfBits = static_cast<size_t>((bits + 7) / 8);
  if (!bytes_.room(bytesOfBits + 1)) return Status::memory(bytesOfBits + 1);
  uint8_t* const filter = bytes_.data() + start;
  std::memset(filter, 0, bytesOfBits);
  for (const uint32_t hash : hashes_) setBits(filter, bytesOfBits * 8, hash, probes_);
  filter[bytesOfBits] = static_cast<uint8_t>(probes_);
  bytes_.setSize(start + bytesOfBits + 1);
  hashes_.clear();
  return {};
}

FilterBlock::FilterBlock(Slice contents) : bytes_(contents) {
  if (contents.size < TAIL_BYTES) return;
  const size_t tail = contents.size - TAIL_BYTES;
  const size_t arrayOffset = fixed32(contents.data + tail);
  const uint32_t baseLg = contents[contents.size - 1];
  if (arrayOffset > tail || (tail - arrayOffset) % 4 != 0 || baseLg > BASE_LG_MAX) return;
  arrayOffset_ = arrayOffset;
  filters_ = (tail - arrayOffset) / 4;
  baseLg_ = baseLg;
}

bool FilterBlock::filterMayContain(uint64_t index, uint32_t hash) const {
  const uint8_t* const at = bytes_.data + arrayOffset_ + index * 4;
  const size_t from = fixed32(at);
  const size_t limit = fixed32(at + 4);
  if (from > limit || limit > arrayOffset_) return true;
  // A filter without room for bits was made of no keys.
  if (limit - from < 2) return false;
  const uint32_t probes = bytes_[limit - 1];
  const uint32_t bits = static_cast<uint32_t>((limit - from - 1) * 8);
  if (probes > FILTER_PROBES_MAX || bits == 0) return true;
  const uint32_t delta = deltaOf(hash);
  for (uint32_t i = 0; i < probes; i++) {
    const uint32_t bit = hash % bits;
    if ((bytes_[from + (bit >> 3)] & 1u << (bit & 7)) == 0) return false;
    hash += delta;
  }
  return true;
}

}  // namespace cairn
