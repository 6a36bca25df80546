/**
 * EntryCursor: one walk over one sorted source, without an object per entry.
 *
 * After a move the fields tell the entry: the user key, the two trailer words (see
 * `format/key.ts`) and the value, each as a range of bytes that holds until the next move.
 * A move that needs a block which is not in memory changes nothing and gives false: `load` (or
 * `loadSync`) brings the block, then the same move is made again.
 * Twin: native/view/entries.h
 */
export interface EntryCursor {
  valid: boolean
  keyBytes: Uint8Array
  keyStart: number
  keyEnd: number
  high: number
  low: number
  valueBytes: Uint8Array
  valueStart: number
  valueEnd: number
  first(): boolean
  last(): boolean
  /** To the first entry at or after the internal key (key, high, low); none: not valid. */
  seek(key: Uint8Array, high: number, low: number): boolean
  /** To the last entry before the internal key (key, high, low); none: not valid. */
  seekBefore(key: Uint8Array, high: number, low: number): boolean
  next(): boolean
  previous(): boolean
  load(): Promise<void>
  loadSync(): void
  close(): void
}
