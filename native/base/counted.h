// Counted and Ref: objects that live as long as someone holds them, on any thread.
//
// The last holder may be a worker, so a destructor may run on any thread. Counting up needs no
// order; counting down releases what was written and the last one acquires it.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace cairn {

/** `T` is the class itself, which must be what is deleted. */
template <class T>
class Counted {
 public:
  void hold() const { holders_.fetch_add(1, std::memory_order_relaxed); }
  void drop() const {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete static_cast<const T*>(this);
  }

 protected:
  Counted() = default;
  ~Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  mutable std::atomic<uint32_t> holders_{0};
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->hold();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  Ref(const Ref<U>& other) : Ref(other.get()) {}
  ~Ref() {
    if (object_ != nullptr) object_->drop();
  }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> makeRef(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace cairn
