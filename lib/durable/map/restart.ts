/**
 * Restart: where an opening begins, the newest snapshot that is whole.
 *
 * Snapshots are tried from the newest down. One that is damaged counts as absent and is told; the
 * one before serves, as the journal in between is still there. Nothing on disk is changed.
 */
import { StoreError, corruption } from '../../errors.js'
import { DIRECTORY_WAL } from '../../format/names.js'
import type { StoreHome } from '../home.js'
import type { Damage, RecordSink } from '../options.js'
import { SegmentFileReader } from '../segments/reader.js'
import type { Catalog, SnapshotFile } from './catalog.js'
import { chainOf, type Chain } from './chain.js'
import { readSnapshot } from './content.js'

/** Gives the receiver of everything up to a position; called again when that has failed. */
export type Receiver = (position: number) => RecordSink

export interface Restart {
  /** Up to here the receiver has got everything; 0 when no snapshot could serve. */
  readonly position: number
  /** Snapshots that were tried and did not hold. */
  readonly damage: readonly Damage[]
  /** The highest position that a header tells: up to there the journal had been synced. */
  readonly synced: number
}

/** Up to this sequence no segment says anything; Infinity where there is none. */
export async function journalReach(home: StoreHome): Promise<number> {
  let reach = Infinity
  for (const { name } of await home.storage.list('segment', DIRECTORY_WAL)) {
    const reader = await SegmentFileReader.open(home, name)
    await reader.close()
    // What has no header holds nothing, or the journal will be refused as damaged. The oldest may
    // be one that a rewritten one stands for.
    reach = Math.min(reach, reader.header?.previousSequence ?? Infinity)
  }
  return reach
}

/**
 * Gives everything up to the newest possible position to the receiver. CAIRN_CORRUPTION when no
 * snapshot is whole from which the journal goes on, unless what can be had is wanted.
 */
export async function restart(
  home: StoreHome,
  catalog: Catalog,
  reach: number,
  receive: Receiver,
  salvage: boolean,
): Promise<Restart> {
  const damage = [...catalog.damage]
  const synced = Math.max(0, ...catalog.files.map(({ position }) => position))
  const newestFirst = [...catalog.files].sort(
    (a, b) => b.position - a.position || b.number - a.number,
  )
  for (const last of newestFirst) {
    // Older ones lie further before the journal.
    if (isBeyond(last.position, reach, damage) && !salvage) break
    while (last.damage === undefined) {
      const found = await tryChain(home, catalog, last, receive)
      if (found === undefined) return { position: last.position, damage, synced }
      damage.push(found)
    }
  }
  const isWhole = reach === 0 || (reach === Infinity && damage.length === 0)
  if (!isWhole && !salvage) throw refusal(reach, damage)
  receive(0)
  return { position: 0, damage, synced }
}

/** Whether records are missing between a position and the journal. */
function isBeyond(position: number, reach: number, damage: readonly Damage[]): boolean {
  // A store without a segment ends with its newest snapshot: it was restored from that.
  return reach === Infinity ? damage.length > 0 : position < reach
}

function refusal(reach: number, [first]: readonly Damage[]): StoreError {
  if (first !== undefined) return corruption(first.file, first.offset, first.reason)
  const begins = `the journal begins behind sequence ${reach}`
  return new StoreError('CAIRN_CORRUPTION', `${begins}, and no snapshot reaches there`)
}

/** Gives the chain of a snapshot to the receiver; or tells, and notes, the first damage in it. */
async function tryChain(
  home: StoreHome,
  catalog: Catalog,
  last: SnapshotFile,
  receive: Receiver,
): Promise<Damage | undefined> {
  const chain = chainOf(catalog.files, last)
  if ('broken' in chain) return refuse(chain)
  const sink = receive(last.position)
  for (const file of chain.files) {
    const damage = await readSnapshot(home, file, sink)
    if (damage !== undefined) return damage
  }
  return undefined
}

/** A link that does not fit counts as absent, as if it were damaged. */
function refuse({ broken, reason }: Extract<Chain, { broken: SnapshotFile }>): Damage {
  const { file, bytes } = broken
  return (broken.damage = { file, offset: 0, bytes, reason })
}
