// Twin: lib/view/output.ts
#include "view/output.h"

#include "format/names.h"
#include "view/drop.h"

namespace cairn {

namespace {

/** Blocks are written once so many bytes wait. */
constexpr size_t FLUSH_BYTES = 1024 * 1024;
/** Tables that wait for their sync, at most: each is an open file. */
constexpr size_t UNSYNCED_MOST = 16;

}  // namespace

Status MergeOutput::add(const Entry& entry, bool newKey) {
  if (newKey) pass(entry.key);
  if (writer_ && newKey && full()) CAIRN_TRY(finish());
  if (!writer_) CAIRN_TRY(begin());
  CAIRN_TRY(writer_->add(entry.key, entry.trailer, entry.value));
  return writer_->pendingBytes() >= FLUSH_BYTES ? writer_->flush() : Status();
}

Status MergeOutput::settle() {
  if (writer_) CAIRN_TRY(finish());
  return syncAll();
}

/** Ends the open table. */
Status MergeOutput::finish() {
  TableMeta meta;
  CAIRN_TRY(writer_->finish(meta));
  writer_ = nullptr;
  unsynced_.push_back(std::move(file_));
  finishedBytes_ += meta.sizeBytes;
  tables.push_back(std::move(meta));
  return unsynced_.size() < UNSYNCED_MOST ? Status() : syncAll();
}

Status MergeOutput::syncAll() {
  for (const Ref<File>& file : unsynced_) CAIRN_TRY(file->sync());
  unsynced_.clear();
  return {};
}

void MergeOutput::discard() {
  writer_ = nullptr;
  file_ = nullptr;
  unsynced_.clear();
  // What can not be removed is in no version: control removes it at the next open.
  for (const std::string& name : created_) (void)directory_.removeFile(name);
}

Status MergeOutput::begin() {
  const uint64_t number = job_.outputs[created_.size()];
  Ref<File> file;
  CAIRN_TRY(directory_.createFile(tableName(number), file));
  created_.push_back(file->name());
  writer_ = std::make_unique<TableWriter>(file, number, job_.table);
  file_ = std::move(file);
  overlapBytes_ = 0;
  return {};
}

void MergeOutput::pass(Slice key) {
  const std::vector<SizedRange>& grandparents = job_.grandparents;
  for (; grandparent_ < grandparents.size() && isBefore(grandparents[grandparent_], key);
       grandparent_++)
    // Beyond the limit the sum says nothing more, and never overflows.
    if (overlapBytes_ <= job_.maxGrandparentBytes)
      overlapBytes_ += grandparents[grandparent_].sizeBytes;
}

bool MergeOutput::full() const {
  if (created_.size() == job_.outputs.size()) return false;
  return writer_->sizeBytes() >= job_.maxTableBytes || overlapBytes_ > job_.maxGrandparentBytes;
}

}  // namespace cairn
