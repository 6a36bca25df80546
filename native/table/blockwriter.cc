// Twin: lib/table/block.ts (BlockWriter)
#include "table/blockwriter.h"

#include "format/coding.h"

namespace cairn {

namespace {

/** Length of what both begin with; eight bytes at a time while they are equal. */
size_t sharedLength(Slice a, Slice b) {
  const size_t limit = a.size < b.size ? a.size : b.size;
  size_t shared = 0;
  while (shared + 8 <= limit && std::memcmp(a.data + shared, b.data + shared, 8) == 0) shared += 8;
  while (shared < limit && a[shared] == b[shared]) shared++;
  return shared;
}

}  // namespace

Status BlockWriter::add(Slice key, Slice value) {
  size_t shared = 0;
  if (since_ < interval_) {
    shared = sharedLength(last_.slice(), key);
  } else {
    restarts_.push_back(bytes_.size());
    since_ = 0;
  }
  const Slice fresh = key.from(shared);
  if (value.size > SIZE_MAX - key.size - 3 * VARINT64_MAX_BYTES ||
      !bytes_.room(fresh.size + value.size + 3 * VARINT64_MAX_BYTES))
    return Status::memory(value.size);
  uint8_t* end = bytes_.data() + bytes_.size();
  end = putVarint(end, shared);
  end = putVarint(end, fresh.size);
  end = putVarint(end, value.size);
  copyBytes(end, fresh.data, fresh.size);
  end += fresh.size;
  copyBytes(end, value.data, value.size);
  bytes_.setSize(static_cast<size_t>(end - bytes_.data()) + value.size);
  since_++;
  return remember(key, shared);
}

Status BlockWriter::finish(Slice& contents) {
  const size_t entries = bytes_.size();
  if (!bytes_.room(restarts_.size() * 4 + 4)) return Status::memory(sizeBytes());
  uint8_t* end = bytes_.data() + entries;
  for (const size_t restart : restarts_) end = putFixed32(end, static_cast<uint32_t>(restart));
  end = putFixed32(end, static_cast<uint32_t>(restarts_.size()));
  contents = {bytes_.data(), static_cast<size_t>(end - bytes_.data())};
  bytes_.clear();
  last_.clear();
  restarts_.assign(1, 0);
  since_ = 0;
  return {};
}

Status BlockWriter::remember(Slice key, size_t shared) {
  last_.setSize(shared);
  return last_.append(key.from(shared)) ? Status() : Status::memory(key.size);
}

}  // namespace cairn
