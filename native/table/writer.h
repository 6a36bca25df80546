// TableWriter: sorted entries in, a table file out.
//
// A data block is finished by the add that fills it; its index entry waits for the next key, so
// that the separator can be short. Finished blocks gather in one buffer until `flush`. The blocks
// behind the data stand in the order filter, properties, metaindex, index, footer.
// Format: docs/format/table.md
// Twin: lib/table/writer.ts
#pragma once

#include <memory>

#include "base/buffer.h"
#include "format/edit.h"
#include "format/table.h"
#include "os/file.h"
#include "table/blockwriter.h"
#include "table/filter.h"

namespace cairn {

struct TableOptions {
  uint64_t blockSizeBytes = 0;
  uint32_t restartInterval = 0;
  bool compression = false;
  /** Bloom filter bits per key; 0 writes none. */
  uint32_t filterBits = 0;
};

class TableWriter {
 public:
  /** Writes to an empty file; the caller removes it when anything fails. */
  TableWriter(Ref<File> file, uint64_t number, const TableOptions& options);

  uint64_t entries() const { return properties_.entries; }
  /** Bytes of all finished blocks, trailers included: policy reads it. */
  uint64_t sizeBytes() const { return written_ + pending_.size(); }
  /** Bytes of finished blocks that no `flush` has written yet. */
  size_t pendingBytes() const { return pending_.size(); }

  /** Appends an entry. Entries come in the order of internal keys; a range status says that they
   * do not. */
  Status add(Slice key, uint64_t trailer, Slice value);
  /** Writes the finished blocks. */
  Status flush();
  /** Writes what is left; the sync is the caller's. There must be an entry. */
  Status finish(TableMeta& meta);

 private:
  void count(Slice key, uint64_t trailer, Slice value);
  Status finishData();
  Status finishMeta();
  Status indexBlock(const Slice* next);
  Status nameBlock(const char* name, BlockHandle block);
  Status append(Slice contents, bool compress, BlockHandle& handle);

  const Ref<File> file_;
  const uint64_t number_;
  const uint64_t blockSizeBytes_;
  const bool compression_;
  BlockWriter data_;
  BlockWriter index_;
  BlockWriter metaindex_;
  std::unique_ptr<FilterBlockWriter> filter_;
  /** The present and the last internal key; they change places. */
  Buffer key_;
  Buffer last_;
  Buffer separator_;
  std::string smallest_;
  /** The finished block whose index entry waits for the next key. */
  BlockHandle waiting_;
  bool isWaiting_ = false;
  /** Finished blocks that are not written yet. */
  Buffer pending_;
  /** Bytes handed to the file. */
  uint64_t written_ = 0;
  TableProperties properties_;
};

}  // namespace cairn
