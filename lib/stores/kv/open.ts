/**
 * Opening: from checked settings to a tree, and the two jobs on stores that are not open.
 *
 * The one place of this store that chooses a data plane.
 */
import { rmdir } from 'node:fs/promises'
import { diskStorage, memoryStorage } from '../../io/index.js'
import type { Storage } from '../../io/files.js'
import { destroy } from '../../lsm/destroy.js'
import type { PlaneChoice, TreeOptions } from '../../lsm/options.js'
import { repair } from '../../lsm/repair.js'
import type { RepairReport } from '../../lsm/repair.js'
import { Tree } from '../../lsm/tree.js'
import { selectPlane } from '../../planes/select.js'
import { rethrow } from './errors.js'
import { isStorage, readLocation } from './options.js'
import type { Settings } from './options.js'

/** The place that the settings name; a new one for 'memory'. */
export function storageFor(location: string, settings: Settings): Storage {
  const { storage } = settings
  if (storage === 'disk') return diskStorage(location)
  return storage === 'memory' ? memoryStorage() : storage
}

export function openTree(storage: Storage, settings: Settings): Promise<Tree> {
  return Tree.open(storage, treeOptions(settings))
}

export function repairStore(storage: Storage, settings: Settings): Promise<RepairReport> {
  return repair(storage, treeOptions(settings))
}

/** Removes the store's files, and their directory when nothing else is in it. */
export async function destroyStore({ storage, directory }: Place): Promise<void> {
  await destroy(storage)
  // It stays when it holds something else, and may be gone already.
  if (directory !== undefined) await rmdir(directory).catch(() => undefined)
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
  }
}

/** A directory or storage that an argument names; closed when it was opened here. */
export class Place {
  readonly storage: Storage
  /** Absent for a storage that the caller made. */
  readonly directory?: string

  constructor(name: string, given: string | Storage) {
    if (isStorage(given)) {
      this.storage = given
    } else {
      this.directory = readLocation(name, given)
      this.storage = diskStorage(this.directory)
    }
  }

  async close(): Promise<void> {
    if (this.directory !== undefined) await this.storage.close().catch(rethrow)
  }
}
