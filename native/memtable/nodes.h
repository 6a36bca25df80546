// Nodes: a pool of B+tree nodes, and their slots.
//
// A slot is a word of a user key and the entry: most comparisons end at the words and touch no
// key. The words are the 8 bytes behind the node's own prefix, of `skip` bytes, that the keys of
// its slots share. Bytes behind a key's end count as zeros throughout. A slot that does not fit
// shortens the prefix, a split lengthens it; either makes the words of that one node again.
//
// The words of a node lie side by side, so that a search touches few lines of memory and all of
// them can be fetched at once; so does the beginning of the prefix, beside the count.
// Twin: lib/memtable/nodes.ts
#pragma once

#include "memtable/arena.h"
#include "memtable/order.h"
#include "memtable/words.h"

namespace cairn {

inline constexpr size_t SLOTS_MAX = 64;
/** Words of a prefix that stand in the node; what is longer is looked up in an entry. */
inline constexpr size_t PREFIX_WORDS = 5;
/** The first slot that means something: see Inner. */
inline constexpr size_t LEAF_FIRST = 0;
inline constexpr size_t INNER_FIRST = 1;

/** A leaf, or what an inner node begins with. */
struct alignas(64) Node {
  uint32_t count = 0;
  uint32_t skip = 0;
  uint64_t prefix[PREFIX_WORDS];
  /** The neighbours of a leaf. */
  Node* previous = nullptr;
  Node* next = nullptr;
  uint64_t words[SLOTS_MAX];
  const Row* entries[SLOTS_MAX];

  /** Opens a gap at `slot` for an entry whose place that is; `fits` when it is known to have the
   * node's prefix. */
  void insert(size_t first, size_t slot, const Row* entry, bool fits);
  /** Makes a leaf of `size` entries, one at least, of the order from `at` on. */
  void fill(const Order& order, size_t at, size_t size);
  /** Moves the slots from `half` on to an empty node. */
  void split(size_t first, size_t half, Node* right);

 private:
  void fit(size_t first, const Row* entry);
  void lengthen(size_t first);
  void remake(size_t first, size_t shared);
  void setPrefix(const Row* entry, size_t bytes);
};

/** Child i lies between slots i and i + 1; the first slot has no meaning. */
struct Inner : Node {
  Node* children[SLOTS_MAX];

  void insertChild(size_t place, Node* child, const Row* entry);
  void splitChildren(size_t half, Inner* right);
};

/** Where nodes come from. They are never given back, but all at once. */
class Nodes {
 public:
  Nodes();

  uint64_t memoryBytes() const { return chunks_.memoryBytes(); }
  /** Makes sure of one leaf and so many inner nodes; false when the memory can not be had. */
  [[nodiscard]] bool reserve(size_t inners);
  Node* addLeaf();
  Inner* addInner();
  void rewind() { chunks_.rewind(); }

 private:
  Chunks chunks_;
};

}  // namespace cairn
