/**
 * Opening: from checked settings to a tree, and the two jobs on stores that are not open.
 *
 * The one place of this store that chooses a data plane.
 */
import type { Storage } from '../../io/files.js'
import { destroy } from '../../lsm/destroy.js'
import type { PlaneChoice } from '../../commit/told.js'
import type { TreeOptions } from '../../lsm/options.js'
import { repair } from '../../lsm/repair.js'
import type { RepairReport } from '../../lsm/repair.js'
import { Tree } from '../../lsm/tree.js'
import { selectPlane } from '../../planes/select.js'
import { translate } from './errors.js'
import type { Settings } from './options.js'

export function openTree(storage: Storage, settings: Settings): Promise<Tree> {
  return Tree.open(storage, treeOptions(settings))
}

export function repairStore(storage: Storage, settings: Settings): Promise<RepairReport> {
  return repair(storage, treeOptions(settings))
}

/** Removes the store's files, and their directory when nothing else is in it. */
export function destroyStore(storage: Storage): Promise<void> {
  return destroy(storage)
}

function treeOptions(settings: Settings): TreeOptions {
  const { cacheBytes, maxOpenTables, onDrop } = settings
  const choose = (storage: Storage): PlaneChoice =>
    selectPlane(settings.plane, { storage, cacheBytes, maxOpenTables })
  return {
    createIfMissing: settings.createIfMissing,
    errorIfExists: settings.errorIfExists,
    readOnly: settings.readOnly,
    lockTimeoutMs: settings.lockTimeoutMs,
    choose,
    writeBufferBytes: settings.writeBufferBytes,
    table: {
      blockSizeBytes: settings.blockBytes,
      restartInterval: settings.restartInterval,
      compression: settings.compression,
      filterBits: settings.filterBits,
    },
    maxTableBytes: settings.maxTableBytes,
    recovery: settings.recovery,
    ...(onDrop !== undefined && { onDrop }),
    infoLog: settings.infoLog,
    translate,
  }
}
