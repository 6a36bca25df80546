/**
 * A storage whose syncs take their time: between a write and its sync others overtake it.
 *
 * Memory syncs within a microtask, a disk does not. Each sync waits for some turns of the event
 * loop, by a random function.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Storage, StorageFile } from '../../lib/io/files.js'
import { below } from '../support/campaign.js'
import { overriding } from '../support/overriding.js'

const MOST_TURNS = 12

/** `storage` itself, but for the time that its files and directory take to sync. */
export function slowSyncs<T extends Storage>(storage: T, random: () => number): T {
  const pause = async (): Promise<void> => {
    for (let turns = below(random, MOST_TURNS); turns > 0; turns--) await nextTurn()
  }
  const slowFile = (file: StorageFile): StorageFile =>
    overriding(file, {
      async sync() {
        await pause()
        await file.sync()
      },
    })
  return overriding<T>(storage, {
    create: async (name: string) => slowFile(await storage.create(name)),
    syncDirectory: async () => {
      await pause()
      await storage.syncDirectory()
    },
  } as Partial<T>)
}
