/**
 * A small map with a bit of everything on disk: several segments, one of them rewritten, a full
 * and an incremental snapshot; closed cleanly and left open, plain and encrypted.
 */
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import type { MapOptions } from '../../lib/stores/map/index.js'
import { openTexts, textOf } from './map-texts.js'
import { KEY } from './secrets.js'

export interface MapSpecimen {
  readonly name: string
  /** Never opened: take a copy. */
  readonly image: MemoryStorage
  readonly options: MapOptions
  readonly isClosed: boolean
  /** What it held after each change, oldest first; the last one is what must be there. */
  readonly states: readonly string[]
  /** What each snapshot holds, by its number. */
  readonly snapshots: ReadonlyMap<number, string>
}

/** The store as it was left open, and closed. */
export async function mapSpecimens(encrypted: boolean): Promise<MapSpecimen[]> {
  const options: MapOptions = {
    ...{ sync: 'always', segmentRecords: 5, snapshotEveryMs: 0, compactThreshold: 1_000_000 },
    ...{ keepSegments: 1, shards: 1 },
    ...(encrypted && { key: KEY }),
  }
  const storage = memoryStorage()
  const map = await openTexts(storage, options)
  const states = [textOf(map)]
  const snapshots = new Map<number, string>()
  const change = async (work: Promise<unknown>): Promise<void> => {
    await work
    states.push(textOf(map))
  }
  const snapshot = async (incremental: boolean): Promise<void> => {
    const { number } = await map.snapshot({ incremental })
    snapshots.set(number, textOf(map))
  }
  for (let i = 0; i < 8; i++) await change(map.set(`key-${i % 5}`, `old ${i}`))
  await map.compact()
  await change(map.delete('key-1'))
  await snapshot(false)
  await change(map.set('key-6', 'between'))
  await change(map.delete('key-0'))
  await snapshot(true)
  await change(map.batch([2, 3, 7].map((i) => ({ type: 'set', key: `key-${i}`, value: 'batch' }))))
  await change(map.set('key-2', 'new'))
  await change(map.delete('key-6'))
  await change(map.set('key-1', 'again'))
  const open = storage.crashClone(1)
  await map.close()
  const kind = encrypted ? 'encrypted' : 'plain'
  const common = { options, states, snapshots }
  return [
    { ...common, name: `${kind}, left open`, image: open, isClosed: false },
    { ...common, name: `${kind}, closed cleanly`, image: storage.crashClone(1), isClosed: true },
  ]
}
