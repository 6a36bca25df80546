/** All groups of workloads, in the order of the tables. */
import type { Group } from './bench.js'
import { COMPACTION } from './compaction.js'
import { JOURNAL } from './journal.js'
import { LATENCY } from './latency.js'
import { LOADS } from './load.js'
import { MAP_MIXED, MAP_SETS } from './map.js'
import { MILLION } from './million.js'
import { MIXED } from './mixed.js'
import { READS } from './reads.js'
import { STALL } from './stall.js'
import { WRITES } from './writes.js'

export const GROUPS: readonly Group[] = [
  ...WRITES,
  ...READS,
  ...MIXED,
  ...MAP_MIXED,
  ...LATENCY,
  ...STALL,
  ...LOADS,
  ...JOURNAL,
  ...MAP_SETS,
  ...MILLION,
  ...COMPACTION,
]
