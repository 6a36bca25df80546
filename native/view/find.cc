// Twin: lib/view/find.ts
#include "view/find.h"

#include "format/key.h"

namespace cairn {

namespace {

/** What one part says; `table` is the table that was asked, if one was. */
Found findPart(const ViewPart& part, Slice key, uint64_t trailer, TableHit& hit, bool wait,
               bool fillCache, Status& failure, Table*& table) {
  if (part.memtable != nullptr) {
    const Found found = part.memtable->find(key, trailer, hit.trailer, hit.value, failure);
    if (found == Found::FOUND) hit.block = nullptr;
    return found;
  }
  table = part.tables->tableFor(key, trailer);
  if (table == nullptr) return Found::ABSENT;
  return table->find(key, trailer, hit, wait, fillCache, failure);
}

}  // namespace

Found find(const View& view, Slice key, uint64_t at, TableHit& hit, bool wait, bool fillCache,
           Status& failure) {
  const uint64_t trailer = trailerAt(at);
  for (const ViewPart& part : view.parts()) {
    Table* table = nullptr;
    const Found found = findPart(part, key, trailer, hit, wait, fillCache, failure, table);
    if (found != Found::ABSENT) return found;
  }
  return Found::ABSENT;
}

ColdFind::ColdFind(Ref<const View> view, Slice key, uint64_t at, bool fillCache)
    : view_(std::move(view)),
      key_(reinterpret_cast<const char*>(key.data), key.size),
      trailer_(trailerAt(at)),
      fillCache_(fillCache) {}

std::unique_ptr<Load> ColdFind::step(Load* read) {
  const Slice key{key_.data(), key_.size()};
  const std::vector<ViewPart>& parts = view_->parts();
  if (table_ != nullptr && read != nullptr) {
    found = table_->absorbFind(*read, key, trailer_, hit, fillCache_, failure);
    table_ = nullptr;
    if (found != Found::ABSENT) return nullptr;
    part_++;
  }
  for (; part_ < parts.size(); part_++) {
    Table* table = nullptr;
    found = findPart(parts[part_], key, trailer_, hit, false, fillCache_, failure, table);
    if (found == Found::COLD) {
      table_ = table;
      return table->planFind(key, trailer_);
    }
    if (found != Found::ABSENT) return nullptr;
  }
  found = Found::ABSENT;
  return nullptr;
}

}  // namespace cairn
