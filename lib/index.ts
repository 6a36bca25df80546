/**
 * cairndb: public exports, nothing else.
 */
export * from './stores/kv/index.js'
export { DurableMap } from './stores/map/index.js'
export type {
  CompactionReport,
  DurableMapDriver,
  Encoding,
  Input,
  MapOperation,
  MapOptions,
  MapStats,
  MapWalks,
  MapWrites,
  RangeOptions,
  ShardStats,
  SnapshotInfo,
  SnapshotOptions,
} from './stores/map/index.js'
export { Journal } from './stores/journal/index.js'
export type {
  JournalDriver,
  JournalEntry,
  JournalOptions,
  JournalStats,
  JournalVerifyReport,
  Payload,
  ReadRange,
  SegmentInfo,
  SyncMode,
} from './stores/journal/index.js'
