/** All groups of workloads, in the order of the tables. */
import type { Group } from './bench.js'
import { READS } from './reads.js'
import { WRITES } from './writes.js'

export const GROUPS: readonly Group[] = [...WRITES, ...READS]
