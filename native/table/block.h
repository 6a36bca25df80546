// Blocks: sorted entries with shared prefixes, and restart points where nothing is shared.
//
// A BlockView has passed its checksum and a walk over its structure: every header, length and
// restart point lies inside it, so that searches need no checks. Behind its contents lie
// BLOCK_SLACK_BYTES that may be read, so that short pieces are copied 16 bytes at a time. The order
// of its keys is not looked at here (see stream.h and verify.h).
// Format: docs/format/table.md (blocks)
// Twin: lib/table/block.ts
#pragma once

#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/counted.h"
#include "base/slice.h"
#include "base/status.h"
#include "format/block.h"
#include "format/coding.h"

namespace cairn {

inline constexpr size_t BLOCK_SLACK_BYTES = 16;

/** Checked contents in memory that someone else holds. */
struct BlockView {
  const uint8_t* bytes = nullptr;
  size_t sizeBytes = 0;
  /** Where the entries end and the restart points begin. */
  size_t entriesEnd = 0;
  size_t restarts = 0;
  /** Bytes of the longest key. */
  size_t keyBytesMax = 0;

  /** Offset of the entry at restart point `index`. */
  size_t restart(size_t index) const { return fixed32(bytes + entriesEnd + index * 4); }
};

struct BlockSlot;

/** How often look-ups came to a block while it was cached. */
enum class Asked : uint8_t { NEVER, ONCE, OFTEN };

/** Verified contents that are shared. They never change, and lie in one piece with the object. */
class Block : public Counted<Block> {
 public:
  /** Room for `sizeBytes` and the slack; null when the memory can not be had. */
  static Ref<Block> make(size_t sizeBytes);

  uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
  const BlockView& view() const { return view_; }
  void setView(const BlockView& view) { view_ = view; }

  // These belong to the block cache, and with it to the JavaScript thread.
  mutable std::vector<BlockSlot>* slots = nullptr;
  mutable size_t ordinal = 0;
  mutable size_t ringIndex = 0;
  mutable bool referenced = false;
  /** What look-ups made of it. */
  mutable Asked asked = Asked::NEVER;

  static void operator delete(void* block);

 private:
  friend class Counted<Block>;
  Block() = default;
  ~Block() = default;
  static void* operator new(size_t, void* place) { return place; }

  BlockView view_;
};

/** What keys of a block are: INTERNAL ones end in a trailer. */
enum class BlockKeys : uint8_t { INTERNAL, PLAIN };

/** Whether offsets inside a block of this size have 32 bits. */
inline bool blockFits(uint64_t sizeBytes) { return sizeBytes < UINT32_MAX - BLOCK_TRAILER_BYTES; }

/**
 * Verifies a block and its trailer, `raw`, and gives its uncompressed contents: a part of `raw`,
 * or `decoded`, which then has slack behind them. `file` and `offset` say where it came from.
 * CAIRN_CORRUPTION, or CAIRN_FORMAT_VERSION for Zstandard.
 */
Status blockContents(Slice raw, const std::string& file, uint64_t offset, Buffer& decoded,
                     Slice& contents);

/** Checks the structure of contents. */
Status parseBlock(Slice contents, BlockKeys keys, const std::string& file, uint64_t offset,
                  BlockView& view);

/** The same for a data block: it has entries, and their keys are internal keys. */
Status parseDataBlock(Slice contents, const std::string& file, uint64_t offset, BlockView& view);

/** Makes a Block of a data block and its trailer that lie in memory of others. */
Status copyBlock(Slice raw, const std::string& file, uint64_t offset, Ref<Block>& block);

/** Makes a Block whose `data()` was filled with a data block and its trailer, `rawBytes` in all,
 * ready to use; another one takes its place when they were compressed. */
Status verifyBlock(size_t rawBytes, const std::string& file, uint64_t offset, Ref<Block>& block);

}  // namespace cairn
