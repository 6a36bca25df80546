/**
 * What happened to a map, change by change: what it must hold at any position.
 */
import { SCAN_START } from '../../lib/durable/entries/entries.js'
import { chainOf } from '../../lib/durable/map/chain.js'
import { readSnapshot } from '../../lib/durable/map/content.js'
import type { MapParts } from '../../lib/durable/map/parts.js'
import { MAP_CLEAR, MAP_DELETE, MapRecord } from '../../lib/format/map.js'
import { below } from './campaign.js'
import type { SmallMap } from './small-map.js'

type Change = { key: string; value: string } | { key: string } | 'clear'

/** What a record of a snapshot or segment says. */
export interface ToldRecord {
  readonly sequence: number
  readonly operation: number
  readonly key: string
  readonly value: string
}

export class Story {
  readonly #changes: { sequence: number; change: Change }[] = []
  #count = 0

  /** Makes a random change of one of `keys` keys; settles with it. */
  async step(map: SmallMap, next: () => number, keys = 50): Promise<void> {
    const key = `key${below(next, keys)}`
    const what = below(next, 200)
    const { journal } = map.parts
    const before = journal.lastSequence
    const value = `${++this.#count}`.padEnd(1 + below(next, 40), '.')
    const done: Promise<unknown> =
      what === 0 ? map.clear() : what < 60 ? map.delete(key) : map.set(key, value)
    const sequence = journal.lastSequence
    if (sequence > before) {
      const change = what === 0 ? 'clear' : what < 60 ? { key } : { key, value }
      this.#changes.push({ sequence, change })
    }
    await done
  }

  /** What the map holds behind the change with this sequence. */
  at(position: number): Map<string, string> {
    const map = new Map<string, string>()
    for (const { sequence, change } of this.#changes) {
      if (sequence > position) break
      if (change === 'clear') map.clear()
      else if ('value' in change) map.set(change.key, change.value)
      else map.delete(change.key)
    }
    return map
  }

  /** Keys that were changed, or cleared, behind one position and up to another. */
  changedWithin(from: number, to: number): Set<string> {
    const changes = this.#changes.filter(({ sequence }) => sequence > from && sequence <= to)
    return new Set(changes.flatMap(({ change }) => (change === 'clear' ? [] : [change.key])))
  }
}

/** Sets key`from` to key`to - 1`, all at once. */
export async function fill(map: SmallMap, from: number, to: number): Promise<void> {
  const done: Promise<number>[] = []
  for (let i = from; i < to; i++) done.push(map.set(`key${i}`, `value ${i}`))
  await Promise.all(done)
}

/** The versions of all keys. */
export function versionsOf({ parts: { entries } }: SmallMap): number[] {
  const versions: number[] = []
  entries.scan(SCAN_START, entries.settled, Infinity, () => versions.push(entries.hit.version))
  return versions
}

/** In an order that two maps have in common. */
export function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The records of one snapshot, in the order of its file. */
export async function recordsOf(
  { home, catalog }: MapParts,
  number: number,
): Promise<ToldRecord[]> {
  const record = new MapRecord()
  const records: ToldRecord[] = []
  const damage = await readSnapshot(
    home,
    catalog.find(number)!,
    (sequence, _, bytes, start, end) => {
      record.read(bytes, start, end)
      const text = (from: number, to: number): string =>
        Buffer.from(bytes.subarray(from, to)).toString()
      const key = text(record.keyStart, record.keyEnd)
      const value = text(record.keyEnd, end)
      records.push({ sequence, operation: record.operation, key, value })
    },
  )
  if (damage !== undefined) throw new Error(`snapshot ${number}: ${damage.reason}`)
  return records
}

/** The state that a snapshot says, with all that it stands on. */
export async function stateOf(parts: MapParts, number: number): Promise<Map<string, string>> {
  const chain = chainOf(parts.catalog.files, parts.catalog.find(number)!)
  if ('broken' in chain) throw new Error(chain.reason)
  const map = new Map<string, string>()
  for (const { number: each } of chain.files)
    for (const { operation, key, value } of await recordsOf(parts, each))
      if (operation === MAP_CLEAR) map.clear()
      else if (operation === MAP_DELETE) map.delete(key)
      else map.set(key, value)
  return map
}
