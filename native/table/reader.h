// A table behind the seam: look-ups by user key, and the makers of its cursors.
//
// A look-up goes from the index to the one block that may hold the key, past the filter. A block
// that is not cached is read at once where the page cache has it; else the answer is COLD, and a
// worker reads what was missed. For the JavaScript thread, but where a function says otherwise.
// Format: docs/format/table.md
// Twin: lib/table/reader.ts
#pragma once

#include <memory>

#include "format/edit.h"
#include "format/entry.h"
#include "table/cursor.h"
#include "table/files.h"
#include "table/stream.h"
#include "table/verify.h"

namespace cairn {

/** What a look-up found: a value or, by its trailer's type, a deletion. */
struct TableHit {
  uint64_t trailer = 0;
  Slice value;
  /** Keeps the bytes of `value`, which never change. Null where a memtable holds them, or the block
   * cache until it takes in another block. */
  Ref<const Block> block;
};

class Table : public Counted<Table> {
 public:
  static Ref<Table> make(Ref<TableFiles> files, TableMeta meta);

  const TableMeta& meta() const { return handle_->meta; }

  /** The newest entry of user key `key` with a trailer of at most `trailer`. COLD, and `hit`
   * unchanged, when it would have to wait for a file or block, unless `wait` allows that. */
  Found find(Slice key, uint64_t trailer, TableHit& hit, bool wait, bool fillCache,
             Status& failure);
  /** Reads what a find that was COLD missed; it is cached when it is taken in, if at all. */
  std::unique_ptr<Load> planFind(Slice key, uint64_t trailer);
  /** Takes that in, and answers; never COLD. */
  Found absorbFind(Load& load, Slice key, uint64_t trailer, TableHit& hit, bool fillCache,
                   Status& failure);

  /** For scans: both directions, through the block cache. */
  std::unique_ptr<TableCursor> cursor(bool fillCache);
  /** For merges: forward only, past the block cache, to be used on a worker. */
  std::unique_ptr<TableStream> stream(DamageSink* sink);

  /** On a worker. */
  Status verify(TableVerdict& verdict) const;

  /** Opens the table, if it is not. */
  std::unique_ptr<Load> planOpen();
  Status absorbOpen(Load& load, bool& hasProperties, TableProperties& properties);
  /** Bytes of the file before the first entry >= key. Reads the index where `absorbOpen` does not
   * come right before. */
  Status offsetOf(Slice key, uint64_t& offset);

  void close();

 private:
  friend class Counted<Table>;
  Table(Ref<TableFiles> files, TableMeta meta)
      : files_(std::move(files)), handle_(makeRef<TableHandle>(std::move(meta))) {}
  ~Table() = default;

  Found findCached(BlockSlot& slot, Slice key, uint64_t trailer, TableHit& hit, Status& failure);
  Found findIn(const Ref<const Block>& block, Slice key, uint64_t trailer, TableHit& hit,
               Status& failure);

  const Ref<TableFiles> files_;
  const Ref<TableHandle> handle_;
};

}  // namespace cairn
