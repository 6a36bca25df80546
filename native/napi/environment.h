// Environment: all that the addon knows for one JavaScript thread; nothing is shared between two.
//
// It owns the handles and the queues, and stands in the event loop while something is under way.
// When Node takes the thread down it refuses new work, cancels merges, waits for the kernel's
// operations and lets go of everything; from then on nothing is told to JavaScript any more.
#pragma once

#include <node_api.h>

#include <array>
#include <memory>
#include <vector>

#include "napi/handles.h"
#include "os/queue.h"

struct uv_handle_s;

namespace cairn {

class Environment;

/** A queue in the event loop: wakes it when something ended. */
class Loop {
 public:
  static Status open(Environment& environment, IoWanted wanted, std::unique_ptr<Loop>& loop);

  Queue& queue() { return *queue_; }
  /** To be called when work was handed over: keeps the process alive until it is told. */
  void update();
  /** Ends the queue; the memory is freed when the event loop has let go. */
  static void close(std::unique_ptr<Loop> loop);

 private:
  Loop(Environment& environment, std::unique_ptr<Queue> queue)
      : environment_(environment), queue_(std::move(queue)) {}
  static void ready(uv_handle_s* handle, int status, int events);

  Environment& environment_;
  std::unique_ptr<Queue> queue_;
  uv_handle_s* poll_ = nullptr;
  bool kept_ = false;
};

/** Work that runs for long: told when anything has ended, as there is a turn of JavaScript then. */
class Observer {
 public:
  virtual ~Observer() = default;
  /** Tells JavaScript how far it has come. */
  virtual void report() = 0;
  virtual void cancel() = 0;
};

class Environment {
 public:
  /** Makes it and puts its words among the exports. */
  static Environment* start(napi_env env, napi_value exports);

  const napi_env env;
  Handles handles;
  /** Numbers that a call gives beside its result; JavaScript sees them as a Float64Array. */
  std::array<double, 4>* words = nullptr;
  static constexpr size_t WORD_FOUND = 0;
  static constexpr size_t WORD_NEEDED = 1;

  bool dying() const { return dying_; }
  /** The queue of a kind, made when it is first asked for. */
  Status loop(IoWanted wanted, Loop*& loop);

  void setErrorMaker(napi_value maker);
  /** The error that lib/planes makes of a status. */
  napi_value errorOf(const Status& status);
  /** Throws it; gives null, for `return`. */
  napi_value fail(const Status& status);
  /** What JavaScript threw when it was called from here; null when it threw nothing. Left alone, it
   * would fail every call after it, and come up in another one. */
  napi_value takeThrown();

  void observe(Observer* observer) { observers_.push_back(observer); }
  void forget(Observer* observer);
  void report();
  void loopClosed();

 private:
  explicit Environment(napi_env environment) : env(environment) {}
  static void stop(napi_async_cleanup_hook_handle handle, void* self);
  void stopped();

  napi_async_cleanup_hook_handle hook_ = nullptr;
  napi_ref wordsRef_ = nullptr;
  napi_ref errorMaker_ = nullptr;
  /** With the ring where it can be had, and with threads. */
  std::array<std::unique_ptr<Loop>, 3> loops_;
  std::vector<Observer*> observers_;
  size_t closing_ = 0;
  bool dying_ = false;
};

}  // namespace cairn
