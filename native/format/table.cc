// Twin: lib/format/table.ts
#include "format/table.h"

namespace cairn {

uint8_t* putHandle(uint8_t* bytes, BlockHandle handle) {
  return putVarint(putVarint(bytes, handle.offset), handle.sizeBytes);
}

Status readHandle(FieldReader& reader, BlockHandle& handle) {
  CAIRN_TRY(reader.varint64(handle.offset));
  return reader.varint64(handle.sizeBytes);
}

void encodeFooter(uint8_t* bytes, const TableFooter& footer) {
  std::memset(bytes, 0, TABLE_FOOTER_BYTES);
  putHandle(putHandle(bytes, footer.metaindex), footer.index);
  putFixed32(bytes + TABLE_HANDLES_BYTES, TABLE_MAGIC_LOW);
  putFixed32(bytes + TABLE_HANDLES_BYTES + 4, TABLE_MAGIC_HIGH);
}

Status decodeFooter(Slice bytes, TableFooter& footer) {
  if (bytes.size != TABLE_FOOTER_BYTES) return Status::format("footer cut short", 0);
  if (fixed32(bytes.data + TABLE_HANDLES_BYTES) != TABLE_MAGIC_LOW ||
      fixed32(bytes.data + TABLE_HANDLES_BYTES + 4) != TABLE_MAGIC_HIGH)
    return Status::format("not a table: wrong magic", TABLE_HANDLES_BYTES);
  FieldReader reader(bytes.part(0, TABLE_HANDLES_BYTES));
  CAIRN_TRY(readHandle(reader, footer.metaindex));
  return readHandle(reader, footer.index);
}

size_t encodeProperties(uint8_t* bytes, const TableProperties& properties) {
  uint8_t* end = putVarint(bytes, TABLE_PROPERTIES_VERSION);
  end = putVarint(end, properties.entries);
  end = putVarint(end, properties.deletions);
  end = putVarint(end, properties.keyBytes);
  end = putVarint(end, properties.valueBytes);
  end = putVarint(end, properties.smallestSequence);
  end = putVarint(end, properties.largestSequence);
  return static_cast<size_t>(end - bytes);
}

Status decodeProperties(Slice bytes, TableProperties& properties, bool& known) {
  FieldReader reader(bytes);
  uint32_t version = 0;
  CAIRN_TRY(reader.varint32(version));
  known = version == TABLE_PROPERTIES_VERSION;
  if (!known) return {};
  CAIRN_TRY(reader.varint64(properties.entries));
  CAIRN_TRY(reader.varint64(properties.deletions));
  CAIRN_TRY(reader.varint64(properties.keyBytes));
  CAIRN_TRY(reader.varint64(properties.valueBytes));
  CAIRN_TRY(reader.varint64(properties.smallestSequence));
  CAIRN_TRY(reader.varint64(properties.largestSequence));
  if (!reader.atEnd())
    return Status::format("bytes behind the properties", reader.offset());
  return {};
}

}  // namespace cairn
