// Pool: the threads that do what would hold the JavaScript thread, started when first needed.
//
// Work of one lane never waits for that of another, and merges give way to everything else. A job
// is pushed, worked on, and taken back once by the thread that pushed it. Where no thread can be
// had (and behind `close`) a job is worked on by the push itself: slow, but neither lost nor
// refused. Signals are not for workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "os/wake.h"

namespace cairn {

enum class Lane : uint8_t { SYNC, READ, FLUSH, MERGE };
inline constexpr size_t POOL_LANES = 4;
/** Threads of each lane. Syncs and writes keep their order. */
inline constexpr size_t POOL_THREADS[POOL_LANES] = {1, 2, 1, 1};

class Job {
 public:
  virtual ~Job() = default;
  virtual void work() = 0;
};

/** The jobs that ended, handed from the workers to the thread that takes them. */
class Ended {
 public:
  explicit Ended(Wake& wake) : wake_(wake) {}
  void add(std::unique_ptr<Job> job);
  std::vector<std::unique_ptr<Job>> take();

 private:
  Wake& wake_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Job>> jobs_;
};

class Pool {
 public:
  /** `wake` is signalled when there is something to take; it outlives the pool. */
  explicit Pool(Wake& wake);
  ~Pool();

  void push(Lane lane, std::unique_ptr<Job> job);
  std::vector<std::unique_ptr<Job>> take() { return ended_.take(); }
  /** Works off what was pushed and ends the threads. */
  void close();

 private:
  class Workers;

  Ended ended_;
  std::unique_ptr<Workers> lanes_[POOL_LANES];
};

}  // namespace cairn
