// The test build's trace (CAIRN_TRACE): what it records, and what the planned faults come to.
#include "os/trace.h"

#include <poll.h>

#include <vector>

#include "check.h"
#include "os/queue.h"
#include "scratch.h"

using namespace cairn;

namespace {

constexpr int CANCELED = 125;

Slice sliceOf(const std::string& text) { return Slice(text.data(), text.size()); }

struct Waiter final : IoWaiter {
  int told = 0;
  Status status;
  void ioDone(Status given) override {
    told++;
    status = std::move(given);
  }
  int error() const { return status.ok() ? 0 : status.detail().errorNumber; }
};

void settle(Queue& queue) {
  queue.submit();
  while (queue.pending() > 0) {
    pollfd place{queue.wakeDescriptor(), POLLIN, 0};
    if (!CHECK_EQ(poll(&place, 1, 20'000), 1)) return;
    queue.drain();
  }
}

void recorded(const Directory& directory) {
  traceRecord(true);
  Ref<File> file;
  CHECK_OK(directory.createFile("a", file));
  const uint64_t between = traceTick();
  CHECK_OK(file->write(Slice("hello", 5), 7));
  CHECK_OK(file->sync());
  CHECK_OK(file->truncate(9));
  CHECK_OK(directory.removeFile("a"));
  CHECK_OK(directory.removeFile("a"));
  const std::vector<TraceOperation> all = traceTake();
  if (!CHECK_EQ(all.size(), 6)) return;
  const TraceKind kinds[] = {TraceKind::CREATE,   TraceKind::WRITE,  TraceKind::SYNC,
                             TraceKind::TRUNCATE, TraceKind::REMOVE, TraceKind::REMOVE};
  uint64_t last = 0;
  for (size_t i = 0; i < all.size(); i++) {
    CHECK_EQ(all[i].kind, kinds[i]);
    CHECK_EQ(all[i].name, "a");
    CHECK(all[i].begin > last);
    CHECK(all[i].end > all[i].begin);
    last = all[i].end;
    CHECK_EQ(all[i].directory != 0, i == 0 || i > 3);
    CHECK_EQ(all[i].inode, i > 3 ? 0 : all[0].inode);
  }
  CHECK(all[0].end < between && between < all[1].begin);
  CHECK(all[0].inode != 0);
  CHECK_EQ(all[1].bytes, "hello");
  CHECK_EQ(all[1].position, 7);
  CHECK_EQ(all[1].result, 5);
  CHECK_EQ(all[3].position, 9);
  CHECK_EQ(all[5].result, -ENOENT);
  CHECK_EQ(traceTake().size(), 0);
  traceRecord(false);
  CHECK_OK(directory.removeFile("a"));
  CHECK_EQ(traceTake().size(), 0);
}

void direct(const Directory& directory) {
  Ref<File> file;
  traceRecord(true);
  tracePlan(TraceKind::CREATE, 1, -EMFILE);
  CHECK_EQ(directory.createFile("b", file).detail().errorNumber, EMFILE);
  CHECK_OK(directory.createFile("b", file));
  // Interrupted, short, interrupted: and all of it is there.
  tracePlan(TraceKind::WRITE, 1, -EINTR);
  tracePlan(TraceKind::WRITE, 2, 3);
  tracePlan(TraceKind::WRITE, 3, -EAGAIN);
  CHECK_OK(file->write(Slice("0123456789", 10), 0));
  CHECK_EQ(traceForgive(), 0);
  uint8_t bytes[16];
  size_t got = 0;
  CHECK_OK(file->read(bytes, sizeof bytes, 0, got));
  CHECK_EQ(Slice(bytes, got), Slice("0123456789", 10));
  tracePlan(TraceKind::WRITE, 1, 0);
  CHECK_EQ(file->write(Slice("x", 1), 0).detail().errorNumber, EIO);
  tracePlan(TraceKind::WRITE, 1, 2);
  tracePlan(TraceKind::WRITE, 2, -ENOSPC);
  CHECK_EQ(file->write(Slice("abcd", 4), 0).detail().errorNumber, ENOSPC);
  // A sync is never tried again.
  for (const int each : {EIO, EINTR, EAGAIN}) {
    tracePlan(TraceKind::SYNC, 1, -each);
    CHECK_EQ(file->sync().detail().errorNumber, each);
  }
  for (uint64_t i = 1; i <= 200; i++) tracePlan(TraceKind::WRITE, i, -EINTR);
  CHECK_EQ(file->write(Slice("x", 1), 0).detail().errorNumber, EINTR);
  CHECK(traceForgive() > 0);
  std::vector<int64_t> results;
  for (const TraceOperation& each : traceTake())
    if (results.size() < 10) results.push_back(each.result);
  const std::vector<int64_t> expected{-EMFILE, 0, -EINTR, 3, -EAGAIN, 7, 0, 2, -ENOSPC, -EIO};
  for (size_t i = 0; i < expected.size(); i++) CHECK_EQ(results[i], expected[i]);
  traceRecord(false);
  CHECK_OK(directory.removeFile("b"));
}

/** Every result that the ring or the sync thread can give. */
void queued(IoWanted wanted, const Directory& directory) {
  std::unique_ptr<Queue> queue;
  CHECK_OK(Queue::open(wanted, queue));
  Ref<File> file;
  CHECK_OK(directory.createFile("c", file));
  traceRecord(true);
  const std::string bytes = "0123456789abcdef";
  for (const int64_t first : {3, -EINTR, -EAGAIN}) {
    Waiter waiter;
    tracePlan(TraceKind::WRITE, 1, first);
    tracePlan(TraceKind::WRITE, 2, 1);
    queue->write(file, sliceOf(bytes), 100, &waiter);
    settle(*queue);
    CHECK_OK(waiter.status);
    uint8_t found[32];
    size_t got = 0;
    CHECK_OK(file->read(found, sizeof found, 100, got));
    CHECK_EQ(Slice(found, got), sliceOf(bytes));
    const std::vector<TraceOperation> all = traceTake();
    if (!CHECK_EQ(all.size(), 3)) continue;
    CHECK_EQ(all[0].bytes, bytes);
    CHECK_EQ(all[0].result, first);
    CHECK_EQ(all[1].bytes, bytes.substr(first > 0 ? 3 : 0));
    CHECK_EQ(all[1].result, 1);
    CHECK_EQ(all[2].position, 100 + (first > 0 ? 4 : 1));
    CHECK_EQ(all[2].result, first > 0 ? 12 : 15);
    for (const TraceOperation& each : all) CHECK(each.end > each.begin);
  }
  for (const int failure : {ENOSPC, EIO, CANCELED}) {
    Waiter waiters[3];
    tracePlan(TraceKind::WRITE, 1, -failure);
    tracePlan(TraceKind::SYNC, 1, -failure);
    queue->write(file, sliceOf(bytes), 0, &waiters[0]);
    queue->sync(file, &waiters[1]);
    queue->sync(file, &waiters[2]);
    settle(*queue);
    CHECK_EQ(waiters[0].error(), failure);
    CHECK_EQ(waiters[1].error(), failure);
    CHECK_EQ(waiters[1].status.detail().text, "sync");
    CHECK_EQ(waiters[1].status.detail().file, "c");
    CHECK_OK(waiters[2].status);
  }
  Waiter stuck;
  tracePlan(TraceKind::WRITE, 1, 0);
  queue->write(file, sliceOf(bytes), 0, &stuck);
  settle(*queue);
  CHECK_EQ(stuck.error(), EIO);
  // Interrupted for ever is a failure, and a sync is not tried again.
  Waiter interrupted[2];
  for (uint64_t i = 1; i <= 200; i++) tracePlan(TraceKind::WRITE, i, -EINTR);
  tracePlan(TraceKind::SYNC, 1, -EAGAIN);
  queue->write(file, sliceOf(bytes), 0, &interrupted[0]);
  queue->sync(file, &interrupted[1]);
  settle(*queue);
  CHECK_EQ(interrupted[0].error(), EINTR);
  CHECK_EQ(interrupted[1].error(), EAGAIN);
  CHECK(traceForgive() > 0);
  traceTake();
  // One that is under way as the trace is taken has no end in it, and none in the next.
  Waiter waiter;
  queue->sync(file, &waiter);
  queue->submit();
  const std::vector<TraceOperation> early = traceTake();
  settle(*queue);
  for (const TraceOperation& each : early) CHECK(each.end == 0 || each.end > each.begin);
  CHECK_EQ(early.size() + traceTake().size(), 1);
  traceRecord(false);
  CHECK_OK(directory.removeFile("c"));
}

}  // namespace

int main() {
  const Scratch scratch;
  Ref<Directory> directory;
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return checkResult();
  CHECK(TRACE_BUILT);
  recorded(*directory);
  direct(*directory);
  for (const IoWanted wanted : {IoWanted::AUTO, IoWanted::THREADS}) queued(wanted, *directory);
  return checkResult();
}
