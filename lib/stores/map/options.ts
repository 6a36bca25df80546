/**
 * The options of DurableMap: names, defaults, what is allowed, and their check.
 *
 * Decides: defaults and limits
 */
import type { MapOptions as EngineOptions } from '../../durable/map/engine.js'
import { readJournalSettings, type JournalOptions } from '../journal/options.js'
import type { JournalSettings } from '../journal/options.js'
import { GIB, TIMER_MAX_MS, choice, integer, shown, type Given } from '../options.js'

/** What comes out for keys and values. */
export type Encoding = 'utf8' | 'buffer' | 'view' | 'json'

/** What `DurableMap.open` takes. `sync` is 'interval' by default, `syncIntervalMs` 5000. */
export interface MapOptions extends JournalOptions {
  /** How many parts the map has at first; rounded up to a power of two. Default 16. */
  shards?: number | undefined
  /** What keys come out as. Default 'utf8'. */
  keyEncoding?: Encoding | undefined
  /** What values come out as. Default 'buffer'. */
  valueEncoding?: Encoding | undefined
  /** The journal is compacted once it holds so many records. Default 1,000. */
  compactThreshold?: number | undefined
  /** And this share of them is dead, 0 to 1. Default 0.3. */
  compactRatio?: number | undefined
  /** A snapshot is taken when the newest is so old, in milliseconds; 0: never. Default an hour. */
  snapshotEveryMs?: number | undefined
  /** And when so many bytes were journaled since. Default 1 GiB. */
  snapshotJournalBytes?: number | undefined
  /** How many snapshots are kept at least. Default 5. */
  keepSnapshots?: number | undefined
  /** All snapshots that are younger are kept too, in milliseconds. Default 7 days. */
  keepSnapshotsMs?: number | undefined
  /** How many segments of the journal are kept at least. Default 3. */
  keepSegments?: number | undefined
}

export interface MapSettings extends Omit<JournalSettings, 'engine'> {
  readonly engine: EngineOptions
  readonly keyEncoding: Encoding
  readonly valueEncoding: Encoding
}

const ENCODINGS = ['utf8', 'buffer', 'view', 'json'] as const
const DEFAULTS = { sync: 'interval', syncIntervalMs: 5000 } as const
const DAY_MS = 86_400_000
const COUNT_MAX = 2 ** 31 - 1

/** Checks options and fills in defaults. Throws TypeError and RangeError; touches nothing. */
export function readMapSettings(options: object): MapSettings {
  const given = options as Given
  const { engine, ...settings } = readJournalSettings(options, DEFAULTS)
  return {
    ...settings,
    engine: {
      ...engine,
      shards: integer(given, 'shards', 16, 1, 4096),
      compactThreshold: integer(given, 'compactThreshold', 1000, 1, COUNT_MAX),
      compactRatio: ratio(given, 'compactRatio', 0.3),
      snapshotEveryMs: integer(given, 'snapshotEveryMs', 3_600_000, 0, TIMER_MAX_MS),
      snapshotJournalBytes: integer(given, 'snapshotJournalBytes', GIB, 1, 2 ** 53 - 1),
      keepSnapshots: integer(given, 'keepSnapshots', 5, 1, COUNT_MAX),
      keepSnapshotsMs: integer(given, 'keepSnapshotsMs', 7 * DAY_MS, 0, 2 ** 53 - 1),
      keepSegments: integer(given, 'keepSegments', 3, 1, COUNT_MAX),
    },
    keyEncoding: choice(given, 'keyEncoding', 'utf8', ENCODINGS),
    valueEncoding: choice(given, 'valueEncoding', 'buffer', ENCODINGS),
  }
}

function ratio(given: Given, name: string, fallback: number): number {
  const value = given[name]
  if (value === undefined) return fallback
  if (typeof value !== 'number')
    throw new TypeError(`The option '${name}' must be a number, got ${shown(value)}`)
  if (value > 0 && value <= 1) return value
  throw new RangeError(`The option '${name}' must be above 0 and at most 1, got ${shown(value)}`)
}
