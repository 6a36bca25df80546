/**
 * What a journal does, as an interface whose methods all return promises: another engine can stand
 * behind it. Types only.
 *
 * Sequences ascend and may skip.
 */
import type { JournalEntry } from '../../durable/reading.js'

export interface ReadRange {
  /** The first sequence to read; the oldest that is there by default. */
  from?: number | undefined
  /** The last one, inclusive; the newest that was settled at the call by default. */
  to?: number | undefined
}

export interface JournalDriver {
  /** Settles with the record's sequence. */
  append(payload: Uint8Array | string): Promise<number>
  /** One atomic group; settles with the first one's sequence, the others follow it. */
  appendAll(payloads: Iterable<Uint8Array | string>): Promise<number>
  read(range?: ReadRange): AsyncIterable<JournalEntry>
  /** Settles when everything acknowledged before the call survives power loss. */
  sync(): Promise<void>
  /** Deletes what lies wholly below `before`, in whole segments. Gives how many. */
  trim(before: number): Promise<number>
  close(): Promise<void>
}
