// Twin: lib/format/key.ts
#include "format/key.h"

namespace cairn {

namespace {

/** `user` up to `last` inclusive, that byte one larger, and the trailer before all others. */
Status shortened(Slice user, size_t last, Buffer& key) {
  if (!key.resize(last + 1 + KEY_TRAILER_BYTES)) return Status::memory(last + 1);
  copyBytes(key.data(), user.data, last + 1);
  key[last]++;
  putFixed64(key.data() + last + 1, UINT64_MAX << 8 | KEY_TYPE_SEEK);
  return {};
}

Status same(Slice internal, Buffer& key) {
  return key.assign(internal) ? Status() : Status::memory(internal.size);
}

}  // namespace

Status internalSeparator(Slice a, Slice b, Buffer& key) {
  const Slice x = userKey(a);
  const Slice y = userKey(b);
  const size_t shared = x.size < y.size ? x.size : y.size;
  size_t i = 0;
  while (i < shared && x[i] == y[i]) i++;
  if (i == shared) return same(a, key);
  if (x[i] == 0xff || x[i] + 1 >= y[i] || i + 1 >= x.size) return same(a, key);
  return shortened(x, i, key);
}

Status internalSuccessor(Slice a, Buffer& key) {
  const Slice user = userKey(a);
  size_t i = 0;
  while (i < user.size && user[i] == 0xff) i++;
  if (i + 1 >= user.size) return same(a, key);
  return shortened(user, i, key);
}

}  // namespace cairn
