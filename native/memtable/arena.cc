// Twin: lib/memtable/arena.ts
#include "memtable/arena.h"

#include <algorithm>
#include <new>

namespace cairn {

namespace {

constexpr size_t FIRST_CHUNK_BYTES = 64 * 1024;
constexpr size_t CHUNK_BYTES = 1024 * 1024;
/** Cache lines: what is handed out in multiples of one never straddles two. */
constexpr size_t CHUNK_ALIGNMENT = 64;
constexpr size_t CHUNK_HEADER_BYTES = 64;
static_assert(sizeof(Chunks::Chunk) <= CHUNK_HEADER_BYTES);

}  // namespace

uint8_t* Chunks::Chunk::bytes() { return reinterpret_cast<uint8_t*>(this) + CHUNK_HEADER_BYTES; }

bool Chunks::reserve(size_t bytes, size_t wanted) {
  if (current_ != nullptr) {
    if (bytes <= current_->room - current_->end) return true;
    // Only behind a rewind are there chunks ahead.
    Chunk* next = current_->next;
    if (next != nullptr && bytes <= next->room) {
      current_ = next;
      return true;
    }
  }
  const size_t usual = std::clamp(static_cast<size_t>(heldBytes_), least_, most_);
  const size_t room = std::max({bytes, usual, std::min(wanted, 4 * most_)});
  void* memory = ::operator new(CHUNK_HEADER_BYTES + room, std::align_val_t{CHUNK_ALIGNMENT},
                                std::nothrow);
  if (memory == nullptr) return false;
  Chunk** link = current_ == nullptr ? &first_ : &current_->next;
  Chunk* chunk = new (memory) Chunk{*link, room, 0};
  *link = chunk;
  current_ = chunk;
  heldBytes_ += CHUNK_HEADER_BYTES + room;
  return true;
}

uint8_t* Chunks::add(size_t bytes) {
  uint8_t* added = current_->bytes() + current_->end;
  current_->end += bytes;
  return added;
}

void Chunks::cut(const Mark& mark) {
  Chunk* rest = mark.chunk == nullptr ? first_ : mark.chunk->next;
  while (rest != nullptr) {
    Chunk* next = rest->next;
    heldBytes_ -= CHUNK_HEADER_BYTES + rest->room;
    ::operator delete(rest, std::align_val_t{CHUNK_ALIGNMENT});
    rest = next;
  }
  current_ = mark.chunk;
  if (mark.chunk == nullptr) {
    first_ = nullptr;
  } else {
    mark.chunk->next = nullptr;
    mark.chunk->end = mark.end;
  }
}

void Chunks::rewind() {
  for (Chunk* chunk = first_; chunk != nullptr; chunk = chunk->next) chunk->end = 0;
  current_ = first_;
}

const Row* EntryWalk::next() {
  while (at_ == chunk_->end) {
    chunk_ = chunk_->next;
    at_ = 0;
  }
  const Row* entry = reinterpret_cast<const Row*>(chunk_->bytes() + at_);
  at_ += entry->sizeBytes();
  return entry;
}

Arena::Arena() : chunks_(FIRST_CHUNK_BYTES, CHUNK_BYTES) {}

bool Arena::add(Slice key, Slice value, uint64_t trailer, size_t wanted) {
  if (key.size > UINT32_MAX || value.size > UINT32_MAX) return false;
  const size_t bytes = Row::sizeFor(key.size, value.size);
  if (!chunks_.reserve(bytes, wanted)) return false;
  Row* entry = new (chunks_.add(bytes)) Row{trailer, static_cast<uint32_t>(key.size),
                                                static_cast<uint32_t>(value.size)};
  uint8_t* target = reinterpret_cast<uint8_t*>(entry + 1);
  copyBytes(target, key.data, key.size);
  copyBytes(target + key.size, value.data, value.size);
  entries_++;
  return true;
}

void Arena::cut(const Mark& mark) {
  chunks_.cut(mark.at);
  entries_ = mark.entries;
}

EntryWalk Arena::since(const Mark& mark) const {
  return EntryWalk(mark.at.chunk == nullptr ? Chunks::Mark{chunks_.first(), 0} : mark.at);
}

}  // namespace cairn
