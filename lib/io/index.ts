/** `cairndb/storage`: the place that holds a store's files, on disk, in memory, or your own. */
export type { FileEntry, LockOptions, Storage, StorageFile, StorageLock } from './files.js'
export type { FileKind } from '../format/names.js'
export { diskStorage } from './disk.js'
export { memoryStorage } from './memory.js'
export type { MemoryStorage } from './memory.js'
