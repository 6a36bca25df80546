// BlockWalk: a place among the entries of one block, and the moves inside it.
//
// It tells its place through an Entry of its owner. A key that shares nothing is told where it lies
// in the block; others are made in a buffer that has room for the block's longest key from
// `prepare` on, so that no move takes memory. Backward as in the twin: the offsets of the entries
// are listed once per block, and of a key only what changes is gathered.
// Twin: lib/table/walk.ts
#pragma once

#include <vector>

#include "base/buffer.h"
#include "format/entry.h"
#include "format/key.h"
#include "table/block.h"

namespace cairn {

/** The header of an entry whose block was checked. */
struct EntryHeader {
  size_t shared;
  size_t fresh;
  size_t valueLength;
  /** Where the key's own bytes begin. */
  const uint8_t* rest;
};

EntryHeader longHeader(const uint8_t* at);

inline EntryHeader entryHeader(const uint8_t* at) {
  if ((at[0] | at[1] | at[2]) < 0x80) return {at[0], at[1], at[2], at + 3};
  return longHeader(at);
}

/** Copies a piece of a key; both sides have BLOCK_SLACK_BYTES behind it. */
inline void copyPiece(uint8_t* target, const uint8_t* source, size_t size) {
  if (size <= BLOCK_SLACK_BYTES) std::memcpy(target, source, BLOCK_SLACK_BYTES);
  else std::memcpy(target, source, size);
}

class BlockWalk {
 public:
  /** `entry` outlives the walk. */
  explicit BlockWalk(Entry& entry) : entry_(entry) {}

  /** Makes room for the keys of a block; before it is entered. The place stays. */
  Status prepare(const BlockView& block);
  /** To the first or last entry of a block that has entries. */
  void enterFirst(const BlockView& block);
  void enterLast(const BlockView& block);
  /** To the first entry at or after the internal key; false, and no move, when all are before. */
  bool enterAt(const BlockView& block, Slice key, uint64_t trailer);

  /** Whether the entry that `enterAt` found has the user key that was looked for. */
  bool found() const { return found_; }
  /** Where the present entry lies in the block. */
  size_t offset() const { return static_cast<size_t>(at_ - block_.bytes); }
  /** Whether the block has no entry after this one. */
  bool atLast() const { return entry_.value.end() >= end_; }

  /** To the next entry; false, and no move, behind the last one. */
  bool stepNext() {
    const uint8_t* at = entry_.value.end();
    if (at >= end_) return false;
    index_++;
    read(at);
    return true;
  }
  /** To the entry before; false, and no move, at the first one. */
  bool stepPrevious();

  /** Whether the entry after this one, or the first one of `next`, has a greater key. */
  bool rises(const BlockView* next) const;
  /** Brings the key out of the block, whose memory will be used for something else. */
  void keepKey();
  /** The present internal key, of a valid entry. */
  Slice internalKey() const {
    return {entry_.key.data, entry_.key.size + KEY_TRAILER_BYTES};
  }

 private:
  void enter(const BlockView& block);
  void read(const uint8_t* at) {
    const EntryHeader header = entryHeader(at);
    const uint8_t* key = header.rest;
    if (header.shared > 0) {
      uint8_t* made = key_.data();
      if (entry_.key.data != made) copyPiece(made, entry_.key.data, header.shared);
      copyPiece(made + header.shared, header.rest, header.fresh);
      key = made;
    }
    tell(at, key, header);
  }
  void tell(const uint8_t* at, const uint8_t* key, const EntryHeader& header) {
    const size_t user = header.shared + header.fresh - KEY_TRAILER_BYTES;
    at_ = at;
    entry_.key = {key, user};
    entry_.trailer = fixed64(key + user);
    entry_.value = {header.rest + header.fresh, header.valueLength};
  }
  void list();
  void gather(size_t kept);

  Entry& entry_;
  BlockView block_;
  const uint8_t* end_ = nullptr;
  /** The present entry. */
  const uint8_t* at_ = nullptr;
  bool found_ = false;
  Buffer key_;
  /** Takes the keys of a search; changes places with `key_` when it succeeds. */
  Buffer spare_;
  /** Offsets of all entries of the block, once a move backward listed them; `index_` is the present
   * entry's. */
  bool listed_ = false;
  size_t index_ = 0;
  std::vector<uint32_t> offsets_;
};

enum class InBlock : uint8_t { ABSENT, FOUND, UNSURE };

/** The first entry of `key` with a trailer of at most `trailer`, without making keys. UNSURE where
 * that takes bytes of an entry's trailer that a later key shares: a walk can tell. */
InBlock findInBlock(const BlockView& block, Slice key, uint64_t trailer, uint64_t& foundTrailer,
                    Slice& value);

/** Whether the block's first entry is before the internal key. */
bool startsBefore(const BlockView& block, Slice key, uint64_t trailer);

}  // namespace cairn
