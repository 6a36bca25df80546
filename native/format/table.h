// The footer of a table, block handles, and the properties that cairndb adds.
// Format: docs/format/table.md
// Twin: lib/format/table.ts
#pragma once

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "format/coding.h"

namespace cairn {

inline constexpr size_t TABLE_FOOTER_BYTES = 48;
inline constexpr size_t TABLE_HANDLES_BYTES = 40;
inline constexpr uint32_t TABLE_MAGIC_LOW = 0x8b80fb57;
inline constexpr uint32_t TABLE_MAGIC_HIGH = 0xdb477524;
inline constexpr char TABLE_PROPERTIES_NAME[] = "cairn.properties";
inline constexpr uint32_t TABLE_PROPERTIES_VERSION = 1;
inline constexpr size_t TABLE_HANDLE_MAX_BYTES = 2 * VARINT64_MAX_BYTES;

/** Where a block lies; `sizeBytes` excludes the block's trailer. */
struct BlockHandle {
  uint64_t offset = 0;
  uint64_t sizeBytes = 0;
};

struct TableFooter {
  BlockHandle metaindex;
  BlockHandle index;
};

/** What a table holds, told by its `cairn.properties` block. */
struct TableProperties {
  uint64_t entries = 0;
  uint64_t deletions = 0;
  uint64_t keyBytes = 0;
  uint64_t valueBytes = 0;
  uint64_t smallestSequence = 0;
  uint64_t largestSequence = 0;
};

uint8_t* putHandle(uint8_t* bytes, BlockHandle handle);
Status readHandle(FieldReader& reader, BlockHandle& handle);
/** Fills TABLE_FOOTER_BYTES. */
void encodeFooter(uint8_t* bytes, const TableFooter& footer);
/** A FormatError when the magic or a handle is wrong. */
Status decodeFooter(Slice bytes, TableFooter& footer);
/** Fills up to 7 x VARINT64_MAX_BYTES; gives how many. */
size_t encodeProperties(uint8_t* bytes, const TableProperties& properties);
/** `known` is false for a version that this reader does not know. */
Status decodeProperties(Slice bytes, TableProperties& properties, bool& known);

}  // namespace cairn
