// Tree: a B+tree over the entries of an arena.
//
// Order: user key ascending, then trailer descending (the newest version first). Slot i of an
// inner node separates child i - 1, all of it before the slot's entry, from child i, all of it at
// or behind. Entries are never removed, so nodes only split. In each node that a descent enters,
// the key is first held against the prefix that the node's slots share.
//
// The tree is brought up to date when it is asked. An insertion waits for the memory of its leaf;
// so several look for their leaves first, which are fetched side by side, and go in one after the
// other. Where most entries are missing, all are sorted and the tree is made anew.
// Twin: lib/memtable/tree.ts
#pragma once

#include "memtable/nodes.h"

namespace cairn {

/** What is looked for: the first entry at or after this. */
struct Sought {
  Slice key;
  uint64_t trailer = 0;
};

/** A slot of a leaf; may be the leaf's count. */
struct TreePlace {
  const Node* leaf = nullptr;
  size_t slot = 0;
};

class Tree {
 public:
  explicit Tree(const Arena& arena) : arena_(arena), last_(&first_), root_(&first_) {}
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  uint64_t memoryBytes() const { return sizeof(Tree) + nodes_.memoryBytes(); }
  /** Counts insertions, so that cursors notice them. */
  uint64_t version() const { return version_; }
  const Node* firstLeaf() const { return &first_; }
  const Node* lastLeaf() const { return last_; }

  /** How many entries of the arena it does not have. */
  uint64_t behind() const { return arena_.entries() - ordered_.entries; }
  /** Takes those in. False when the memory can not be had; then it has none. */
  [[nodiscard]] bool catchUp() { return behind() == 0 || takeIn(); }

  TreePlace seek(const Sought& sought) const;
  /** The newest entry of a key with a trailer up to that of `sought`; null when there is none. */
  const Row* find(const Sought& sought) const;

 private:
  struct Path;

  Node* leafOf(const Sought& sought, Path* path) const;
  bool takeIn();
  bool load();
  void clear();
  bool insert(EntryWalk walk, uint64_t count);
  bool isBehindAll(const Sought& sought, bool& fits) const;
  Path rightEdge() const;
  bool insertGroup(const Row* const* entries, size_t count);
  bool insertSplitting(const Row* entry);
  Node* linkLeaf(Node* left);
  void addChild(const Path& path, Node* child, const Row* entry);

  const Arena& arena_;
  /** Behind what it has. */
  Arena::Mark ordered_;
  /** The first leaf; it stays the first. */
  Node first_;
  Node* last_;
  /** A leaf when depth is 0, else an inner node. */
  Node* root_;
  size_t depth_ = 0;
  uint64_t version_ = 0;
  uint64_t splits_ = 0;
  Nodes nodes_;
};

}  // namespace cairn
