// The table behind the handles.
#include "napi/handles.h"

namespace cairn {

bool Handles::take(uint32_t& index) {
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
    return true;
  }
  if (slots_.size() == INDEXES) return false;
  index = static_cast<uint32_t>(slots_.size());
  slots_.emplace_back();
  return true;
}

void Handles::free(Slot& slot) {
  void* object = slot.object;
  slot.object = nullptr;
  slot.kind = nullptr;
  slot.generation++;
  // A slot whose generations are used up is left alone, so that no handle ever comes again.
  if (slot.generation != 0) free_.push_back(static_cast<uint32_t>(&slot - slots_.data()));
  slot.drop(object);
}

void Handles::clear() {
  for (Slot& slot : slots_)
    if (slot.object != nullptr) free(slot);
}

}  // namespace cairn
