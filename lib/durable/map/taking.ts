/**
 * Taking a snapshot: the state at one position, in a file of its own, read back.
 *
 * The position is fixed and pinned first. Before the file gets its name, the journal is synced up
 * to the position in every sync mode: an opening that begins with the snapshot must find no record
 * missing behind it, and none that the snapshot knows.
 */
import { corruption } from '../../errors.js'
import { SegmentFileWriter } from '../segments/writer.js'
import { snapshotFile, type SnapshotFile } from './catalog.js'
import { chainOf } from './chain.js'
import { checkSnapshot } from './content.js'
import { writeFull } from './full.js'
import { writeIncremental } from './incremental.js'
import type { MapParts } from './parts.js'
import type { Slices } from './slices.js'

/**
 * Takes a snapshot of what is settled; a full one where nothing is there that an incremental one
 * could stand on. Settles when it is durable and was read back; CAIRN_CORRUPTION when it could
 * not be.
 */
export async function takeSnapshot(
  parts: MapParts,
  incremental: boolean,
  slices: Slices,
): Promise<SnapshotFile> {
  const { home, entries, catalog } = parts
  const position = entries.settled
  const base = incremental ? newestBase(parts) : undefined
  entries.pin(position)
  try {
    const { number, file } = catalog.next()
    const header = {
      number,
      previousNumber: base?.number ?? 0,
      previousSequence: base?.position ?? 0,
      lastSequence: position,
      createdAt: home.clock(),
    }
    const snapshot = await writeSnapshot(parts, file, header, slices)
    const damage = await checkSnapshot(home, snapshot, slices)
    if (damage !== undefined) throw corruption(file, damage.offset, damage.reason)
    return snapshot
  } finally {
    entries.unpin(position)
  }
}

/** The newest snapshot that an incremental one can stand on. */
function newestBase({ catalog, journal }: MapParts): SnapshotFile | undefined {
  const newest = catalog.whole.findLast((file) => !('broken' in chainOf(catalog.files, file)))
  const reach = journal.segments()[0]?.firstSequence ?? journal.lastSequence + 1
  return newest !== undefined && newest.position + 1 >= reach ? newest : undefined
}

/**
 * Writes the snapshot of a pinned position; settles when it has its name durably. Where only that
 * failed, the catalog knows it all the same: an opening may find it.
 */
async function writeSnapshot(
  { home, journal, entries, ledger, catalog }: MapParts,
  file: string,
  header: Parameters<typeof snapshotFile>[1],
  slices: Slices,
): Promise<SnapshotFile> {
  const { previousNumber, previousSequence: basePosition, lastSequence: position } = header
  const writer = await SegmentFileWriter.create(home, file, {
    ...header,
    ...{ isSnapshot: true, flags: 0, firstSequence: basePosition + 1, reservedSequence: 0 },
  })
  try {
    if (previousNumber === 0) await writeFull(entries, position, writer, slices)
    else {
      // The zeros ahead of a segment that is written to go when it ends: no place to read from.
      await journal.rotate()
      const segments = await journal.closedSegments()
      const clear = ledger.lastClear(position)
      const increment = { home, entries, segments, basePosition, position, clear }
      await writeIncremental(increment, writer, slices)
    }
    await journal.sync()
    const snapshot = snapshotFile(file, header, await writer.finish())
    let isDurable = false
    try {
      await writer.publish()
      isDurable = true
    } finally {
      if (writer.isPublished) catalog.add(snapshot, isDurable)
    }
    return snapshot
  } catch (error) {
    await writer.abandon()
    throw error
  }
}
