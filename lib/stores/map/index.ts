/**
 * The map store, `cairndb/map`: DurableMap, what its methods take and give, its errors.
 */
export type { Damage, PlaneInfo, VerifyReport } from '../../commit/told.js'
export type { BackupReport } from '../../durable/backup.js'
export type { ShardStats } from '../../durable/entries/entries.js'
export type { SnapshotInfo } from '../../durable/map/catalog.js'
export type { MapStats } from '../../durable/map/stats.js'
export type { CompactionReport } from '../../durable/map/upkeep.js'
export type { RecoveryMode, Recovered, SyncMode } from '../../durable/options.js'
export type { SecretInput } from '../../durable/secret.js'
export { STORE_ERROR_CODES, StoreError } from '../../errors.js'
export type { StoreErrorCode, StoreErrorDetails } from '../../errors.js'
export type {
  DurableMapDriver,
  Input,
  MapOperation,
  MapWalks,
  MapWrites,
  RangeOptions,
  SnapshotOptions,
} from './driver.js'
export type { RekeyOptions } from '../journal/journal.js'
export { DurableMap } from './map.js'
export type { Encoding, MapOptions } from './options.js'
