/**
 * What a map tells of itself.
 */
import type { CipherName } from '../../format/cipher.js'
import type { JournalStats } from '../stats.js'
import type { UpkeepCounts } from './upkeep.js'

/**
 * Times in milliseconds, moments in milliseconds since 1970 (0: never), sizes in bytes. Counters
 * run from the opening or `resetStats()`.
 */
export interface MapStats extends Omit<JournalStats, 'records'>, Readonly<UpkeepCounts> {
  /** Keys that are settled. */
  readonly entries: number
  /** Records written. */
  readonly writes: number
  /** Memory that keys and values take. */
  readonly memoryBytes: number
  /** Records of the journal that say nothing any more. */
  readonly deadRecords: number
  readonly cipher: CipherName | 'none'
}
