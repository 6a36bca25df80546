// Twin: lib/table/handles.ts
#include "table/handles.h"

#include "base/words.h"
#include "table/walk.h"

namespace cairn {

namespace {

/** No writer shares so much between separators that they outgrow their block by this. */
constexpr size_t KEYS_MAX_RATIO = 16;

}  // namespace

Status TableIndex::decode(const BlockView& block, uint64_t limit) {
  Entry entry;
  BlockWalk walk(entry);
  CAIRN_TRY(walk.prepare(block));
  if (block.entriesEnd > 0) walk.enterFirst(block);
  uint64_t fileEnd = 0;
  size_t room = block.sizeBytes;
  if (!keys_.reserve(room)) return Status::memory(room);
  for (bool more = entry.valid; more; more = walk.stepNext()) {
    const auto at = static_cast<uint64_t>(entry.value.data - block.bytes);
    FieldReader reader(entry.value);
    BlockHandle handle;
    CAIRN_TRY(readHandle(reader, handle));
    if (handle.offset < fileEnd || handle.offset + handle.sizeBytes + BLOCK_TRAILER_BYTES > limit)
      return Status::format("index: block out of place", at);
    fileEnd = handle.offset + handle.sizeBytes + BLOCK_TRAILER_BYTES;
    CAIRN_TRY(addKey(walk.internalKey(), block.sizeBytes, room, at));
    blocks_.push_back(handle);
    if (!walk.atLast() && !walk.rises(nullptr))
      return Status::format("index: separators do not rise", at + entry.value.size);
  }
  arrange();
  return {};
}

size_t TableIndex::seek(Slice key, uint64_t trailer) const {
  const size_t ordinal = seekInner(key, trailer);
  if (ordinal < inner_ || count() == 0) return ordinal;
  return isBefore(inner_, key, trailer) ? count() : inner_;
}

/** Among all separators but the last; `inner_` when the key is behind them. */
size_t TableIndex::seekInner(Slice key, uint64_t trailer) const {
  const size_t common = common_;
  const size_t shared = common < key.size ? common : key.size;
  const int order = shared == 0 ? 0 : std::memcmp(key.data, keys_.data(), shared);
  if (order != 0) return order < 0 ? 0 : inner_;
  if (shared < common) return 0;
  const uint64_t head = keyWord(key, common);
  const uint64_t* heads = heads_.data();
  const size_t places = heads_.size();
  size_t place = 1;
  while (place < places) {
    // Three generations down lie in one line, or nowhere: asking for nothing does no harm.
    __builtin_prefetch(heads + place * 8);
    place = place * 2 + (heads[place] < head ? 1 : 0);
  }
  // The last step to the left leads to the answer: undo the ones to the right, and it.
  place >>= __builtin_ctzll(~static_cast<unsigned long long>(place)) + 1;
  size_t left = ordinals_[place];
  if (place == 0 || heads[place] != head || !isBefore(left, key, trailer)) return left;
  size_t right = inner_;
  for (left++; left < right;) {
    const size_t middle = (left + right) / 2;
    if (isBefore(middle, key, trailer)) left = middle + 1;
    else right = middle;
  }
  return left;
}

/** `room` is what the twin has room for: it looks at the limit only where that is not enough. */
Status TableIndex::addKey(Slice key, size_t blockBytes, size_t& room, uint64_t at) {
  const size_t need = keys_.size() + key.size;
  if (need > room) {
    if (need > blockBytes * KEYS_MAX_RATIO) return Status::format("index: too much key", at);
    room = need * 2;
  }
  if (!keys_.append(key)) return Status::memory(need);
  ends_.push_back(keys_.size());
  return {};
}

/** Puts the heads into Eytzinger order: a walk of the tree in its order meets them as they rise. */
void TableIndex::arrange() {
  inner_ = count() == 0 ? 0 : count() - 1;
  heads_.assign(inner_ + 1, 0);
  ordinals_.assign(inner_ + 1, static_cast<uint32_t>(inner_));
  if (inner_ == 0) return;
  const Slice first = userKey(separator(0));
  const Slice last = userKey(separator(inner_ - 1));
  const size_t limit = first.size < last.size ? first.size : last.size;
  common_ = 0;
  while (common_ < limit && first[common_] == last[common_]) common_++;
  size_t place = 1;
  while (place * 2 <= inner_) place *= 2;
  for (size_t ordinal = 0; ordinal < inner_; ordinal++) {
    const Slice user = userKey(separator(ordinal));
    heads_[place] = keyWord(user, common_);
    ordinals_[place] = static_cast<uint32_t>(ordinal);
    if (place * 2 + 1 <= inner_) {
      place = place * 2 + 1;
      while (place * 2 <= inner_) place *= 2;
    } else {
      place >>= __builtin_ctzll(~static_cast<unsigned long long>(place)) + 1;
    }
  }
}

}  // namespace cairn
