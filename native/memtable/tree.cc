// Twin: lib/memtable/tree.ts
#include "memtable/tree.h"

#include <algorithm>

namespace cairn {

namespace {

/** Inner nodes but those at the right edge have half their children: 32^12 leaves is no limit. */
constexpr size_t DEPTH_MAX = 12;
/** Leaves fetched side by side: about as many as a core has misses under way, in lines. */
constexpr size_t GROUP_ENTRIES = 8;
constexpr size_t LINE_BYTES = 64;
/** Fewer entries are inserted one by one, however few the tree has. */
constexpr size_t LOADED_LEAST = 64;
/** Leaves that are made at once have room for what comes between their entries. */
constexpr size_t LOADED_SLOTS = SLOTS_MAX * 3 / 4;

struct Rank {
  size_t slot;
  /** Whether the key has the whole prefix of the node. */
  bool fits;
  /** Whether the slot's word is the key's: only then it may be an entry of the key. */
  bool alike;
};

Sought soughtOf(const Row* entry) { return {entry->key(), entry->trailer}; }

void fetch(const void* from, size_t bytes) {
  const uint8_t* line = static_cast<const uint8_t*>(from);
  for (size_t at = 0; at < bytes; at += LINE_BYTES) __builtin_prefetch(line + at);
}

/** The count, the prefix and the words: what a search reads. */
void fetchWords(const Node* node) { fetch(node, offsetof(Node, entries)); }

/** Order of the key against a node's prefix; 0 when it has it. */
int orderOfPrefix(const Node& node, size_t first, Slice key) {
  const size_t inNode = std::min<size_t>(node.skip, PREFIX_WORDS * WORD_BYTES);
  for (size_t at = 0; at < inNode; at += WORD_BYTES) {
    uint64_t word = keyWord(key, at);
    if (inNode - at < WORD_BYTES) word &= wordMask(inNode - at);
    const uint64_t prefix = node.prefix[at / WORD_BYTES];
    if (word != prefix) return word < prefix ? -1 : 1;
  }
  if (node.skip == inNode) return 0;
  const Slice entry = node.entries[first]->key();
  for (size_t at = inNode; at < node.skip; at += WORD_BYTES) {
    const uint64_t mask = wordMask(std::min<size_t>(node.skip - at, WORD_BYTES));
    const uint64_t word = keyWord(key, at) & mask;
    const uint64_t prefix = keyWord(entry, at) & mask;
    if (word != prefix) return word < prefix ? -1 : 1;
  }
  return 0;
}

/** Whether an entry comes before what is sought; they are alike in their first `alike` bytes. */
bool isBefore(const Row* entry, const Sought& sought, size_t alike) {
  const Slice key = entry->key();
  const size_t skip = std::min({alike, key.size, sought.key.size});
  const int order = compareBytes(key.from(skip), sought.key.from(skip));
  return order != 0 ? order < 0 : entry->trailer > sought.trailer;
}

/** Goes on from the first slot that has the sought word, by whole entries. */
size_t rankAlike(const Node& node, size_t low, const Sought& sought, uint64_t word) {
  const size_t alike = node.skip + WORD_BYTES;
  if (!isBefore(node.entries[low], sought, alike)) return low;
  low++;
  size_t high = node.count;
  if (low == high || node.words[low] != word) return low;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (node.words[middle] == word && isBefore(node.entries[middle], sought, alike)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The first slot from `low` on whose entry is at or after what is sought; the count if none is. */
Rank rankIn(const Node& node, size_t first, size_t low, const Sought& sought) {
  if (low == node.count) return {low, false, false};
  if (node.skip > 0) {
    const int order = orderOfPrefix(node, first, sought.key);
    if (order != 0) return {order < 0 ? low : node.count, false, false};
  }
  const uint64_t word = keyWord(sought.key, node.skip);
  const size_t slot = low + lowerBound(node.words + low, node.count - low, word);
  if (slot == node.count || node.words[slot] != word) return {slot, true, false};
  return {rankAlike(node, slot, sought, word), true, true};
}

}  // namespace

/** Inner nodes and child numbers of a descent, from the root. */
struct Tree::Path {
  Inner* nodes[DEPTH_MAX];
  size_t children[DEPTH_MAX];
};

/** Walks from the root to the leaf that the key belongs into. */
Node* Tree::leafOf(const Sought& sought, Path* path) const {
  Node* node = root_;
  for (size_t level = 0; level < depth_; level++) {
    Inner* inner = static_cast<Inner*>(node);
    const size_t child = rankIn(*inner, INNER_FIRST, INNER_FIRST, sought).slot - 1;
    if (path != nullptr) {
      path->nodes[level] = inner;
      path->children[level] = child;
    }
    node = inner->children[child];
    fetchWords(node);
  }
  return node;
}

TreePlace Tree::seek(const Sought& sought) const {
  const Node* leaf = leafOf(sought, nullptr);
  return {leaf, rankIn(*leaf, LEAF_FIRST, 0, sought).slot};
}

const Row* Tree::find(const Sought& sought) const {
  const Node* leaf = leafOf(sought, nullptr);
  Rank rank = rankIn(*leaf, LEAF_FIRST, 0, sought);
  if (rank.slot == leaf->count) {
    leaf = leaf->next;
    if (leaf == nullptr) return nullptr;
    rank = {0, true, true};
  }
  // Most keys that are not here end at the words, and touch no entry.
  if (!rank.alike) return nullptr;
  const Row* entry = leaf->entries[rank.slot];
  return equalBytes(entry->key(), sought.key) ? entry : nullptr;
}

bool Tree::takeIn() {
  const bool anew = behind() >= LOADED_LEAST && behind() > ordered_.entries;
  if (anew) clear();
  const bool done = anew ? load() : insert(arena_.since(ordered_), behind());
  // One that has some of them is of no use.
  if (!done) clear();
  else ordered_ = arena_.mark();
  return done;
}

/** Makes an empty tree one of all entries; false when there is no memory. */
bool Tree::load() {
  Order order;
  if (!order.make(arena_)) return false;
  version_++;
  for (size_t at = 0; at < order.count(); at += LOADED_SLOTS) {
    const size_t size = std::min(LOADED_SLOTS, order.count() - at);
    for (size_t next = at + size; next < std::min(at + 2 * size, order.count()); next++)
      __builtin_prefetch(order[next]);
    if (at == 0) {
      first_.fill(order, at, size);
      continue;
    }
    if (depth_ == DEPTH_MAX || !nodes_.reserve(depth_ + 1)) return false;
    const Path edge = rightEdge();
    Node* leaf = linkLeaf(last_);
    leaf->fill(order, at, size);
    addChild(edge, leaf, leaf->entries[0]);
  }
  return true;
}

/** Takes all entries out, and keeps the memory. */
void Tree::clear() {
  nodes_.rewind();
  first_.count = 0;
  first_.next = nullptr;
  last_ = root_ = &first_;
  depth_ = 0;
  version_++;
  ordered_ = {};
}

/** Inserts the next `count` entries; false when there is no memory, and then some are in. */
bool Tree::insert(EntryWalk walk, uint64_t count) {
  while (count > 0) {
    const Row* group[GROUP_ENTRIES];
    group[0] = walk.next();
    count--;
    bool fits = false;
    // Ascending keys are usual: they go straight behind the last entry.
    if (isBehindAll(soughtOf(group[0]), fits)) {
      version_++;
      if (last_->count < SLOTS_MAX) {
        last_->insert(LEAF_FIRST, last_->count, group[0], fits);
      } else if (!insertSplitting(group[0])) {
        return false;
      }
      continue;
    }
    size_t size = 1;
    for (; size < GROUP_ENTRIES && count > 0; count--) group[size++] = walk.next();
    if (!insertGroup(group, size)) return false;
  }
  return true;
}

bool Tree::isBehindAll(const Sought& sought, bool& fits) const {
  if (last_->count == 0) return false;
  const Rank rank = rankIn(*last_, LEAF_FIRST, last_->count - 1, sought);
  fits = rank.fits;
  return rank.slot == last_->count;
}

bool Tree::insertGroup(const Row* const* entries, size_t count) {
  Node* leaves[GROUP_ENTRIES];
  const uint64_t splits = splits_;
  for (size_t i = 0; i < count; i++) {
    leaves[i] = leafOf(soughtOf(entries[i]), nullptr);
    fetch(leaves[i]->entries, sizeof(leaves[i]->entries));
  }
  for (size_t i = 0; i < count; i++) {
    const Sought sought = soughtOf(entries[i]);
    version_++;
    // Only a split changes where a key belongs.
    Node* leaf = splits == splits_ ? leaves[i] : leafOf(sought, nullptr);
    if (leaf->count < SLOTS_MAX) {
      const Rank rank = rankIn(*leaf, LEAF_FIRST, 0, sought);
      leaf->insert(LEAF_FIRST, rank.slot, entries[i], rank.fits);
    } else if (!insertSplitting(entries[i])) {
      return false;
    }
  }
  return true;
}

/** Inserts where the leaf is full; false, and nothing changed, when there is no memory. */
bool Tree::insertSplitting(const Row* entry) {
  if (depth_ == DEPTH_MAX || !nodes_.reserve(depth_ + 1)) return false;
  const Sought sought = soughtOf(entry);
  Path path;
  Node* left = leafOf(sought, &path);
  const size_t slot = rankIn(*left, LEAF_FIRST, 0, sought).slot;
  const bool isLast = left == last_ && slot == left->count;
  Node* right = linkLeaf(left);
  splits_++;
  constexpr size_t half = SLOTS_MAX / 2;
  if (isLast) {
    // Ascending keys leave full leaves behind.
    right->insert(LEAF_FIRST, 0, entry, false);
  } else {
    left->split(LEAF_FIRST, half, right);
    if (slot <= half) {
      left->insert(LEAF_FIRST, slot, entry, false);
    } else {
      right->insert(LEAF_FIRST, slot - half, entry, false);
    }
  }
  addChild(path, right, right->entries[0]);
  return true;
}

/** A leaf, empty, linked behind `left`. */
Node* Tree::linkLeaf(Node* left) {
  Node* leaf = nodes_.addLeaf();
  leaf->previous = left;
  leaf->next = left->next;
  if (left->next == nullptr) {
    last_ = leaf;
  } else {
    left->next->previous = leaf;
  }
  left->next = leaf;
  return leaf;
}

/** The path to the last leaf. */
Tree::Path Tree::rightEdge() const {
  Path path;
  Node* node = root_;
  for (size_t level = 0; level < depth_; level++) {
    Inner* inner = static_cast<Inner*>(node);
    path.nodes[level] = inner;
    path.children[level] = inner->count - 1;
    node = inner->children[inner->count - 1];
  }
  return path;
}

/** Adds `child`, whose first entry is `entry`, behind the path's last child. */
void Tree::addChild(const Path& path, Node* child, const Row* entry) {
  for (size_t level = depth_; level-- > 0;) {
    Inner* left = path.nodes[level];
    const size_t place = path.children[level] + 1;
    if (left->count < SLOTS_MAX) {
      left->insertChild(place, child, entry);
      return;
    }
    Inner* right = nodes_.addInner();
    // A node that grows at its end, as under ascending keys, stays nearly full.
    const size_t half = place == SLOTS_MAX ? SLOTS_MAX - 1 : SLOTS_MAX / 2;
    const Row* separator = left->entries[half];
    left->splitChildren(half, right);
    if (place > half) {
      right->insertChild(place - half, child, entry);
    } else {
      left->insertChild(place, child, entry);
    }
    child = right;
    entry = separator;
  }
  Inner* root = nodes_.addInner();
  root->insertChild(0, root_, entry);
  root->insertChild(1, child, entry);
  root_ = root;
  depth_++;
}

}  // namespace cairn
