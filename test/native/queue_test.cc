// Queue, by ring and by threads: everything handed over is told once, on this thread, also when it
// is handed over while other things are told, or closed in the middle.
#include "os/queue.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "check.h"
#include "scratch.h"

using namespace cairn;

namespace {

Slice sliceOf(const std::string& text) { return Slice(text.data(), text.size()); }

struct Waiter final : IoWaiter {
  int told = 0;
  Status status;
  void ioDone(Status given) override {
    told++;
    status = std::move(given);
  }
};

/** Drains until nothing is pending, by the wake descriptor. */
void settle(Queue& queue) {
  queue.submit();
  while (queue.pending() > 0) {
    pollfd place{queue.wakeDescriptor(), POLLIN, 0};
    if (!CHECK_EQ(poll(&place, 1, 20'000), 1)) return;
    queue.drain();
    queue.submit();
  }
}

std::unique_ptr<Queue> opened(IoWanted wanted) {
  std::unique_ptr<Queue> queue;
  CHECK_OK(Queue::open(wanted, queue));
  return queue;
}

void truncations(IoWanted wanted, const Directory& directory) {
  const std::unique_ptr<Queue> queue = opened(wanted);
  Ref<File> file;
  Ref<File> reading;
  Waiter cut, refused;
  uint64_t size = 0;
  CHECK_OK(directory.createFile("cut", file));
  CHECK_OK(file->write(sliceOf("0123456789"), 0));
  CHECK_OK(directory.openFile("cut", reading));
  queue->truncate(file, 4, &cut);
  queue->truncate(reading, 2, &refused);
  CHECK_EQ(queue->pending(), 2);
  settle(*queue);
  CHECK(cut.told == 1 && cut.status.ok());
  CHECK(refused.told == 1 && !refused.status.ok());
  CHECK_OK(file->size(size));
  CHECK_EQ(size, 4);
  CHECK_OK(directory.removeFile("cut"));
}

void syncsAndWrites(IoWanted wanted, const Directory& directory) {
  const std::unique_ptr<Queue> queue = opened(wanted);
  CHECK_EQ(queue->pending(), 0);
  CHECK_EQ(queue->drain(), false);
  // More than the ring has room for, twice over.
  constexpr size_t COUNT = 1000;
  Ref<File> file;
  CHECK_OK(directory.createFile("many", file));
  std::vector<std::string> pieces;
  std::vector<Waiter> waiters(COUNT);
  for (size_t i = 0; i < COUNT; i++) pieces.push_back("piece " + std::to_string(1'000'000 + i));
  for (size_t i = 0; i < COUNT; i++)
    queue->write(file, sliceOf(pieces[i]), i * pieces[i].size(), &waiters[i]);
  CHECK_EQ(queue->pending(), COUNT);
  settle(*queue);
  std::string whole;
  std::string found(COUNT * pieces[0].size() + 1, '?');
  size_t got = 0;
  for (const std::string& piece : pieces) whole += piece;
  CHECK_OK(file->read(reinterpret_cast<uint8_t*>(found.data()), found.size(), 0, got));
  found.resize(got);
  CHECK_EQ(found == whole, true);
  for (const Waiter& each : waiters) CHECK(each.told == 1 && each.status.ok());

  std::vector<Waiter> syncs(300);
  for (Waiter& each : syncs) queue->sync(file, &each);
  settle(*queue);
  for (const Waiter& each : syncs) CHECK(each.told == 1 && each.status.ok());

  // What can not be done is told as well: this one was opened to read.
  Ref<File> reading;
  Waiter refused;
  Waiter empty;
  CHECK_OK(directory.openFile("many", reading));
  queue->write(reading, sliceOf(whole), 0, &refused);
  queue->write(reading, Slice(), 0, &empty);
  settle(*queue);
  CHECK_EQ(refused.told, 1);
  CHECK(refused.status.kind() == Status::Kind::IO && refused.status.detail().errorNumber == EBADF);
  CHECK_EQ(refused.status.detail().text, "write");
  CHECK(empty.told == 1 && empty.status.ok());
  CHECK_OK(directory.removeFile("many"));
}

void largeWrite(IoWanted wanted, const Directory& directory) {
  const std::unique_ptr<Queue> queue = opened(wanted);
  Ref<File> file;
  CHECK_OK(directory.createFile("large", file));
  std::string bytes(24 << 20, 'x');
  for (size_t i = 0; i < bytes.size(); i += 997) bytes[i] = static_cast<char>('a' + i % 26);
  Waiter waiter;
  queue->write(file, sliceOf(bytes), 5, &waiter);
  settle(*queue);
  CHECK_EQ(waiter.told, 1);
  CHECK_OK(waiter.status);
  std::string found(bytes.size(), '?');
  size_t got = 0;
  CHECK_OK(file->read(reinterpret_cast<uint8_t*>(found.data()), found.size(), 5, got));
  CHECK_EQ(found == bytes, true);
  CHECK_OK(directory.removeFile("large"));
}

/** Works until it is allowed to end; tells what happened to it. */
struct Work final : Task {
  Work(std::atomic<int>& working, int& ended, const std::atomic<bool>* gate)
      : working_(working), ended_(ended), gate_(gate) {}
  void work() override {
    // Signals are not for workers.
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    masked_ = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGSEGV) == 0;
    thread_ = pthread_self();
    working_++;
    while (gate_ != nullptr && !*gate_) usleep(200);
    worked_ = true;
  }
  void finish() override {
    CHECK(worked_);
    CHECK(pthread_equal(thread_, pthread_self()) || masked_);
    ended_++;
  }

 private:
  std::atomic<int>& working_;
  int& ended_;
  const std::atomic<bool>* gate_;
  bool worked_ = false;
  bool masked_ = false;
  pthread_t thread_{};
};

void tasks(IoWanted wanted) {
  const std::unique_ptr<Queue> queue = opened(wanted);
  std::atomic<int> working{0};
  std::atomic<bool> gate{false};
  int merged = 0;
  int read = 0;
  int flushed = 0;
  // A merge that lasts keeps neither reads nor a flush waiting.
  for (int i = 0; i < 3; i++)
    queue->run(Worker::MERGE, std::make_unique<Work>(working, merged, &gate));
  for (int i = 0; i < 200; i++)
    queue->run(Worker::READ, std::make_unique<Work>(working, read, nullptr));
  queue->run(Worker::FLUSH, std::make_unique<Work>(working, flushed, nullptr));
  while (read < 200 || flushed < 1) {
    pollfd place{queue->wakeDescriptor(), POLLIN, 0};
    if (!CHECK_EQ(poll(&place, 1, 20'000), 1)) break;
    queue->drain();
  }
  CHECK_EQ(merged, 0);
  CHECK_EQ(queue->pending(), 3);
  gate = true;
  settle(*queue);
  CHECK_EQ(merged, 3);
}

#if defined(__linux__)
/** Tells how its worker stands behind other threads. */
struct Niceness final : Task {
  explicit Niceness(int& found) : found_(found) {}
  void work() override {
    found_ = getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
  }
  void finish() override {}

 private:
  int& found_;
};

void mergesGiveWay() {
  const std::unique_ptr<Queue> queue = opened(IoWanted::THREADS);
  int read = 0;
  int flush = 0;
  int merge = 0;
  queue->run(Worker::READ, std::make_unique<Niceness>(read));
  queue->run(Worker::FLUSH, std::make_unique<Niceness>(flush));
  queue->run(Worker::MERGE, std::make_unique<Niceness>(merge));
  settle(*queue);
  const int own = getpriority(PRIO_PROCESS, 0);
  CHECK_EQ(read, own);
  CHECK_EQ(flush, own);
  CHECK_EQ(merge, std::min(own + 10, 19));
}
#else
void mergesGiveWay() {}
#endif

/** Hands over the next sync when it is told, `left` times. */
struct Chain final : IoWaiter {
  Chain(Queue& queue, Ref<File> file, int left)
      : queue_(queue), file_(std::move(file)), left_(left) {}
  void ioDone(Status status) override {
    CHECK_OK(status);
    told++;
    if (left_-- == 0) return;
    queue_.sync(file_, this);
    if (left_ % 2 == 0) queue_.submit();
    if (left_ % 3 == 0) queue_.drain();
  }
  int told = 0;

 private:
  Queue& queue_;
  const Ref<File> file_;
  int left_;
};

struct Closer final : IoWaiter {
  explicit Closer(Queue& queue) : queue_(queue) {}
  void ioDone(Status) override {
    told++;
    queue_.close();
  }
  int told = 0;

 private:
  Queue& queue_;
};

void closing(IoWanted wanted, const Directory& directory) {
  Ref<File> file;
  CHECK_OK(directory.createFile("closing", file));
  std::atomic<int> working{0};
  int ended = 0;
  Waiter late;
  {
    const std::unique_ptr<Queue> queue = opened(wanted);
    Chain chain(*queue, file, 20);
    Closer closer(*queue);
    std::vector<Waiter> waiters(50);
    queue->sync(file, &chain);
    for (size_t i = 0; i < waiters.size(); i++) {
      if (i == 10) queue->sync(file, &closer);
      queue->sync(file, &waiters[i]);
      queue->run(i % 2 == 0 ? Worker::READ : Worker::MERGE,
                 std::make_unique<Work>(working, ended, nullptr));
    }
    // Not submitted: closing does that.
    queue->close();
    CHECK_EQ(queue->pending(), 0);
    CHECK_EQ(chain.told, 21);
    CHECK_EQ(closer.told, 1);
    CHECK_EQ(ended, 50);
    for (const Waiter& each : waiters) CHECK(each.told == 1 && each.status.ok());
    queue->close();
    // Behind the close things are done here, and told at the end at the latest.
    queue->sync(file, &late);
    queue->run(Worker::READ, std::make_unique<Work>(working, ended, nullptr));
    queue->submit();
    CHECK_EQ(queue->pending(), 2);
  }
  CHECK_EQ(late.told, 1);
  CHECK_OK(late.status);
  CHECK_EQ(ended, 51);
  CHECK_OK(directory.removeFile("closing"));
}

/** The file is held as long as the system has it, and not longer. */
void holding(IoWanted wanted, const Directory& directory) {
  const std::unique_ptr<Queue> queue = opened(wanted);
  Waiter waiter;
  int descriptor = -1;
  {
    Ref<File> file;
    CHECK_OK(directory.createFile("held", file));
    descriptor = file->descriptor();
    queue->sync(std::move(file), &waiter);
  }
  CHECK(fcntl(descriptor, F_GETFD) >= 0);
  settle(*queue);
  CHECK_OK(waiter.status);
  CHECK_EQ(fcntl(descriptor, F_GETFD), -1);
  CHECK_OK(directory.removeFile("held"));
}

/** Queues come and go, and leave no descriptor and no thread that runs. */
void comeAndGo(IoWanted wanted, const Directory& directory) {
  Ref<File> file;
  CHECK_OK(directory.createFile("go", file));
  const int before = dup(0);
  ::close(before);
  for (int i = 0; i < 30; i++) {
    const std::unique_ptr<Queue> queue = opened(wanted);
    Waiter waiter;
    queue->sync(file, &waiter);
    if (i % 2 == 0) settle(*queue);
    queue->close();
    CHECK_EQ(waiter.told, 1);
  }
  const int after = dup(0);
  ::close(after);
  CHECK_EQ(before, after);
  CHECK_OK(directory.removeFile("go"));
}

}  // namespace

int main() {
  const Scratch scratch;
  Ref<Directory> directory;
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return checkResult();
  const std::unique_ptr<Queue> best = opened(IoWanted::AUTO);
  const bool ring = best->kind() == IoKind::IO_URING;
  CHECK_EQ(best->refusal().empty(), ring);
  std::printf("ring: %s\n", ring ? "yes" : best->refusal().c_str());
  for (const IoWanted wanted : {IoWanted::AUTO, IoWanted::THREADS}) {
    CHECK(wanted == IoWanted::AUTO || opened(wanted)->kind() == IoKind::THREADS);
    truncations(wanted, *directory);
    syncsAndWrites(wanted, *directory);
    largeWrite(wanted, *directory);
    tasks(wanted);
    closing(wanted, *directory);
    holding(wanted, *directory);
    comeAndGo(wanted, *directory);
  }
  mergesGiveWay();
  return checkResult();
}
