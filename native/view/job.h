// MergeJob: what a flush or a compaction is told to do; control has decided all of it.
// Twin: lib/plane.ts (MergeJob)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "table/stream.h"
#include "table/writer.h"
#include "view/view.h"

namespace cairn {

/** User keys, both inclusive. */
struct KeyRange {
  std::string smallest;
  std::string largest;

  Slice smallestKey() const { return {smallest.data(), smallest.size()}; }
  Slice largestKey() const { return {largest.data(), largest.size()}; }
};

struct SizedRange : KeyRange {
  uint64_t sizeBytes = 0;
};

/** Hears of a merge, on its worker. Damage is told only when it is skipped. */
class MergeEvents : public DamageSink {
 public:
  /** Bytes read and written so far. */
  virtual void progress(uint64_t bytesRead, uint64_t bytesWritten) = 0;
};

/** Tells the damage that streams meet to the merge that they turn out to belong to. */
class DamageRelay : public DamageSink {
 public:
  void damage(TableDamage damage) override { to->damage(std::move(damage)); }

  DamageSink* to = nullptr;
};

/** Per run and source the stream of a table; null for a memtable. */
struct MergeStreams {
  DamageRelay relay;
  std::vector<std::vector<std::unique_ptr<TableStream>>> runs;
};

struct MergeJob {
  /** Newest first, as in a View; memtables are sealed. */
  std::vector<Run> inputs;
  /** Sequences that readers may hold, ascending; the last is the newest settled one. */
  std::vector<uint64_t> snapshots;
  /** File numbers reserved for the outputs, ascending; the last one takes all that is left. */
  std::vector<uint64_t> outputs;
  TableOptions table;
  /** A table is finished at the first new user key past this size. */
  uint64_t maxTableBytes = 0;
  /** Per deeper level, sorted ranges: a deletion under none of them is dropped. */
  std::vector<std::vector<KeyRange>> deeper;
  /** Tables two levels down; an output that overlaps more than the limit is finished. */
  std::vector<SizedRange> grandparents;
  uint64_t maxGrandparentBytes = 0;
  /** A block that is damaged is skipped and told, instead of ending the merge. */
  bool skipDamage = false;
  /** Made by `checkJob`, used up by `merge`. */
  std::unique_ptr<MergeStreams> streams;
};

}  // namespace cairn
