// Checking a table: every byte of the file is read, and every byte must be accounted for.
//
// Checked: checksums and structure of all blocks; that keys rise, lie between the separators
// around their block and pass the filter; that properties and the table's own range of keys say
// what was found; that blocks lie back to back from the first byte to the footer; zero padding.
// Twin: lib/table/verify.ts
#pragma once

#include <vector>

#include "table/stream.h"

namespace cairn {

struct TableVerdict {
  uint64_t entries = 0;
  std::vector<TableDamage> damage;
};

/** Reads and checks all of the table, on a worker. Damage is told, never a failure; an I/O error
 * is one. */
Status verifyTable(const Directory& directory, const TableMeta& meta, TableVerdict& verdict);

}  // namespace cairn
