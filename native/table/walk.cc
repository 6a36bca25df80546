// Twin: lib/table/walk.ts
#include "table/walk.h"

#include <bit>

namespace cairn {

namespace {

constexpr ptrdiff_t LINE_BYTES = 64;
constexpr ptrdiff_t AHEAD_BYTES = 2048;

size_t checkedVarint(const uint8_t*& at) {
  size_t value = *at & 0x7f;
  for (uint32_t shift = 7; *at++ >= 0x80; shift += 7)
    value |= static_cast<size_t>(*at & 0x7f) << shift;
  return value;
}

/** Leading bytes that both have in common from `from` on, in all. */
inline size_t matchedTo(const uint8_t* a, const uint8_t* b, size_t from, size_t limit) {
  for (; from + 8 <= limit; from += 8) {
    const uint64_t difference = fixed64(a + from) ^ fixed64(b + from);
    if (difference != 0) return from + static_cast<size_t>(std::countr_zero(difference)) / 8;
  }
  while (from < limit && a[from] == b[from]) from++;
  return from;
}

/** Whether the entry at `at`, which shares nothing, is before the internal key. */
bool isBefore(const uint8_t* at, Slice key, uint64_t trailer) {
  const EntryHeader header = entryHeader(at);
  const size_t user = header.fresh - KEY_TRAILER_BYTES;
  const size_t limit = user < key.size ? user : key.size;
  // Keys are short: a call that compares them costs more than they do.
  const size_t matched = matchedTo(header.rest, key.data, 0, limit);
  if (matched < limit) return header.rest[matched] < key[matched];
  if (user != key.size) return user < key.size;
  return fixed64(header.rest + user) > trailer;
}

/** The last restart point whose entry is before the internal key; else the first. Asks for the
 * lines that follow: where an entry lies is known only behind the one before it, and waiting for
 * memory once is better than once per entry. */
const uint8_t* restartBefore(const BlockView& block, Slice key, uint64_t trailer) {
  size_t left = 0;
  size_t right = block.restarts - 1;
  while (left < right) {
    const size_t middle = (left + right + 1) / 2;
    // Either half is looked into next: both middles are on their way while this one is compared.
    __builtin_prefetch(block.bytes + block.restart((left + middle) / 2));
    __builtin_prefetch(block.bytes + block.restart((middle + right + 1) / 2));
    if (isBefore(block.bytes + block.restart(middle), key, trailer)) left = middle;
    else right = middle - 1;
  }
  const uint8_t* at = block.bytes + block.restart(left);
  const size_t end = left + 1 < block.restarts ? block.restart(left + 1) : block.entriesEnd;
  const uint8_t* stop = block.bytes + end;
  if (stop - at > AHEAD_BYTES) stop = at + AHEAD_BYTES;
  for (const uint8_t* line = at + LINE_BYTES; line < stop; line += LINE_BYTES)
    __builtin_prefetch(line);
  return at;
}

}  // namespace

EntryHeader longHeader(const uint8_t* at) {
  EntryHeader header;
  header.shared = checkedVarint(at);
  header.fresh = checkedVarint(at);
  header.valueLength = checkedVarint(at);
  header.rest = at;
  return header;
}

Status BlockWalk::prepare(const BlockView& block) {
  const size_t need = block.keyBytesMax + BLOCK_SLACK_BYTES;
  if (need <= key_.capacity() && need <= spare_.capacity()) return {};
  const bool made = entry_.key.data != nullptr && entry_.key.data == key_.data();
  if (!key_.reserve(need * 2) || !spare_.reserve(need * 2)) return Status::memory(need * 2);
  if (made) entry_.key.data = key_.data();
  return {};
}

void BlockWalk::enterFirst(const BlockView& block) {
  enter(block);
  read(block.bytes);
}

void BlockWalk::enterLast(const BlockView& block) {
  enter(block);
  list();
  index_ = offsets_.size() - 1;
  gather(0);
}

bool BlockWalk::enterAt(const BlockView& block, Slice key, uint64_t trailer) {
  const uint8_t* end = block.bytes + block.entriesEnd;
  const uint8_t* at = restartBefore(block, key, trailer);
  uint8_t* made = spare_.data();
  /** Leading bytes that the last entry's user key and `key` have in common. */
  size_t matched = 0;
  /** Whether they differ at `matched`, rather than one of them ending there. */
  bool differs = false;
  while (at < end) {
    const EntryHeader header = entryHeader(at);
    copyPiece(made + header.shared, header.rest, header.fresh);
    // An entry that repeats the byte in which the last one was smaller is smaller as well.
    if (header.shared <= matched || !differs) {
      const size_t user = header.shared + header.fresh - KEY_TRAILER_BYTES;
      const size_t limit = user < key.size ? user : key.size;
      const size_t from = header.shared < matched ? header.shared : matched;
      matched = matchedTo(made, key.data, from, limit);
      differs = matched < limit;
      const bool same = !differs && user == key.size;
      const bool reached = differs ? made[matched] > key[matched]
                           : same  ? fixed64(made + user) <= trailer
                                   : user > key.size;
      if (reached) {
        std::swap(key_, spare_);
        enter(block);
        tell(at, key_.data(), header);
        found_ = same;
        return true;
      }
    }
    at = header.rest + header.fresh + header.valueLength;
  }
  return false;
}

bool BlockWalk::stepPrevious() {
  if (at_ == block_.bytes) return false;
  if (!listed_) {
    list();
    const auto offset = static_cast<uint32_t>(at_ - block_.bytes);
    size_t left = 0;
    size_t right = offsets_.size() - 1;
    while (left < right) {
      const size_t middle = (left + right + 1) / 2;
      if (offsets_[middle] <= offset) left = middle;
      else right = middle - 1;
    }
    index_ = left;
  }
  index_--;
  gather(entryHeader(at_).shared);
  return true;
}

bool BlockWalk::rises(const BlockView* next) const {
  const EntryHeader header = entryHeader(next == nullptr ? entry_.value.end() : next->bytes);
  const uint8_t* key = entry_.key.data;
  const size_t user = header.shared + header.fresh - KEY_TRAILER_BYTES;
  const size_t limit = user < entry_.key.size ? user : entry_.key.size;
  for (size_t i = header.shared; i < limit; i++) {
    const uint8_t byte = header.rest[i - header.shared];
    if (byte != key[i]) return byte > key[i];
  }
  if (user != entry_.key.size) return user > entry_.key.size;
  uint8_t trailer[KEY_TRAILER_BYTES];
  for (size_t i = 0; i < KEY_TRAILER_BYTES; i++) {
    const size_t at = user + i;
    trailer[i] = at < header.shared ? key[at] : header.rest[at - header.shared];
  }
  return fixed64(trailer) < entry_.trailer;
}

void BlockWalk::keepKey() {
  if (entry_.key.data == key_.data()) return;
  copyBytes(key_.data(), entry_.key.data, entry_.key.size + KEY_TRAILER_BYTES);
  entry_.key.data = key_.data();
}

void BlockWalk::enter(const BlockView& block) {
  block_ = block;
  end_ = block.bytes + block.entriesEnd;
  listed_ = false;
  entry_.valid = true;
}

/** Lists where the entries of the block begin. */
void BlockWalk::list() {
  offsets_.clear();
  for (const uint8_t* at = block_.bytes; at < end_;) {
    offsets_.push_back(static_cast<uint32_t>(at - block_.bytes));
    const EntryHeader header = entryHeader(at);
    at = header.rest + header.fresh + header.valueLength;
  }
  listed_ = true;
}

/** Makes the key of listed entry `index_`, of which the present key has the first `kept` bytes. */
void BlockWalk::gather(size_t kept) {
  const uint8_t* at = block_.bytes + offsets_[index_];
  const EntryHeader wanted = entryHeader(at);
  if (wanted.shared == 0) return tell(at, wanted.rest, wanted);
  uint8_t* made = key_.data();
  EntryHeader header = wanted;
  size_t need = wanted.shared + wanted.fresh;
  for (size_t i = index_; need > kept;) {
    if (header.shared < need) {
      const size_t from = header.shared > kept ? header.shared : kept;
      copyBytes(made + from, header.rest + (from - header.shared), need - from);
      need = from;
    }
    if (need > kept) header = entryHeader(block_.bytes + offsets_[--i]);
  }
  tell(at, made, wanted);
}

InBlock findInBlock(const BlockView& block, Slice key, uint64_t trailer, uint64_t& foundTrailer,
                    Slice& value) {
  const uint8_t* end = block.bytes + block.entriesEnd;
  const uint8_t* at = restartBefore(block, key, trailer);
  // As in `enterAt`: while the last user key differs from `key`, all that is compared is fresh.
  size_t matched = 0;
  bool differs = false;
  while (at < end) {
    const EntryHeader header = entryHeader(at);
    if (header.shared <= matched) {
      const size_t user = header.shared + header.fresh - KEY_TRAILER_BYTES;
      const size_t limit = user < key.size ? user : key.size;
      const uint8_t* fresh = header.rest;
      matched = header.shared;
      for (; matched < limit && *fresh == key[matched]; fresh++) matched++;
      differs = matched < limit;
      if (differs) {
        if (*fresh > key[matched]) return InBlock::ABSENT;
      } else if (user > key.size) {
        return InBlock::ABSENT;
      } else if (user == key.size) {
        foundTrailer = fixed64(header.rest + (user - header.shared));
        if (foundTrailer <= trailer) {
          value = {header.rest + header.fresh, header.valueLength};
          return InBlock::FOUND;
        }
      }
    } else if (!differs) {
      return InBlock::UNSURE;
    }
    at = header.rest + header.fresh + header.valueLength;
  }
  return InBlock::ABSENT;
}

bool startsBefore(const BlockView& block, Slice key, uint64_t trailer) {
  return isBefore(block.bytes, key, trailer);
}

}  // namespace cairn
