// merge: writes the entries of some runs, in order, into new tables: a flush or a compaction.
//
// What is dropped: of the versions of a key between two consecutive snapshots all but the newest;
// a deletion that is the newest at or below the oldest snapshot, when no deeper range holds its
// key (it would hide nothing); an entry that another source has as well. Versions above the last
// snapshot are all kept. A table ends only between two user keys, never between two versions. All
// of that is decided by the entries and the job alone: the same job writes the same bytes.
// Twin: lib/view/merge.ts
#pragma once

#include <atomic>
#include <vector>

#include "format/edit.h"
#include "os/file.h"
#include "view/job.h"

namespace cairn {

/** Checks a job, on the JavaScript thread, and makes its streams, which take there what their
 * tables have open. A range or type status for a job that can not be run. */
Status checkJob(MergeJob& job);

/** Runs a job that was checked, once, on a worker. Gives the tables in order, synced; their
 * directory is not. CAIRN_ABORTED soon after `cancelled` is set. When it fails, what was written
 * has been removed, where that was possible. */
Status merge(const Directory& directory, const MergeJob& job, const std::atomic<bool>& cancelled,
             MergeEvents& events, std::vector<TableMeta>& outputs);

}  // namespace cairn
