/**
 * Blocks of a table: prefix-compressed entries, restart points, and the trailer on disk.
 * Format: docs/format/table.md (blocks)
 */
/** Kind u8 and masked CRC32C u32 over contents and kind, behind the contents. */
export const BLOCK_TRAILER_BYTES = 5
export const BLOCK_KIND_NONE = 0
export const BLOCK_KIND_SNAPPY = 1
/** Written by newer LevelDB; refused here as CAIRN_FORMAT_VERSION, never as damage. */
export const BLOCK_KIND_ZSTD = 2
export const BLOCK_SIZE_BYTES = 4096
export const BLOCK_RESTART_INTERVAL = 16
export const BLOCK_INDEX_RESTART_INTERVAL = 1
/** A block is stored compressed when that saves more than 1 / BLOCK_COMPRESS_DIVISOR of it. */
export const BLOCK_COMPRESS_DIVISOR = 8
