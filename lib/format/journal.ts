/**
 * The framing of journals and MANIFESTs: records cut into fragments, fragments in blocks.
 * Format: docs/format/journal.md
 */
export const JOURNAL_BLOCK_BYTES = 32768
/** Masked CRC32C u32, length u16, kind u8. The checksum covers kind and data. */
export const JOURNAL_HEADER_BYTES = 7
export const JOURNAL_KIND_ZERO = 0
export const JOURNAL_KIND_FULL = 1
export const JOURNAL_KIND_FIRST = 2
export const JOURNAL_KIND_MIDDLE = 3
export const JOURNAL_KIND_LAST = 4
export const JOURNAL_FRAGMENT_MAX_BYTES = JOURNAL_BLOCK_BYTES - JOURNAL_HEADER_BYTES

/** RangeError for what can be no offset in a file. */
export function checkOffset(offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`no offset: ${offset}`)
}
