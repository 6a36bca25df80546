// The life of an environment, and its queues in the event loop.
#include "napi/environment.h"

#include <algorithm>
#include <cstdlib>

#include "napi/libuv.h"

namespace cairn {

Status Loop::open(Environment& environment, IoWanted wanted, std::unique_ptr<Loop>& loop) {
  std::unique_ptr<Queue> queue;
  CAIRN_TRY(Queue::open(wanted, queue));
  uv_loop_t* events = nullptr;
  if (napi_get_uv_event_loop(environment.env, &events) != napi_ok)
    return Status::store(Code::NATIVE_UNAVAILABLE, "this environment has no event loop");
  std::unique_ptr<Loop> made(new Loop(environment, std::move(queue)));
  auto* poll = static_cast<uv_handle_t*>(std::calloc(1, uv_handle_size(UV_HANDLE_POLL)));
  if (poll == nullptr) return Status::memory(uv_handle_size(UV_HANDLE_POLL));
  if (uv_poll_init(events, poll, made->queue_->wakeDescriptor()) != 0) {
    std::free(poll);
    return Status::store(Code::NATIVE_UNAVAILABLE, "the event loop does not take the queue");
  }
  made->poll_ = poll;
  uv_handle_set_data(poll, made.get());
  uv_poll_start(poll, UV_EVENT_READABLE, ready);
  uv_unref(poll);
  loop = std::move(made);
  return {};
}

void Loop::update() {
  const bool keep = queue_->pending() > 0;
  if (keep == kept_) return;
  kept_ = keep;
  if (keep)
    uv_ref(poll_);
  else
    uv_unref(poll_);
}

void Loop::ready(uv_handle_t* handle, int, int) {
  Loop& loop = *static_cast<Loop*>(uv_handle_get_data(handle));
  Environment& environment = loop.environment_;
  napi_handle_scope handles = nullptr;
  napi_callback_scope callbacks = nullptr;
  napi_async_context context = nullptr;
  napi_value resource = nullptr;
  napi_value name = nullptr;
  napi_env env = environment.env;
  if (napi_open_handle_scope(env, &handles) != napi_ok) return;
  napi_create_object(env, &resource);
  napi_create_string_utf8(env, "cairndb", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, resource, name, &context);
  napi_open_callback_scope(env, resource, context, &callbacks);
  loop.queue_->drain();
  // What was told may have begun the next piece or sync.
  loop.queue_->submit();
  environment.report();
  loop.update();
  // Runs what waits for the promises that were settled.
  napi_close_callback_scope(env, callbacks);
  napi_async_destroy(env, context);
  napi_close_handle_scope(env, handles);
}

void Loop::close(std::unique_ptr<Loop> loop) {
  loop->queue_->close();
  uv_handle_set_data(loop->poll_, loop.get());
  // The event loop owns it until it calls back.
  Loop* closing = loop.release();
  uv_close(closing->poll_, [](uv_handle_t* handle) {
    std::unique_ptr<Loop> closed(static_cast<Loop*>(uv_handle_get_data(handle)));
    Environment& environment = closed->environment_;
    closed.reset();
    std::free(handle);
    environment.loopClosed();
  });
}

Environment* Environment::start(napi_env env, napi_value exports) {
  auto* environment = new Environment(env);
  napi_set_instance_data(env, environment, nullptr, nullptr);
  napi_add_async_cleanup_hook(env, stop, environment, &environment->hook_);
  void* data = nullptr;
  napi_value memory = nullptr;
  napi_value words = nullptr;
  napi_create_arraybuffer(env, sizeof(std::array<double, 4>), &data, &memory);
  napi_create_typedarray(env, napi_float64_array, 4, memory, 0, &words);
  napi_create_reference(env, words, 1, &environment->wordsRef_);
  environment->words = static_cast<std::array<double, 4>*>(data);
  napi_set_named_property(env, exports, "words", words);
  return environment;
}

Status Environment::loop(IoWanted wanted, Loop*& loop) {
  std::unique_ptr<Loop>& place = loops_[static_cast<size_t>(wanted)];
  if (dying_) return Status::store(Code::NOT_OPEN, "the environment is shutting down");
  if (!place) CAIRN_TRY(Loop::open(*this, wanted, place));
  loop = place.get();
  return {};
}

void Environment::setErrorMaker(napi_value maker) {
  if (errorMaker_ != nullptr) napi_delete_reference(env, errorMaker_);
  errorMaker_ = nullptr;
  napi_create_reference(env, maker, 1, &errorMaker_);
}

void Environment::forget(Observer* observer) {
  observers_.erase(std::remove(observers_.begin(), observers_.end(), observer), observers_.end());
}

void Environment::report() {
  for (size_t i = 0; i < observers_.size(); i++) observers_[i]->report();
}

void Environment::stop(napi_async_cleanup_hook_handle, void* self) {
  auto* environment = static_cast<Environment*>(self);
  environment->dying_ = true;
  for (Observer* observer : environment->observers_) observer->cancel();
  environment->closing_ = 1;
  for (std::unique_ptr<Loop>& loop : environment->loops_) {
    if (!loop) continue;
    environment->closing_++;
    Loop::close(std::move(loop));
  }
  environment->handles.clear();
  for (napi_ref reference : {environment->wordsRef_, environment->errorMaker_})
    if (reference != nullptr) napi_delete_reference(environment->env, reference);
  environment->loopClosed();
}

void Environment::loopClosed() {
  if (--closing_ == 0) stopped();
}

void Environment::stopped() {
  napi_remove_async_cleanup_hook(hook_);
  delete this;
}

}  // namespace cairn
