// Twin: lib/memtable/cursor.ts
#include "memtable/cursor.h"

#include <utility>

namespace cairn {

namespace {

/** Entries of neighbouring slots lie far apart: one is fetched so many moves before its turn. */
constexpr size_t FETCH_AHEAD = 8;

}  // namespace

MemtableCursor::MemtableCursor(Ref<const Memtable> memtable)
    : memtable_(std::move(memtable)), tree_(memtable_->tree()) {}

Move MemtableCursor::first() {
  if (!isReady()) return Move::FAILED;
  return standForward(tree_.firstLeaf(), 0);
}

Move MemtableCursor::last() {
  if (!isReady()) return Move::FAILED;
  const Node* leaf = tree_.lastLeaf();
  return standBackward(leaf, leaf->count);
}

Move MemtableCursor::seek(Slice to, uint64_t toTrailer) {
  if (!isReady()) return Move::FAILED;
  const TreePlace place = tree_.seek({to, toTrailer});
  return standForward(place.leaf, place.slot);
}

Move MemtableCursor::seekBefore(Slice to, uint64_t toTrailer) {
  if (!isReady()) return Move::FAILED;
  const TreePlace place = tree_.seek({to, toTrailer});
  return standBackward(place.leaf, place.slot);
}

Move MemtableCursor::next() {
  if (entry_ == nullptr) return Move::DONE;
  if (!isReady()) return Move::FAILED;
  findAgain();
  return standForward(place_.leaf, place_.slot + 1);
}

Move MemtableCursor::previous() {
  if (entry_ == nullptr) return Move::DONE;
  if (!isReady()) return Move::FAILED;
  findAgain();
  return standBackward(place_.leaf, place_.slot);
}

/** Whether the tree has every entry; if not, why stands in `failure`. */
bool MemtableCursor::isReady() {
  if (tree_.catchUp()) return true;
  failure = Status::memory(sizeof(Node));
  return false;
}

void MemtableCursor::findAgain() {
  if (tree_.version() == version_) return;
  place_ = tree_.seek({entry_->key(), entry_->trailer});
  // Only an entry that separates two leaves is looked for behind the left one's end.
  if (place_.slot == place_.leaf->count) place_ = {place_.leaf->next, 0};
  version_ = tree_.version();
}

/** At the slot, or at the next leaf's first when it is the leaf's count. */
Move MemtableCursor::standForward(const Node* leaf, size_t slot) {
  if (slot == leaf->count) {
    leaf = leaf->next;
    slot = 0;
  }
  // Only the leaf of an empty tree has no entry.
  if (leaf == nullptr || leaf->count == 0) {
    valid = false;
    return Move::DONE;
  }
  const Node* ahead = leaf;
  size_t aheadSlot = slot + FETCH_AHEAD;
  if (aheadSlot >= leaf->count) {
    ahead = leaf->next;
    aheadSlot -= leaf->count;
  }
  if (ahead != nullptr && aheadSlot < ahead->count) fetchRow(ahead->entries[aheadSlot]);
  return stand(leaf, slot);
}

/** At the slot before `slot`, which may be the previous leaf's last. */
Move MemtableCursor::standBackward(const Node* leaf, size_t slot) {
  if (slot == 0) {
    leaf = leaf->previous;
    if (leaf == nullptr) {
      valid = false;
      return Move::DONE;
    }
    slot = leaf->count;
  }
  if (slot > FETCH_AHEAD) fetchRow(leaf->entries[slot - 1 - FETCH_AHEAD]);
  return stand(leaf, slot - 1);
}

Move MemtableCursor::stand(const Node* leaf, size_t slot) {
  const Row* entry = leaf->entries[slot];
  valid = true;
  version_ = tree_.version();
  place_ = {leaf, slot};
  entry_ = entry;
  key = entry->key();
  trailer = entry->trailer;
  value = entry->value();
  return Move::DONE;
}

}  // namespace cairn
