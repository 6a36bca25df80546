/**
 * A bare store: the MANIFEST, CURRENT and empty journal that make tables in a directory a database.
 *
 * For directories that nobody has open: the target of a backup, the result of a repair.
 * Format: docs/format/files.md (order of creation)
 */
import type { Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { JournalSet } from './journals.js'
import { Manifest, noPointers, type ManifestState } from './manifest.js'

/** What a bare store holds: tables, and the numbers to go on with. */
export type BareState = Pick<ManifestState, 'levels' | 'nextFileNumber' | 'lastSequence'>

/** Settles when the files are durable and closed; gives their numbers. */
export async function writeBare(
  storage: Storage,
  plane: DataPlane,
  { levels, nextFileNumber, lastSequence }: BareState,
): Promise<{ journal: number; manifest: number }> {
  const before: ManifestState = {
    levels,
    pointers: noPointers(),
    logNumber: 0,
    previousLogNumber: 0,
    nextFileNumber,
    lastSequence,
  }
  const manifest = new Manifest(
    storage,
    plane,
    before,
    () => lastSequence,
    () => {},
  )
  const allocate = async () => (await manifest.allocate(1))[0]!
  const journals = await JournalSet.create(storage, plane, allocate, 0)
  await manifest.start({ logNumber: journals.number })
  await manifest.finish()
  await journals.close()
  await manifest.close()
  return { journal: journals.number, manifest: manifest.number }
}
