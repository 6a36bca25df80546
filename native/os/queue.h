// Queue: work whose end is told on the JavaScript thread: syncs, writes, and tasks for workers.
//
// One per environment, and used by its JavaScript thread alone; workers only hand finished tasks
// back. Syncs and writes go through io_uring where the kernel lets us, else through one sync
// thread. The wake descriptor becomes readable when something ended; `drain` then tells it, workers
// and ring each in their order of completion. Everything handed over is told exactly once, also
// while closing: Node-API code owns what it handed over until then. A waiter or task that is being
// told may call anything here.
#pragma once

#include <cstdint>
#include <memory>

#include "base/counted.h"
#include "base/slice.h"
#include "base/status.h"
#include "os/file.h"

namespace cairn {

/** How syncs are done. */
enum class IoKind : uint8_t { IO_URING, THREADS };
/** What the caller allows: AUTO takes the ring where it can be had. */
enum class IoWanted : uint8_t { AUTO, IO_URING, THREADS };

/** Told of the end of a sync or a write. */
class IoWaiter {
 public:
  virtual ~IoWaiter() = default;
  virtual void ioDone(Status status) = 0;
};

/** Something long: `work` on a worker, then always `finish` on the JavaScript thread, where it is
 * destroyed too. */
class Task {
 public:
  virtual ~Task() = default;
  virtual void work() = 0;
  virtual void finish() = 0;
};

/** Each kind has workers of its own: no merge keeps cold reads waiting, nor a flush, which writers
 * may be waiting for. */
enum class Worker : uint8_t { READ, FLUSH, MERGE };

class Queue {
 public:
  /** Fails only when not even threads can be had, or IO_URING was demanded and is refused. */
  static Status open(IoWanted wanted, std::unique_ptr<Queue>& queue);
  virtual ~Queue() = default;

  /** THREADS for good when the system shuts the ring while it is used. */
  virtual IoKind kind() const = 0;
  /** Why there is no ring, for people; empty when there is one. */
  virtual const std::string& refusal() const = 0;
  /** Readable when `drain` has something to do. */
  virtual int wakeDescriptor() const = 0;

  /** As File::sync. `waiter` is told what it gave; the file is held until then. Never tried
   * again, whatever it gave. Not ordered with writes that are under way. */
  virtual void sync(Ref<File> file, IoWaiter* waiter) = 0;
  /** Writes all of `bytes`, which the caller keeps as they are until the waiter is told. */
  virtual void write(Ref<File> file, Slice bytes, uint64_t position, IoWaiter* waiter) = 0;
  /** As File::truncate, always on the sync thread; `waiter` is told what it gave. */
  virtual void truncate(Ref<File> file, uint64_t sizeBytes, IoWaiter* waiter) = 0;
  virtual void run(Worker worker, std::unique_ptr<Task> task) = 0;
  /** Hands the syncs and writes that were queued to the system; the first call of a turn that
   * queues calls it at the turn's end. */
  virtual void submit() = 0;
  /** Tells what ended; may be called at any time. Gives whether anything was told. */
  virtual bool drain() = 0;
  /** What was handed over and not told yet. */
  virtual size_t pending() const = 0;
  /** Waits, on this thread, until everything handed over has ended, tells all of it (what is handed
   * over by those told included), and ends the workers. Tasks that have not begun are worked on as
   * well: long ones are to be cancelled before, and to look. Idempotent; what is handed over later
   * is done on this thread, and told by `drain` or the end of the queue. */
  virtual void close() = 0;
};

}  // namespace cairn
