// Twin: lib/format/coding.ts
#include "format/coding.h"

namespace cairn {

Status FieldReader::uint8(uint8_t& value) {
  CAIRN_TRY(need(1, "byte"));
  value = bytes_[offset_++];
  return {};
}

Status FieldReader::fixed32(uint32_t& value) {
  CAIRN_TRY(need(4, "fixed32"));
  value = cairn::fixed32(bytes_.data + offset_);
  offset_ += 4;
  return {};
}

Status FieldReader::fixed64(uint64_t& value) {
  CAIRN_TRY(need(8, "fixed64"));
  value = cairn::fixed64(bytes_.data + offset_);
  if (value > NUMBER_MAX) return Status::format("number over 2^53", offset_);
  offset_ += 8;
  return {};
}

Status FieldReader::varint32(uint32_t& value) {
  const size_t start = offset_;
  uint64_t wide = 0;
  CAIRN_TRY(varint(VARINT32_MAX_BYTES, wide));
  if (wide > UINT32_MAX) return Status::format("varint32 overflows", start);
  value = static_cast<uint32_t>(wide);
  return {};
}

Status FieldReader::varint64(uint64_t& value) {
  const size_t start = offset_;
  CAIRN_TRY(varint(VARINT64_MAX_BYTES, value));
  if (value > NUMBER_MAX) return Status::format("number over 2^53", start);
  return {};
}

Status FieldReader::slice(Slice& value) {
  const size_t start = offset_;
  uint32_t length = 0;
  CAIRN_TRY(varint32(length));
  if (length > bytes_.size - offset_) return Status::format("slice runs past the end", start);
  value = bytes_.part(offset_, length);
  offset_ += length;
  return {};
}

Status FieldReader::varint(size_t maxBytes, uint64_t& value) {
  const size_t start = offset_;
  uint64_t sum = 0;
  bool over = false;
  for (size_t i = 0; i < maxBytes; i++) {
    if (offset_ >= bytes_.size) return Status::format("varint runs past the end", start);
    const uint8_t byte = bytes_[offset_++];
    const uint64_t digit = byte & 0x7f;
    // Ten digits hold 70 bits; what does not fit is over 2^53 whatever it is.
    if (i == VARINT64_MAX_BYTES - 1 && digit > 1) over = true;
    sum |= digit << (7 * i);
    if (byte < 0x80) {
      value = over ? UINT64_MAX : sum;
      return {};
    }
  }
  return Status::format("varint is too long", start);
}

Status FieldReader::need(size_t count, const char* what) const {
  if (bytes_.size - offset_ >= count) return {};
  return Status::format(std::string(what) + " cut short", offset_);
}

}  // namespace cairn
