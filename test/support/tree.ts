/** Options of a tree with buffers so small that a few hundred writes walk every path. */
import type { TreeOptions } from '../../lib/lsm/options.js'
import { selectPlane } from '../../lib/planes/select.js'

export function treeOptions(changes: Partial<TreeOptions> = {}): TreeOptions {
  return {
    createIfMissing: true,
    errorIfExists: false,
    readOnly: false,
    lockTimeoutMs: 0,
    choose: (storage) =>
      selectPlane('typescript', { storage, cacheBytes: 1 << 20, maxOpenTables: 100 }),
    writeBufferBytes: 4096,
    table: { blockSizeBytes: 256, restartInterval: 4, compression: false, filterBits: 10 },
    maxTableBytes: 4096,
    recovery: 'strict',
    infoLog: false,
    ...changes,
  }
}
