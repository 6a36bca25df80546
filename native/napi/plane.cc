// Planes: made, asked and closed; and the checksum.
#include "checksum/crc32c.h"
#include "napi/async.h"
#include "napi/functions.h"

namespace cairn {

namespace {

/** crc32c(bytes, seed): number */
napi_value checksum(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Slice bytes;
  uint64_t seed = 0;
  if (!call.bytes(0, bytes) || !call.count(1, seed)) return nullptr;
  return call.result(crc32c(bytes, static_cast<uint32_t>(seed)));
}

/** setErrorMaker(maker): void */
napi_value setErrorMaker(napi_env env, napi_callback_info info) {
  Call call(env, info);
  call.environment().setErrorMaker(call.value(0));
  return nullptr;
}

/** planeOpen(path, cacheBytes, maxOpenTables, io: IoWanted): handle */
napi_value planeOpen(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto plane = makeRef<Plane>();
  uint64_t cacheBytes = 0;
  uint64_t maxOpenTables = 0;
  uint64_t io = 0;
  if (!call.text(0, plane->path) || !call.count(1, cacheBytes) || !call.count(2, maxOpenTables) ||
      !call.count(3, io))
    return nullptr;
  if (io > static_cast<uint64_t>(IoWanted::THREADS))
    return call.fail(Status::range("no such kind of I/O"));
  Status status = Directory::open(plane->path, plane->directory);
  if (status.ok()) status = call.environment().loop(static_cast<IoWanted>(io), plane->loop);
  if (!status.ok()) return call.fail(status);
  plane->files = makeRef<TableFiles>(plane->directory, cacheBytes, maxOpenTables);
  return call.handle(plane);
}

/** planeIo(plane): 'io_uring' | 'threads' */
napi_value planeIo(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  if (!call.object(0, plane)) return nullptr;
  const bool ring = plane->loop->queue().kind() == IoKind::IO_URING;
  return textOut(env, ring ? "io_uring" : "threads");
}

/** planeRefusal(plane): why it has no ring; '' when it has one. */
napi_value planeRefusal(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  if (!call.object(0, plane)) return nullptr;
  return textOut(env, plane->loop->queue().refusal());
}

/** planeLock(plane): takes LevelDB's lock; false when another has it. */
napi_value planeLock(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  if (!call.object(0, plane)) return nullptr;
  if (plane->lock == nullptr) {
    const Status status = LevelLock::take(plane->path, plane->lock);
    if (!status.ok()) return call.fail(status);
  }
  napi_value held = nullptr;
  napi_get_boolean(env, plane->lock != nullptr, &held);
  return held;
}

/** planeStats(plane): void; open tables and cached bytes in words 0 and 1. */
napi_value planeStats(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  if (!call.object(0, plane)) return nullptr;
  auto& words = *call.environment().words;
  words[0] = static_cast<double>(plane->files->openTables());
  words[1] = static_cast<double>(plane->files->cachedBlockBytes());
  return nullptr;
}

/** planeClose(plane): void; tables and cursors of it can read no more. */
napi_value planeClose(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  double handle = 0;
  if (!call.number(0, handle)) return nullptr;
  plane = call.environment().handles.get<Plane>(handle);
  if (plane == nullptr) return nullptr;
  plane->files->close();
  plane->lock.reset();
  call.environment().handles.close<Plane>(handle);
  return nullptr;
}

/** openHandles(): number; for tests. */
napi_value openHandles(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return call.result(static_cast<double>(call.environment().handles.open()));
}

}  // namespace

const Function PLANE_FUNCTIONS[] = {
    {"crc32c", checksum},         {"setErrorMaker", setErrorMaker}, {"planeOpen", planeOpen},
    {"planeIo", planeIo},         {"planeRefusal", planeRefusal},   {"planeLock", planeLock},
    {"planeStats", planeStats},   {"planeClose", planeClose},       {"openHandles", openHandles},
    {nullptr, nullptr},
};

}  // namespace cairn
