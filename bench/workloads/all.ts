/** All groups of workloads, in the order of the tables. */
import type { Group } from './bench.js'
import { LATENCY } from './latency.js'
import { LOADS } from './load.js'
import { MIXED } from './mixed.js'
import { READS } from './reads.js'
import { STALL } from './stall.js'
import { WRITES } from './writes.js'

export const GROUPS: readonly Group[] = [
  ...WRITES,
  ...READS,
  ...MIXED,
  ...LATENCY,
  ...STALL,
  ...LOADS,
]
