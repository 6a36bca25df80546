// Threads by pthread calls: std::thread can only throw when there is none to be had.
#include "os/pool.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <deque>
#include <utility>

#include "os/priority.h"

namespace cairn {
namespace {

/** The same everywhere: the default is 128 KiB with some C libraries. */
constexpr size_t STACK_BYTES = size_t{2} << 20;

}  // namespace

void Ended::add(std::unique_ptr<Job> job) {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    jobs_.push_back(std::move(job));
    // Whoever added the first has signalled, or is about to.
    if (jobs_.size() > 1) return;
  }
  wake_.signal();
}

std::vector<std::unique_ptr<Job>> Ended::take() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return std::exchange(jobs_, {});
}

/** The threads of one lane and what they have to do. */
class Pool::Workers {
 public:
  Workers(Ended& ended, Lane lane)
      : ended_(ended), lane_(lane), most_(POOL_THREADS[static_cast<size_t>(lane)]) {}

  void push(std::unique_ptr<Job> job) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      jobs_.push_back(std::move(job));
      if (jobs_.size() > idle_ && !closing_ && threads_.size() < most_) start();
      if (!threads_.empty()) {
        some_.notify_one();
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job->work();
    ended_.add(std::move(job));
  }

  void close() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      closing_ = true;
      some_.notify_all();
    }
    // Only this thread starts threads, and it is here.
    for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
    threads_.clear();
  }

 private:
  static void* main(void* workers) {
    static_cast<Workers*>(workers)->serve();
    return nullptr;
  }

  void serve() {
    if (lane_ == Lane::MERGE) lowerPriority();
    std::unique_lock<std::mutex> guard(mutex_);
    for (;;) {
      idle_++;
      while (jobs_.empty() && !closing_) some_.wait(guard);
      idle_--;
      if (jobs_.empty()) return;
      std::unique_ptr<Job> job = std::move(jobs_.front());
      jobs_.pop_front();
      guard.unlock();
      job->work();
      ended_.add(std::move(job));
      guard.lock();
    }
  }

  /** One more thread, if it can be had. It inherits the mask: all signals but those that a thread
   * raises itself, whose default must stay what it is. */
  void start() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
      sigdelset(&all, own);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, main, this) == 0) threads_.push_back(thread);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
  }

  Ended& ended_;
  const Lane lane_;
  const size_t most_;
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::unique_ptr<Job>> jobs_;
  size_t idle_ = 0;
  bool closing_ = false;
  /** Of the thread that pushes and closes alone. */
  std::vector<pthread_t> threads_;
};

Pool::Pool(Wake& wake) : ended_(wake) {
  for (size_t lane = 0; lane < POOL_LANES; lane++)
    lanes_[lane] = std::make_unique<Workers>(ended_, static_cast<Lane>(lane));
}

Pool::~Pool() { close(); }

void Pool::push(Lane lane, std::unique_ptr<Job> job) {
  lanes_[static_cast<size_t>(lane)]->push(std::move(job));
}

void Pool::close() {
  for (const std::unique_ptr<Workers>& workers : lanes_) workers->close();
}

}  // namespace cairn
