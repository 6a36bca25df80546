// Opening a table: footer, index, metaindex, filter and properties, out of as few reads as go.
//
// The first range read is the tail of the file, which usually holds all that follows.
// Format: docs/format/table.md
// Twin: lib/table/open.ts
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/counted.h"
#include "format/edit.h"
#include "format/table.h"
#include "os/file.h"
#include "table/filter.h"
#include "table/handles.h"

namespace cairn {

/** What an open table knows beside its data blocks. Never changes once it is made. */
struct TableParts : public Counted<TableParts> {
  TableIndex index;
  bool hasFilter = false;
  FilterBlock filter;
  bool hasProperties = false;
  TableProperties properties;
  TableFooter footer;
  /** The blocks that the metaindex names, by name. */
  std::vector<std::pair<std::string, BlockHandle>> named;
  /** The contents that `filter` looks into. */
  Buffer filterBytes;

  /** False only when block `ordinal` does not hold the user key. */
  bool mayContain(size_t ordinal, Slice key) const {
    return !hasFilter || filter.mayContain(index.offset(ordinal), key);
  }
};

/** The parts of the table in `file`, which must have the size that `meta` says. CAIRN_CORRUPTION
 * or, for a block of a later format, CAIRN_FORMAT_VERSION. */
Status openParts(const File& file, const TableMeta& meta, Ref<const TableParts>& parts);

/** Reads `size` bytes into `bytes`, with slack behind them; corruption when the file ends early. */
Status readAll(const File& file, uint64_t offset, uint64_t size, Buffer& bytes);

/** The corruption of a file that ended at byte `end`. */
Status endsEarly(const File& file, uint64_t end);

}  // namespace cairn
