/**
 * The write-ahead journal, `cairndb/journal`: Journal, what its methods take and give, its errors.
 */
export { STORE_ERROR_CODES, StoreError } from '../../errors.js'
export type { StoreErrorCode, StoreErrorDetails } from '../../errors.js'
export type { Damage, PlaneInfo } from '../../commit/told.js'
export type { BackupReport } from '../../durable/backup.js'
export type { RecoveryMode, Recovered, SegmentInfo, SyncMode } from '../../durable/options.js'
export type { JournalEntry } from '../../durable/reading.js'
export type { JournalDriver, ReadRange } from './driver.js'
export { Journal } from './journal.js'
export type { JournalStats, JournalVerifyReport, RekeyOptions } from './journal.js'
export type { SecretInput } from '../../durable/secret.js'
export type { JournalOptions } from './options.js'
export type { Payload } from './payload.js'
