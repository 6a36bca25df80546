/**
 * Drops a store's files from the page cache, so that the next read of them waits for the disk.
 *
 * The system can be asked file by file, which `dd` of GNU does and Node can not; where there is
 * none, root may drop the cache of the whole machine.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DROP_ALL = '/proc/sys/vm/drop_caches'

/** Gives how it was done; throws when it can not be. The files must be closed. */
export function dropCache(directory: string): string {
  const files = readdirSync(directory).map((name) => join(directory, name))
  // What is not yet on the disk stays in memory.
  files.forEach(syncFile)
  if (files.every(dropFile)) return 'dd iflag=nocache, file by file'
  try {
    writeFileSync(DROP_ALL, '1')
    return `1 written to ${DROP_ALL}`
  } catch (cause) {
    throw new Error('the page cache can be dropped by neither dd nor root', { cause })
  }
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r+')
  fdatasyncSync(descriptor)
  closeSync(descriptor)
}

function dropFile(file: string): boolean {
  const words = [`if=${file}`, 'of=/dev/null', 'iflag=nocache', 'count=0']
  return spawnSync('dd', words, { stdio: 'ignore' }).status === 0
}
