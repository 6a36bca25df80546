// Ring by io_uring, with bare system calls.
//
// Memory order: what the kernel wrote before it moved the tail of the ends is seen through an
// acquiring load of that tail, and a releasing store of their head gives the slots back; a
// releasing store of the submissions' tail shows it what was prepared. There is no polling kernel
// thread (SQPOLL), so the kernel reads submissions inside io_uring_enter alone, and what it has
// not taken can be withdrawn. The mappings are kept from children: one that forks without exec
// can not move this process's ring, and must not touch it.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "os/ring.h"

namespace cairn {
namespace {

/** Submissions; the kernel makes twice as many slots for ends. */
constexpr unsigned RING_ENTRIES = 128;
/** Ends that find no slot are kept by the kernel; one mapping for both rings. */
constexpr unsigned RING_FEATURES = IORING_FEAT_NODROP | IORING_FEAT_SINGLE_MMAP;
constexpr unsigned PROBE_OPERATIONS = 256;
/** So often in a row a call that brings nothing is made again. */
constexpr int ENTER_MAX_TRIES = 16;

unsigned acquire(const unsigned* place) { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
void release(unsigned* place, unsigned value) { __atomic_store_n(place, value, __ATOMIC_RELEASE); }

/** A mapping of the ring; nothing when it failed. */
class Mapping {
 public:
  ~Mapping() {
    if (bytes_ != nullptr) munmap(bytes_, size_);
  }
  bool map(int descriptor, size_t size, off_t offset) {
    void* const place =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, offset);
    if (place == MAP_FAILED) return false;
    bytes_ = static_cast<uint8_t*>(place);
    size_ = size;
    return madvise(place, size, MADV_DONTFORK) == 0;
  }
  template <class T>
  T* at(unsigned offset) const {
    return reinterpret_cast<T*>(bytes_ + offset);
  }

 private:
  uint8_t* bytes_ = nullptr;
  size_t size_ = 0;
};

class SystemRing final : public Ring {
 public:
  ~SystemRing() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /** 0, or an error number of the call that `what` names. */
  int open(int wake, std::string& what);

  size_t room() const override {
    const unsigned underWay = prepared_ + handedOver_;
    return std::min(entries_ - prepared_, slots_ > underWay ? slots_ - underWay : 0);
  }
  void sync(int descriptor, void* tag) override {
    io_uring_sqe& entry = prepare(IORING_OP_FSYNC, descriptor, tag);
    entry.fsync_flags = IORING_FSYNC_DATASYNC;
  }
  void write(int descriptor, Slice bytes, uint64_t position, void* tag) override {
    io_uring_sqe& entry = prepare(IORING_OP_WRITE, descriptor, tag);
    entry.addr = reinterpret_cast<uintptr_t>(bytes.data);
    entry.len = static_cast<uint32_t>(bytes.size);
    entry.off = position;
  }
  void nothing(void* tag) override { prepare(IORING_OP_NOP, -1, tag); }
  int submit() override;
  void withdraw(std::vector<void*>& tags) override;
  void reap(std::vector<RingEnd>& ends) override;

 private:
  int map(const io_uring_params& made);
  int probe();
  int greet();
  io_uring_sqe& prepare(uint8_t operation, int descriptor, void* tag);
  int enter(unsigned count, unsigned least, unsigned flags);

  int descriptor_ = -1;
  Mapping rings_;
  Mapping submissions_;
  unsigned entries_ = 0;
  unsigned slots_ = 0;
  /** Prepared and not handed over; handed over and not reaped. */
  unsigned prepared_ = 0;
  unsigned handedOver_ = 0;
  unsigned* flags_ = nullptr;
  unsigned* head_ = nullptr;
  unsigned* tail_ = nullptr;
  unsigned* order_ = nullptr;
  io_uring_sqe* prepares_ = nullptr;
  unsigned* endHead_ = nullptr;
  unsigned* endTail_ = nullptr;
  io_uring_cqe* ends_ = nullptr;
};

int SystemRing::open(int wake, std::string& what) {
  io_uring_params made{};
  what = "io_uring_setup";
  descriptor_ = static_cast<int>(syscall(SYS_io_uring_setup, RING_ENTRIES, &made));
  if (descriptor_ < 0) return errno;
  if (fcntl(descriptor_, F_SETFD, FD_CLOEXEC) != 0) return errno;
  what = "io_uring lacks features";
  if ((made.features & RING_FEATURES) != RING_FEATURES) return EOPNOTSUPP;
  what = "the memory of io_uring";
  if (const int failure = map(made); failure != 0) return failure;
  what = "io_uring lacks operations";
  if (const int failure = probe(); failure != 0) return failure;
  what = "io_uring_enter";
  if (const int failure = greet(); failure != 0) return failure;
  what = "io_uring_register";
  const long told = syscall(SYS_io_uring_register, descriptor_, IORING_REGISTER_EVENTFD, &wake, 1);
  return told < 0 ? errno : 0;
}

int SystemRing::map(const io_uring_params& made) {
  const size_t order = made.sq_off.array + made.sq_entries * sizeof(unsigned);
  const size_t ends = made.cq_off.cqes + made.cq_entries * sizeof(io_uring_cqe);
  if (!rings_.map(descriptor_, std::max(order, ends), IORING_OFF_SQ_RING)) return errno;
  if (!submissions_.map(descriptor_, made.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES))
    return errno;
  entries_ = made.sq_entries;
  slots_ = made.cq_entries;
  flags_ = rings_.at<unsigned>(made.sq_off.flags);
  head_ = rings_.at<unsigned>(made.sq_off.head);
  tail_ = rings_.at<unsigned>(made.sq_off.tail);
  order_ = rings_.at<unsigned>(made.sq_off.array);
  prepares_ = submissions_.at<io_uring_sqe>(0);
  endHead_ = rings_.at<unsigned>(made.cq_off.head);
  endTail_ = rings_.at<unsigned>(made.cq_off.tail);
  ends_ = rings_.at<io_uring_cqe>(made.cq_off.cqes);
  return 0;
}

/** Asks for the operations that are used. */
int SystemRing::probe() {
  std::vector<uint64_t> memory(
      (sizeof(io_uring_probe) + PROBE_OPERATIONS * sizeof(io_uring_probe_op)) / sizeof(uint64_t));
  auto* const known = reinterpret_cast<io_uring_probe*>(memory.data());
  if (syscall(SYS_io_uring_register, descriptor_, IORING_REGISTER_PROBE, known,
              PROBE_OPERATIONS) < 0)
    return errno;
  for (const unsigned each : {IORING_OP_NOP, IORING_OP_FSYNC, IORING_OP_WRITE})
    if (each > known->last_op || (known->ops[each].flags & IO_URING_OP_SUPPORTED) == 0)
      return EOPNOTSUPP;
  return 0;
}

/** Sends one operation through: a filter may allow the setup and refuse the use. */
int SystemRing::greet() {
  nothing(this);
  for (int tries = 0; tries < ENTER_MAX_TRIES; tries++) {
    const int failure = enter(prepared_, 1, IORING_ENTER_GETEVENTS);
    if (failure != 0 && failure != EINTR) return failure;
    std::vector<RingEnd> ends;
    reap(ends);
    if (ends.empty()) continue;
    return ends.size() == 1 && ends[0].tag == this ? -ends[0].result : EIO;
  }
  return ETIME;
}

io_uring_sqe& SystemRing::prepare(uint8_t operation, int descriptor, void* tag) {
  // Only this thread moves the tail, and the kernel sees it after what lies before it.
  const unsigned tail = *tail_;
  const unsigned slot = tail & (entries_ - 1);
  io_uring_sqe& entry = prepares_[slot];
  entry = {};
  entry.opcode = operation;
  entry.fd = descriptor;
  entry.user_data = reinterpret_cast<uintptr_t>(tag);
  order_[slot] = slot;
  release(tail_, tail + 1);
  prepared_++;
  return entry;
}

/** 0, or an error number. The kernel's head of the submissions tells how many it took. */
int SystemRing::enter(unsigned count, unsigned least, unsigned flags) {
  const long told =
      syscall(SYS_io_uring_enter, descriptor_, count, least, flags, nullptr, size_t{0});
  const int failure = told < 0 ? errno : 0;
  const unsigned left = *tail_ - acquire(head_);
  handedOver_ += prepared_ - left;
  prepared_ = left;
  return failure;
}

int SystemRing::submit() {
  for (int tries = 0; prepared_ > 0;) {
    const unsigned before = prepared_;
    const int failure = enter(prepared_, 0, 0);
    // The kernel stops behind one that it could not begin, and tells of that as of every other.
    if (prepared_ < before) continue;
    // None taken and no reason given is as good as no memory.
    if (failure != EINTR || ++tries > ENTER_MAX_TRIES) return failure == 0 ? EAGAIN : failure;
  }
  return 0;
}

void SystemRing::withdraw(std::vector<void*>& tags) {
  const unsigned tail = *tail_;
  for (unsigned at = tail - prepared_; at != tail; at++)
    tags.push_back(reinterpret_cast<void*>(prepares_[at & (entries_ - 1)].user_data));
  release(tail_, tail - prepared_);
  prepared_ = 0;
}

void SystemRing::reap(std::vector<RingEnd>& ends) {
  for (;;) {
    unsigned head = *endHead_;
    const unsigned tail = acquire(endTail_);
    for (; head != tail; head++) {
      const io_uring_cqe& end = ends_[head & (slots_ - 1)];
      ends.push_back({reinterpret_cast<void*>(end.user_data), end.res});
      handedOver_--;
    }
    release(endHead_, head);
    // The kernel keeps ends that found no slot, and gives them when it is asked.
    if ((acquire(flags_) & IORING_SQ_CQ_OVERFLOW) == 0) return;
    if (enter(0, 0, IORING_ENTER_GETEVENTS) != 0 || acquire(endTail_) == head) return;
  }
}

}  // namespace

std::unique_ptr<Ring> Ring::open(const Wake& wake, std::string& refusal) {
  auto ring = std::make_unique<SystemRing>();
  const int failure = ring->open(wake.signalDescriptor(), refusal);
  if (failure == 0) {
    refusal.clear();
    return ring;
  }
  refusal += ": " + std::generic_category().message(failure);
  return nullptr;
}

}  // namespace cairn
