// Twin: lib/table/block.ts
#include "table/block.h"

#include <cstdlib>
#include <new>

#include "checksum/crc32c.h"
#include "format/checksum.h"
#include "format/key.h"
#include "table/snappy.h"

namespace cairn {

namespace {

constexpr uint64_t NO_RESTART = UINT64_MAX;

/** Reads a varint32 that must end before `end`; its value may have 35 bits. */
Status checkedVarint(const uint8_t* bytes, uint64_t& at, uint64_t end, uint64_t& value) {
  const uint64_t limit = end < at + VARINT32_MAX_BYTES ? end : at + VARINT32_MAX_BYTES;
  value = 0;
  uint32_t shift = 0;
  for (uint64_t p = at; p < limit; p++, shift += 7) {
    value |= static_cast<uint64_t>(bytes[p] & 0x7f) << shift;
    if (bytes[p] < 0x80) {
      at = p + 1;
      return {};
    }
  }
  return Status::format("bad varint", at);
}

/** What is wrong with an internal key, the rest of which lies at `rest`; null: nothing. A type byte
 * that is shared was checked where it is first written, but for keys of other length (which verify
 * looks at). */
const char* wrongInternal(const uint8_t* rest, uint64_t shared, uint64_t keyLength) {
  if (keyLength < KEY_TRAILER_BYTES) return "key is too short";
  const uint64_t typeAt = keyLength - KEY_TRAILER_BYTES;
  return typeAt >= shared && rest[typeAt - shared] > KEY_TYPE_VALUE ? "unknown type of entry"
                                                                     : nullptr;
}

/** Header bytes may be read behind the entries: at least 8 bytes of restart points are there. */
Status checkEntries(BlockView& view, bool internal) {
  const uint8_t* bytes = view.bytes;
  const uint64_t end = view.entriesEnd;
  size_t restart = 0;
  uint64_t nextRestart = view.restart(0);
  uint64_t keyLength = 0;
  uint64_t longest = 0;
  uint64_t at = 0;
  while (at < end) {
    uint64_t p = at + 3;
    uint64_t shared = bytes[at];
    uint64_t fresh = bytes[at + 1];
    uint64_t valueLength = bytes[at + 2];
    if ((shared | fresh | valueLength) >= 0x80) {
      p = at;
      CAIRN_TRY(checkedVarint(bytes, p, end, shared));
      CAIRN_TRY(checkedVarint(bytes, p, end, fresh));
      CAIRN_TRY(checkedVarint(bytes, p, end, valueLength));
    }
    if (shared > keyLength) return Status::format("entry shares more than the key before", at);
    if (p > end || fresh + valueLength > end - p) return Status::format("entry is cut short", at);
    keyLength = shared + fresh;
    if (keyLength > longest) longest = keyLength;
    if (internal) {
      const char* wrong = wrongInternal(bytes + p, shared, keyLength);
      if (wrong != nullptr) return Status::format(wrong, at);
    }
    if (at == nextRestart) {
      if (shared != 0) return Status::format("restart point shares a prefix", at);
      restart++;
      nextRestart = restart < view.restarts ? view.restart(restart) : NO_RESTART;
    }
    at = p + fresh + valueLength;
  }
  const bool empty = end == 0 && view.restarts == 1 && nextRestart == 0;
  if (restart != view.restarts && !empty) return Status::format("bad restart points", at);
  if (end > 0 && view.restart(0) != 0) return Status::format("bad restart points", 0);
  view.keyBytesMax = static_cast<size_t>(longest);
  return {};
}

Status parseContents(Slice contents, BlockKeys keys, BlockView& view) {
  if (contents.size < 4) return Status::format("block is too short", 0);
  const uint64_t restarts = fixed32(contents.end() - 4);
  if (restarts == 0 || restarts * 4 > contents.size - 4)
    return Status::format("bad number of restarts", 0);
  view = BlockView();
  view.bytes = contents.data;
  view.sizeBytes = contents.size;
  view.entriesEnd = contents.size - 4 - static_cast<size_t>(restarts) * 4;
  view.restarts = static_cast<size_t>(restarts);
  return checkEntries(view, keys == BlockKeys::INTERNAL);
}

}  // namespace

Ref<Block> Block::make(size_t sizeBytes) {
  void* place = std::malloc(sizeof(Block) + sizeBytes + BLOCK_SLACK_BYTES);
  return place == nullptr ? Ref<Block>() : Ref<Block>(new (place) Block());
}

void Block::operator delete(void* block) { std::free(block); }

namespace {

/** Verifies a block and its trailer. Gives what it holds, as it was stored, and whether that is
 * compressed. */
Status storedContents(Slice raw, const std::string& file, uint64_t offset, Slice& stored,
                      bool& compressed) {
  const size_t sizeBytes = raw.size - BLOCK_TRAILER_BYTES;
  const uint32_t crc = crc32c(raw.part(0, sizeBytes + 1));
  if (fixed32(raw.data + sizeBytes + 1) != maskCrc(crc))
    return Status::corruption(file, offset, "checksum mismatch");
  stored = raw.part(0, sizeBytes);
  const uint8_t kind = raw[sizeBytes];
  compressed = kind == BLOCK_KIND_SNAPPY;
  if (compressed || kind == BLOCK_KIND_NONE) return {};
  if (kind == BLOCK_KIND_ZSTD)
    return Status::store(Code::FORMAT_VERSION,
                         file + ": the block at byte " + std::to_string(offset) +
                             " is compressed with zstd, not supported",
                         file, static_cast<int64_t>(offset));
  return Status::corruption(file, offset, "unknown kind of block " + std::to_string(kind));
}

}  // namespace

Status blockContents(Slice raw, const std::string& file, uint64_t offset, Buffer& decoded,
                     Slice& contents) {
  bool compressed = false;
  CAIRN_TRY(storedContents(raw, file, offset, contents, compressed));
  if (!compressed) return {};
  CAIRN_TRY(unsnappy(contents, decoded).in(file, offset));
  if (!decoded.reserve(decoded.size() + BLOCK_SLACK_BYTES)) return Status::memory(decoded.size());
  contents = decoded.slice();
  return {};
}

Status parseBlock(Slice contents, BlockKeys keys, const std::string& file, uint64_t offset,
                  BlockView& view) {
  if (!blockFits(contents.size)) return Status::memory(contents.size);
  return parseContents(contents, keys, view).in(file, offset);
}

Status parseDataBlock(Slice contents, const std::string& file, uint64_t offset, BlockView& view) {
  CAIRN_TRY(parseBlock(contents, BlockKeys::INTERNAL, file, offset, view));
  if (view.entriesEnd == 0) return Status::corruption(file, offset, "block without entries");
  return {};
}

Status copyBlock(Slice raw, const std::string& file, uint64_t offset, Ref<Block>& block) {
  static_assert(SNAPPY_SLACK_BYTES <= BLOCK_SLACK_BYTES);
  Slice stored;
  bool compressed = false;
  CAIRN_TRY(storedContents(raw, file, offset, stored, compressed));
  size_t size = stored.size;
  if (compressed) CAIRN_TRY(unsnappyLength(stored, size).in(file, offset));
  Ref<Block> made = Block::make(size);
  if (!made) return Status::memory(size);
  if (compressed) CAIRN_TRY(unsnappyTo(made->data(), stored).in(file, offset));
  else copyBytes(made->data(), stored.data, size);
  BlockView view;
  CAIRN_TRY(parseDataBlock({made->data(), size}, file, offset, view));
  made->setView(view);
  block = std::move(made);
  return {};
}

Status verifyBlock(size_t rawBytes, const std::string& file, uint64_t offset, Ref<Block>& block) {
  const Slice raw{block->data(), rawBytes};
  if (raw[rawBytes - BLOCK_TRAILER_BYTES] != BLOCK_KIND_NONE) {
    const Ref<Block> compressed = block;
    return copyBlock(raw, file, offset, block);
  }
  Slice contents;
  bool compressed = false;
  CAIRN_TRY(storedContents(raw, file, offset, contents, compressed));
  BlockView view;
  CAIRN_TRY(parseDataBlock(contents, file, offset, view));
  block->setView(view);
  return {};
}

}  // namespace cairn
