// MergeOutput: the tables that a merge writes, one open at a time.
//
// A table is finished at a new user key, when it has reached the size or overlaps too much of the
// grandparents (so that a later merge of it stays small), while a file number is left for what
// follows. Whole tables wait for each other and are synced one behind the other: what one sync
// makes the file system write, the next one need not.
// Twin: lib/view/output.ts
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "format/edit.h"
#include "format/entry.h"
#include "os/file.h"
#include "table/writer.h"
#include "view/job.h"

namespace cairn {

class MergeOutput {
 public:
  /** Both outlive it. */
  MergeOutput(const Directory& directory, const MergeJob& job)
      : directory_(directory), job_(job) {}

  std::vector<TableMeta> tables;

  uint64_t bytesWritten() const { return finishedBytes_ + (writer_ ? writer_->sizeBytes() : 0); }

  /** Adds an entry; a table is ended or begun before it where that is due. */
  Status add(const Entry& entry, bool newKey);
  /** Ends the open table, if there is one; all tables are synced and closed then. */
  Status settle();
  /** Removes everything written, where that is possible. */
  void discard();

 private:
  Status begin();
  Status finish();
  Status syncAll();
  void pass(Slice key);
  bool full() const;

  const Directory& directory_;
  const MergeJob& job_;
  std::vector<std::string> created_;
  std::unique_ptr<TableWriter> writer_;
  Ref<File> file_;
  /** Of tables that are whole. */
  std::vector<Ref<File>> unsynced_;
  uint64_t finishedBytes_ = 0;
  /** The first grandparent that does not lie wholly before the keys to come. */
  size_t grandparent_ = 0;
  /** Bytes of the grandparents that the open table has passed. */
  uint64_t overlapBytes_ = 0;
};

}  // namespace cairn
