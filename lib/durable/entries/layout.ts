/**
 * Where things stand in the block of an entry.
 *
 * Two doubles, version and time, then six words, then the bytes of key and value. Entries of one
 * key are linked both ways, newest first. Only the newest of a key stands in the table.
 */
import { SLAB_UNIT_BITS, SLAB_UNIT_MASK } from './slab.js'

/** No entry; the neighbour of the oldest and of the newest one. */
export const NO_ENTRY = 0

/** Bytes before the key. */
export const ENTRY_BYTES = 32
/** Doubles, from the block's first. */
export const ENTRY_VERSION = 0
export const ENTRY_TIME = 1
/** Words, from the block's first. */
export const ENTRY_OLDER = 4
export const ENTRY_NEWER = 5
/** Length of the key, and the flag of a deletion. */
export const ENTRY_KEY = 6
export const ENTRY_VALUE_BYTES = 7

export const ENTRY_DELETED = 0x40000000
export const ENTRY_KEY_MASK = ENTRY_DELETED - 1

/** Number of the chunk that holds an entry. */
export function chunkOf(entry: number): number {
  return entry >>> SLAB_UNIT_BITS
}

/** Index of its first double, of its first word and of its first byte. */
export function doubleOf(entry: number): number {
  return entry & SLAB_UNIT_MASK
}

export function wordOf(entry: number): number {
  return (entry & SLAB_UNIT_MASK) << 1
}

export function byteOf(entry: number): number {
  return (entry & SLAB_UNIT_MASK) << 3
}
