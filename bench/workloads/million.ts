/**
 * A DurableMap of a million entries, five times the records: gets, snapshots, openings, memory.
 *
 * A snapshot is timed with nothing beside it and beside synced sets; both times clocks watch the
 * event loop. The map is opened from its journal alone, and from a snapshot.
 */
import { PLANES } from '../engine.js'
import { residentMemory } from '../process.js'
import { recordKey, SEED, shuffled, Values } from '../records.js'
import { random } from '../../lib/io/random.js'
import { countText, expect, type Bench, type Group } from './bench.js'
import { heldRows, latenessOf } from './held.js'
import { fillMap, openMap, type StringMap } from './map.js'

const TIMES = 5
const HOT_KEYS = 10_000
const WRITERS = 64
export const WITH_SETS = 'with sets: '

/** '1,000,000 entries'. */
export function entriesText(entries: number): string {
  return `${countText(entries)} entries`
}

async function million(bench: Bench): Promise<void> {
  const order = shuffled(TIMES * bench.records)
  const entries = entriesText(order.length)
  await bench.scratch(async (directory) => {
    const before = residentMemory().all
    let map = await openMap(bench, directory)
    await fillMap(bench, map, order)
    const memory = residentMemory().all - before
    bench.row('mapopen', `resident memory, ${entries}`, 'MB', memory / 1e6)
    await gets(bench, map, order)
    await map.close()
    map = await opening(bench, directory, order.length, `from the journal alone, ${entries}`)
    await snapshots(bench, map, entries)
    await map.close()
    map = await opening(bench, directory, order.length, `from a snapshot, ${entries}`)
    await map.close()
  })
}

async function gets(bench: Bench, map: StringMap, order: Uint32Array): Promise<void> {
  const count = Math.min(order.length, 2 * bench.records)
  const random = Array.from(shuffled(order.length, 17).subarray(0, count), recordKey)
  const hot = random.slice(0, HOT_KEYS)
  for (const [variant, keys] of [
    [`get, hot set of ${countText(hot.length)}`, hot],
    [`get, random of ${countText(order.length)}`, random],
  ] as const) {
    let found = 0
    const pass = (): undefined => {
      for (let at = 0; at < count; at++) {
        if (map.get(keys[at % keys.length]!) !== undefined) found++
      }
    }
    pass()
    found = 0
    await bench.rate('mapget', variant, count, pass)
    expect(found, count, `mapget, ${variant}`)
  }
}

async function opening(
  bench: Bench,
  directory: string,
  entries: number,
  variant: string,
): Promise<StringMap> {
  const started = performance.now()
  const map = await openMap(bench, directory, { sync: 'always' })
  bench.row('mapopen', variant, 'ms', performance.now() - started)
  expect(map.size, entries, 'mapopen')
  return map
}

async function snapshots(bench: Bench, map: StringMap, entries: string): Promise<void> {
  const idle = await latenessOf(() => map.snapshot())
  bench.row('mapsnapshot', `full, ${entries}`, 'ms', idle.seconds * 1000)
  heldRows(bench, 'mapsnapshot', idle)
  const numbers = random(SEED)
  const values = new Values(bench.valueBytes)
  let ended = false
  const writer = async (): Promise<void> => {
    while (!ended) await map.set(recordKey(Math.floor(numbers() * map.size)), values.next())
  }
  const writers = Array.from({ length: WRITERS }, writer)
  const beside = await latenessOf(() => map.snapshot()).finally(() => (ended = true))
  await Promise.all(writers)
  bench.row('mapsnapshot', `${WITH_SETS}full, ${entries}`, 'ms', beside.seconds * 1000)
  heldRows(bench, 'mapsnapshot', beside, WITH_SETS)
}

export const MILLION: readonly Group[] = [
  { names: ['mapget', 'mapsnapshot', 'mapopen'], engines: PLANES, run: million },
]
