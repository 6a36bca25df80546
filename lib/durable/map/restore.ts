/**
 * Restore: a new store that holds what one snapshot says, and nothing else.
 *
 * The files of the snapshot's chain are read first, then linked or copied, and the identity comes
 * last: a target that a crash left half-made is refused, never taken for an empty store.
 */
import { prepareTarget } from '../../commit/backup.js'
import { StoreError, corruption } from '../../errors.js'
import { DIRECTORY_SNAPSHOTS, DIRECTORY_WAL, FILE_KEYS, FILE_STORE } from '../../format/names.js'
import type { Storage } from '../../io/files.js'
import type { StoreHome } from '../home.js'
import type { Catalog } from './catalog.js'
import { chainOf } from './chain.js'
import { checkSnapshot } from './content.js'
import type { Slices } from './slices.js'

/**
 * Makes the state of snapshot `number` a store of its own, which opens with the same key. The
 * target must be new or empty: CAIRN_EXISTS. CAIRN_NOT_FOUND for a number that no snapshot has,
 * CAIRN_CORRUPTION for one that can not be read; then nothing was written.
 */
export async function restoreSnapshot(
  home: StoreHome,
  catalog: Catalog,
  number: number,
  target: Storage,
  slices: Slices,
): Promise<void> {
  const last = catalog.find(number)
  if (last === undefined) throw new StoreError('CAIRN_NOT_FOUND', `there is no snapshot ${number}`)
  const chain = chainOf(catalog.files, last)
  if ('broken' in chain) throw corruption(chain.broken.file, 0, chain.reason)
  for (const snapshot of chain.files) {
    const damage = snapshot.damage ?? (await checkSnapshot(home, snapshot, slices))
    if (damage !== undefined) throw corruption(damage.file, damage.offset, damage.reason)
  }
  await prepareTarget(target)
  await target.makeDirectory(DIRECTORY_WAL)
  await target.makeDirectory(DIRECTORY_SNAPSHOTS)
  for (const { file } of chain.files) await home.storage.copyTo(target, file)
  if (home.identity.encrypted) await home.storage.copyTo(target, FILE_KEYS)
  await target.syncDirectory()
  await home.storage.copyTo(target, FILE_STORE)
  await target.syncDirectory()
}
