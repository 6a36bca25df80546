// The open tables of a plane: opened at first use, at most so many at a time, and their blocks.
//
// An OpenTable never changes, and workers and cursors hold it for as long as they read: dropping a
// table only lets go of it, and its file is closed behind the last reader. Everything else here
// belongs to the JavaScript thread, but destruction: a worker may be the last holder, and then
// nobody else looks. What was dropped answers COLD. The one used longest ago is dropped first.
// Twin: lib/table/files.ts
#pragma once

#include <atomic>
#include <vector>

#include "base/counted.h"
#include "format/edit.h"
#include "format/entry.h"
#include "os/file.h"
#include "table/cache.h"
#include "table/open.h"
#include "table/walk.h"

namespace cairn {

/** Blocks [from, from + blocks.size()) of a table. */
struct BlockRange {
  size_t from = 0;
  std::vector<Ref<const Block>> blocks;
};

/** A table whose file is open. */
class OpenTable : public Counted<OpenTable> {
 public:
  /** Opens the file by its name or, missing that, the name of old LevelDB's tables. */
  static Status openFile(const Directory& directory, const TableMeta& meta, Ref<const File>& file);
  static Status open(const Directory& directory, const TableMeta& meta,
                     Ref<const OpenTable>& table);

  const File& file() const { return *file_; }
  const TableParts& parts() const { return *parts_; }
  const Ref<const TableParts>& sharedParts() const { return parts_; }

  /** Reads and verifies one block. `now`: without waiting, `cold` when that can not be. */
  Status load(size_t ordinal, bool now, Ref<const Block>& block, bool& cold) const;
  /** The same for blocks [from, to) with one read: `wanted` and those beside it as far as they are
   * sound. Only damage in `wanted` is told, the others were not asked for. */
  Status loadRange(size_t from, size_t to, size_t wanted, bool now, Buffer& scratch,
                   BlockRange& range, bool& cold) const;

 private:
  friend class Counted<OpenTable>;
  OpenTable(Ref<const File> file, Ref<const TableParts> parts)
      : file_(std::move(file)), parts_(std::move(parts)) {}
  ~OpenTable() = default;

  Status read(uint8_t* into, uint64_t size, uint64_t offset, bool now, size_t& got,
              bool& cold) const;

  const Ref<const File> file_;
  const Ref<const TableParts> parts_;
};

/** The part of a table that TableFiles looks after. */
struct TableHandle : public Counted<TableHandle> {
  explicit TableHandle(TableMeta tableMeta) : meta(std::move(tableMeta)) {}

  const TableMeta meta;
  /** Written on the JavaScript thread, read by workers that begin. */
  std::atomic<bool> closed{false};
  Ref<const OpenTable> open;
  /** One per block while it is open, else none. */
  BlockSlots blocks;
  uint64_t lastUse = 0;
  /** Of late: look-ups of keys that were not here, less those of keys that were. */
  int absences = 0;
};

/** CAIRN_NOT_OPEN once the table was closed. */
Status requireOpen(const TableHandle& handle);

class TableFiles : public Counted<TableFiles> {
 public:
  TableFiles(Ref<Directory> directory, uint64_t cacheBytes, size_t maxOpenTables)
      : directory_(std::move(directory)), cache_(cacheBytes), maxOpenTables_(maxOpenTables) {}

  const Ref<Directory>& directory() const { return directory_; }
  size_t openTables() const { return open_.size(); }
  uint64_t cachedBlockBytes() const { return cache_.usedBytes(); }

  /** The table if it is open, marked as used now; else null. */
  const OpenTable* opened(TableHandle& handle) {
    if (handle.open) handle.lastUse = ++clock_;
    return handle.open.get();
  }
  /** Opens the table on this thread unless it is open. */
  Status openNow(TableHandle& handle);
  /** CAIRN_NOT_OPEN when table or files were closed. */
  Status require(const TableHandle& handle) const;
  /** Takes in what a worker opened, unless the table is open by now. */
  Status install(TableHandle& handle, Ref<const OpenTable> open);
  /** The block that is cached as `ordinal`, or `block`, read from `open`: cached if `fillCache`. */
  Ref<const Block> keep(TableHandle& handle, const OpenTable& open, size_t ordinal,
                        Ref<const Block> block, bool fillCache);
  /** The heads of a cached block; null until it is asked again, or if it can have none. */
  const BlockHeads* heads(BlockSlot& slot);
  /** Lets go of the table's file, and forgets its blocks. */
  void release(TableHandle& handle);
  /** Drops every table; nothing is opened any more. */
  void close();

  /** For reads and look-ups on the JavaScript thread, each of which is done with it at its end. */
  Buffer& scratch() { return scratch_; }
  BlockWalk& probe() { return probe_; }
  const Entry& probed() const { return probed_; }

 private:
  void trim(const TableHandle* except);

  const Ref<Directory> directory_;
  BlockCache cache_;
  const size_t maxOpenTables_;
  std::vector<Ref<TableHandle>> open_;
  uint64_t clock_ = 0;
  bool closed_ = false;
  Buffer scratch_;
  Entry probed_;
  BlockWalk probe_{probed_};
};

/** Opens a table on a worker, unless it is open; what reads from it goes on from there. */
class OpenLoad : public Load {
 public:
  /** On the JavaScript thread, as `absorb`. */
  OpenLoad(const TableFiles& files, TableHandle& handle);

  void read() override;
  /** What went wrong, or the table, installed if it was opened here. */
  Status absorb(TableFiles& files);
  const OpenTable& table() const { return *open_; }
  const Ref<const TableParts>& parts() const { return open_->sharedParts(); }

 protected:
  Status ended_;
  Ref<const OpenTable> open_;

 private:
  const Ref<Directory> directory_;
  const Ref<TableHandle> handle_;
  bool opened_ = false;
};

}  // namespace cairn
