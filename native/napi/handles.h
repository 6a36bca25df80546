// Handles: what JavaScript holds of native objects, as numbers that can not be forged into crashes.
//
// A handle is an index and the generation of its slot, so that a closed one never names what took
// its place; the kind is checked at every use. One table per environment.
#pragma once

#include <cstdint>
#include <vector>

#include "base/counted.h"

namespace cairn {

class Handles {
 public:
  Handles() = default;
  ~Handles() { clear(); }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  /** 0 when there are too many. */
  template <class T>
  double add(Ref<T> object) {
    uint32_t index = 0;
    if (!take(index)) return 0;
    Slot& slot = slots_[index];
    object->hold();
    slot.object = object.get();
    slot.kind = kindOf<T>();
    slot.drop = [](void* held) { static_cast<T*>(held)->drop(); };
    return static_cast<double>(slot.generation) * INDEXES + index;
  }

  /** Null when the handle is closed or of another kind. */
  template <class T>
  T* get(double handle) const {
    const Slot* slot = find(handle);
    return slot != nullptr && slot->kind == kindOf<T>() ? static_cast<T*>(slot->object) : nullptr;
  }

  /** Lets go of the object; nothing when the handle is closed already. */
  template <class T>
  void close(double handle) {
    Slot* slot = const_cast<Slot*>(find(handle));
    if (slot != nullptr && slot->kind == kindOf<T>()) free(*slot);
  }

  void clear();
  size_t open() const { return slots_.size() - free_.size(); }

 private:
  static constexpr uint32_t INDEXES = 1 << 20;

  struct Slot {
    void* object = nullptr;
    const void* kind = nullptr;
    void (*drop)(void*) = nullptr;
    uint32_t generation = 1;
  };

  /** An address that stands for the type. */
  template <class T>
  static const void* kindOf() {
    static const char kind = 0;
    return &kind;
  }

  bool take(uint32_t& index);
  void free(Slot& slot);
  const Slot* find(double handle) const {
    if (!(handle >= INDEXES && handle < 4503599627370496.0)) return nullptr;
    const uint64_t number = static_cast<uint64_t>(handle);
    const uint64_t index = number % INDEXES;
    if (index >= slots_.size()) return nullptr;
    const Slot& slot = slots_[index];
    return slot.object != nullptr && slot.generation == number / INDEXES ? &slot : nullptr;
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace cairn
