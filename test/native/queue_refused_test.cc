// Queue on Linux where a filter (seccomp, as containers have) shuts io_uring: from the start, or
// while it is used. What the ring does not take the threads do.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <vector>

#include "check.h"
#include "os/queue.h"
#include "scratch.h"

using namespace cairn;

namespace {

struct Waiter final : IoWaiter {
  int told = 0;
  Status status;
  void ioDone(Status given) override {
    told++;
    status = std::move(given);
  }
};

/** From now on `call` gives `error`, for good. */
bool refuse(long call, int error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{sizeof filter / sizeof filter[0], filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void settle(Queue& queue, const Ref<File>& file) {
  std::vector<Waiter> waiters(300);
  for (size_t i = 0; i < waiters.size(); i++)
    if (i % 3 == 0) queue.write(file, Slice("x", 1), i, &waiters[i]);
    else queue.sync(file, &waiters[i]);
  queue.submit();
  while (queue.pending() > 0) {
    pollfd place{queue.wakeDescriptor(), POLLIN, 0};
    if (!CHECK_EQ(poll(&place, 1, 20'000), 1)) return;
    queue.drain();
  }
  for (const Waiter& each : waiters) CHECK(each.told == 1 && each.status.ok());
}

}  // namespace

int main() {
  const Scratch scratch;
  Ref<Directory> directory;
  Ref<File> file;
  CHECK_OK(Directory::open(scratch.path(), directory));
  CHECK_OK(directory->createFile("file", file));
  std::unique_ptr<Queue> used;
  std::unique_ptr<Queue> queue;
  if (!CHECK_OK(Queue::open(IoWanted::AUTO, used))) return checkResult();
  const bool ring = used->kind() == IoKind::IO_URING;
  settle(*used, file);
  // One is under way in the ring as it is shut.
  Waiter early;
  used->sync(file, &early);
  used->submit();

  // No memory for a moment: the threads help out, and the ring goes on.
  if (!CHECK(refuse(SYS_io_uring_enter, EAGAIN))) return checkResult();
  settle(*used, file);
  CHECK_EQ(used->kind() == IoKind::IO_URING, ring);
  CHECK_EQ(early.told, 1);
  CHECK_OK(early.status);
  if (!CHECK(refuse(SYS_io_uring_enter, EPERM))) return checkResult();
  settle(*used, file);
  CHECK_EQ(used->kind(), IoKind::THREADS);
  CHECK(!used->refusal().empty());
  if (ring) std::printf("while used: %s\n", used->refusal().c_str());
  used->close();
  CHECK_OK(Queue::open(IoWanted::AUTO, queue));
  CHECK_EQ(queue->kind(), IoKind::THREADS);
  std::printf("no use: %s\n", queue->refusal().c_str());
  settle(*queue, file);

  CHECK(refuse(SYS_io_uring_setup, ENOSYS));
  CHECK_OK(Queue::open(IoWanted::AUTO, queue));
  CHECK_EQ(queue->kind(), IoKind::THREADS);
  std::printf("no setup: %s\n", queue->refusal().c_str());
  settle(*queue, file);
  std::unique_ptr<Queue> none;
  const Status demanded = Queue::open(IoWanted::IO_URING, none);
  CHECK(!demanded.ok() && none == nullptr);
  CHECK_EQ(demanded.detail().code, Code::NATIVE_UNAVAILABLE);
  return checkResult();
}
