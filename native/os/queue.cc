// The queue: operations go to the ring or to the sync thread, tasks to the pool, and what ended
// lies in one list until it is told.
//
// An operation is a job that both ways can do: what the ring does not take, because the kernel has
// no memory for it or a filter shuts the ring after it was opened, goes to the sync thread, which
// is no second try: the kernel has not begun it. Every result is looked at here; a write that
// stopped short or was interrupted goes on; a sync that was interrupted has failed like any other.
#include "os/queue.h"

#include <algorithm>
#include <deque>
#include <system_error>
#include <utility>
#include <vector>

#include "os/pool.h"
#include "os/ring.h"
#include "os/trace.h"
#include "os/transfer.h"
#include "os/wake.h"

namespace cairn {
namespace {

/** What was handed over. */
class Handed : public Job {
 public:
  virtual void tell() = 0;
};

class TaskJob final : public Handed {
 public:
  explicit TaskJob(std::unique_ptr<Task> task) : task_(std::move(task)) {}
  void work() override { task_->work(); }
  void tell() override { task_->finish(); }

 private:
  const std::unique_ptr<Task> task_;
};

/** A sync, a truncation, or a write of which `bytes_` is left. */
class Operation final : public Handed {
 public:
  Operation(TraceKind kind, Ref<File> file, Slice bytes, uint64_t position, IoWaiter* waiter)
      : kind_(kind),
        file_(std::move(file)),
        bytes_(bytes),
        position_(position),
        waiter_(waiter) {}

  /** All of it, on the sync thread. */
  void work() override {
    if (kind_ == TraceKind::SYNC) status_ = file_->sync();
    else if (kind_ == TraceKind::TRUNCATE) status_ = file_->truncate(position_);
    else status_ = file_->write(bytes_, position_);
  }
  void tell() override { waiter_->ioDone(std::move(status_)); }

  void prepare(Ring& ring) {
    const size_t length = std::min(bytes_.size, TRANSFER_MAX_BYTES);
    const Slice piece = bytes_.part(0, length);
    traced_ = traceBegin(kind_, file_->descriptor(), file_->name(), position_, piece);
    if (traced_.fails()) ring.nothing(this);
    else if (kind_ == TraceKind::SYNC) ring.sync(file_->descriptor(), this);
    else ring.write(file_->descriptor(), piece.part(0, traced_.part(length)), position_, this);
  }

  /** The ring has not begun it. */
  void withdrawn(int failure) { traceEnd(traced_, -failure); }

  /** Judges what the ring gave; whether nothing is left to do. */
  bool ended(int64_t result) {
    if (traced_.fails()) result = traced_.planned;
    traceEnd(traced_, result);
    if (kind_ == TraceKind::SYNC) {
      if (result < 0) status_ = Status::io("sync", file_->name(), static_cast<int>(-result));
      return true;
    }
    const int failure = static_cast<int>(-result);
    if (result > 0) {
      const size_t done = std::min(static_cast<size_t>(result), bytes_.size);
      bytes_ = bytes_.from(done);
      position_ += done;
      tries_ = 0;
      return bytes_.empty();
    }
    // Nothing written and no reason given: on it would go for ever.
    if (result == 0) status_ = Status::io("write", file_->name(), EIO);
    else if (!transferPasses(failure) || ++tries_ > TRANSFER_MAX_TRIES)
      status_ = Status::io("write", file_->name(), failure);
    return !status_.ok();
  }

 private:
  const TraceKind kind_;
  const Ref<File> file_;
  Slice bytes_;
  uint64_t position_;
  IoWaiter* const waiter_;
  int tries_ = 0;
  Traced traced_;
  Status status_;
};

Lane laneOf(Worker worker) {
  return worker == Worker::READ ? Lane::READ : worker == Worker::FLUSH ? Lane::FLUSH : Lane::MERGE;
}

class SystemQueue final : public Queue {
 public:
  SystemQueue(std::unique_ptr<Wake> wake, std::unique_ptr<Ring> ring, std::string refusal)
      : wake_(std::move(wake)),
        ring_(std::move(ring)),
        refusal_(std::move(refusal)),
        kind_(ring_ ? IoKind::IO_URING : IoKind::THREADS),
        pool_(*wake_) {}
  ~SystemQueue() override { close(); }

  IoKind kind() const override { return kind_; }
  const std::string& refusal() const override { return refusal_; }
  int wakeDescriptor() const override { return wake_->descriptor(); }
  void sync(Ref<File> file, IoWaiter* waiter) override {
    hand(TraceKind::SYNC, std::move(file), {}, 0, waiter);
  }
  void write(Ref<File> file, Slice bytes, uint64_t position, IoWaiter* waiter) override {
    hand(TraceKind::WRITE, std::move(file), bytes, position, waiter);
  }
  void truncate(Ref<File> file, uint64_t sizeBytes, IoWaiter* waiter) override {
    pending_++;
    pool_.push(Lane::SYNC, std::make_unique<Operation>(TraceKind::TRUNCATE, std::move(file),
                                                       Slice(), sizeBytes, waiter));
  }
  void run(Worker worker, std::unique_ptr<Task> task) override {
    pending_++;
    pool_.push(laneOf(worker), std::make_unique<TaskJob>(std::move(task)));
  }
  void submit() override;
  bool drain() override;
  size_t pending() const override { return pending_; }
  void close() override;

 private:
  void hand(TraceKind kind, Ref<File> file, Slice bytes, uint64_t position, IoWaiter* waiter) {
    pending_++;
    const bool nothing = kind == TraceKind::WRITE && bytes.empty();
    auto operation =
        std::make_unique<Operation>(kind, std::move(file), bytes, position, waiter);
    if (!nothing) return queued_.push_back(std::move(operation));
    ended_.push_back(std::move(operation));
    wake_->signal();
  }
  void submitToRing();
  void leaveRing(int failure);
  void collect();

  /** First made, last ended: workers and the ring signal it. */
  const std::unique_ptr<Wake> wake_;
  std::unique_ptr<Ring> ring_;
  std::string refusal_;
  IoKind kind_;
  Pool pool_;
  /** Handed over and not submitted. */
  std::deque<std::unique_ptr<Operation>> queued_;
  /** Ended and not told. */
  std::deque<std::unique_ptr<Handed>> ended_;
  std::vector<RingEnd> ringEnds_;
  size_t pending_ = 0;
};

void SystemQueue::submit() {
  if (kind_ == IoKind::IO_URING) submitToRing();
  if (kind_ == IoKind::IO_URING) return;
  for (; !queued_.empty(); queued_.pop_front())
    pool_.push(Lane::SYNC, std::move(queued_.front()));
}

/** Fills the ring; what finds no room stays queued until something ended. */
void SystemQueue::submitToRing() {
  while (!queued_.empty() && ring_->room() > 0) {
    for (; !queued_.empty() && ring_->room() > 0; queued_.pop_front())
      // The ring holds it, by its tag, until `collect` or `leaveRing`.
      queued_.front().release()->prepare(*ring_);
    if (const int failure = ring_->submit(); failure != 0) return leaveRing(failure);
  }
}

/** Gives what the ring did not take to the sync thread; for good, unless it may pass. */
void SystemQueue::leaveRing(int failure) {
  std::vector<void*> tags;
  ring_->withdraw(tags);
  for (void* const tag : tags) {
    std::unique_ptr<Operation> operation(static_cast<Operation*>(tag));
    operation->withdrawn(failure);
    pool_.push(Lane::SYNC, std::move(operation));
  }
  if (failure == EAGAIN || failure == EBUSY || failure == ENOMEM || failure == EINTR) return;
  kind_ = IoKind::THREADS;
  refusal_ = "io_uring_enter: " + std::generic_category().message(failure);
}

/** Brings in what ended. */
void SystemQueue::collect() {
  // Cleared first: what ends after this signals again.
  wake_->clear();
  for (std::unique_ptr<Job>& job : pool_.take())
    ended_.emplace_back(static_cast<Handed*>(job.release()));
  if (!ring_) return;
  ring_->reap(ringEnds_);
  for (const RingEnd& end : ringEnds_) {
    std::unique_ptr<Operation> operation(static_cast<Operation*>(end.tag));
    if (operation->ended(end.result)) ended_.push_back(std::move(operation));
    else queued_.push_back(std::move(operation));
  }
  ringEnds_.clear();
  // The rest of writes, and what had found no room.
  if (!queued_.empty()) submit();
}

bool SystemQueue::drain() {
  collect();
  const bool some = !ended_.empty();
  // Told one by one out of the list, so that a waiter may itself drain, or close.
  while (!ended_.empty()) {
    const std::unique_ptr<Handed> handed = std::move(ended_.front());
    ended_.pop_front();
    pending_--;
    handed->tell();
  }
  return some;
}

void SystemQueue::close() {
  while (pending_ > 0) {
    submit();
    if (!drain() && pending_ > 0) wake_->wait();
  }
  pool_.close();
  // What is handed over from now on is done by `submit` itself and told by `drain`.
  ring_ = nullptr;
  kind_ = IoKind::THREADS;
}

}  // namespace

Status Queue::open(IoWanted wanted, std::unique_ptr<Queue>& queue) {
  std::unique_ptr<Wake> wake;
  CAIRN_TRY(Wake::open(wake));
  std::unique_ptr<Ring> ring;
  std::string refusal = "threads were asked for";
  if (wanted != IoWanted::THREADS) ring = Ring::open(*wake, refusal);
  if (wanted == IoWanted::IO_URING && !ring)
    return Status::store(Code::NATIVE_UNAVAILABLE, "io_uring is refused: " + refusal);
  queue = std::make_unique<SystemQueue>(std::move(wake), std::move(ring), std::move(refusal));
  return {};
}

}  // namespace cairn
