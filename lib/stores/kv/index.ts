/**
 * The key-value store, `cairndb/level`: CairnLevel, what its methods take and give, its errors.
 */
export { STORE_ERROR_CODES, StoreError } from '../../errors.js'
export type { StoreErrorCode, StoreErrorDetails } from '../../errors.js'
export type { BackupReport } from '../../lsm/backup.js'
export type { Damage, PlaneInfo, VerifyReport } from '../../commit/told.js'
export type { RecoveryMode } from '../../lsm/options.js'
export type { RepairReport } from '../../lsm/repair.js'
export type { Recovered } from '../../lsm/replay.js'
export type { LevelStats, TreeStats } from '../../lsm/stats.js'
export type { LevelError } from './errors.js'
export type {
  BatchOperation,
  BatchOptions,
  ChainedBatch,
  ChainedBatchWriteOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  IteratorOptions,
  KeyIteratorOptions,
  PutOptions,
  ReadOptions,
  StartEndOptions,
  ValueIteratorOptions,
  WriteOptions,
} from './face.js'
export { CairnLevel } from './level.js'
export type { DatabaseOptions, OpenOptions } from './options.js'
