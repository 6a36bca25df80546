// Twin: lib/memtable/nodes.ts
#include "memtable/nodes.h"

#include <algorithm>
#include <new>

namespace cairn {

namespace {

/** A split lengthens the prefix when that brings so many more bytes into the words. */
constexpr size_t WORTH_BYTES = 3;
constexpr size_t FIRST_CHUNK_BYTES = 16 * 1024;
constexpr size_t CHUNK_BYTES = 1024 * 1024;

template <class T>
void openGap(T* row, size_t at, size_t count) {
  std::memmove(row + at + 1, row + at, (count - at) * sizeof(T));
}

}  // namespace

void Node::insert(size_t first, size_t slot, const Row* entry, bool fits) {
  if (count <= first) {
    setPrefix(entry, entry->keySize);
  } else if (!fits) {
    fit(first, entry);
  }
  openGap(words, slot, count);
  openGap(entries, slot, count);
  words[slot] = keyWord(entry->key(), skip);
  entries[slot] = entry;
  count++;
}

void Node::fill(const Order& order, size_t at, size_t size) {
  for (size_t slot = 0; slot < size; slot++) entries[slot] = order[at + slot];
  count = static_cast<uint32_t>(size);
  remake(LEAF_FIRST, sharedBytes(entries[0]->key(), entries[size - 1]->key(), SIZE_MAX));
}

void Node::split(size_t first, size_t half, Node* right) {
  const size_t moved = count - half;
  std::memcpy(right->words, words + half, moved * sizeof(words[0]));
  std::memcpy(right->entries, entries + half, moved * sizeof(entries[0]));
  std::memcpy(right->prefix, prefix, sizeof(prefix));
  count = static_cast<uint32_t>(half);
  right->count = static_cast<uint32_t>(moved);
  right->skip = skip;
  lengthen(first);
  right->lengthen(first);
}

/** Shortens the prefix to what the entry's key has of it. */
void Node::fit(size_t first, const Row* entry) {
  if (skip == 0) return;
  const size_t shared = sharedBytes(entries[first]->key(), entry->key(), skip);
  if (shared < skip) remake(first, shared);
}

void Node::lengthen(size_t first) {
  if (count <= first) return;
  const size_t shared =
      sharedBytes(entries[first]->key(), entries[count - 1]->key(), SIZE_MAX);
  if (shared >= skip + WORTH_BYTES) remake(first, shared);
}

void Node::remake(size_t first, size_t shared) {
  setPrefix(entries[first], shared);
  for (size_t slot = first; slot < count; slot++) words[slot] = keyWord(entries[slot]->key(), skip);
}

void Node::setPrefix(const Row* entry, size_t bytes) {
  skip = static_cast<uint32_t>(bytes);
  for (size_t i = 0; i < PREFIX_WORDS && i * WORD_BYTES < bytes; i++) {
    prefix[i] = keyWord(entry->key(), i * WORD_BYTES);
    if (bytes < (i + 1) * WORD_BYTES) prefix[i] &= wordMask(bytes - i * WORD_BYTES);
  }
}

void Inner::insertChild(size_t place, Node* child, const Row* entry) {
  openGap(children, place, count);
  children[place] = child;
  insert(INNER_FIRST, place, entry, false);
}

void Inner::splitChildren(size_t half, Inner* right) {
  std::memcpy(right->children, children + half, (count - half) * sizeof(children[0]));
  split(INNER_FIRST, half, right);
}

Nodes::Nodes() : chunks_(FIRST_CHUNK_BYTES, CHUNK_BYTES) {}

bool Nodes::reserve(size_t inners) {
  return chunks_.reserve(sizeof(Node) + inners * sizeof(Inner));
}

Node* Nodes::addLeaf() { return new (chunks_.add(sizeof(Node))) Node; }

Inner* Nodes::addInner() { return new (chunks_.add(sizeof(Inner))) Inner; }

}  // namespace cairn
