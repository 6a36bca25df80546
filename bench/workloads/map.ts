/**
 * What a DurableMap takes: sets, gets and the mixed shape, with keys and values of strings and
 * Buffers as the other workloads have them.
 */
import { DurableMap, type MapOptions } from '../../lib/index.js'
import { random } from '../../lib/io/random.js'
import { PLANES } from '../engine.js'
import { recordKey, SEED, shuffled, Values } from '../records.js'
import { NO_GOAL, widthText, type Bench, type Group } from './bench.js'
import { MIXED_KEY_BYTES, MIXED_PUTS_OF_TEN, MIXED_SHARE, MIXED_VALUE_BYTES } from './mixed.js'
import { warmCount } from './writes.js'

export type StringMap = DurableMap<string, Buffer>

const WIDTH = 256
const MIXED_WIDTH = 4
export const SET_ACKNOWLEDGED = `acknowledged, ${widthText(WIDTH)}`
export const SET_SYNCED = `synced, ${widthText(64)}`

export async function openMap(
  bench: Bench,
  directory: string,
  options: MapOptions = {},
): Promise<StringMap> {
  const map = await DurableMap.open<string, Buffer>(directory, { ...options, plane: bench.plane })
  bench.description = `cairndb, plane ${map.plane.name}, io ${map.plane.io}`
  return map
}

/** Runs `work` on a new, empty map. */
async function fresh(
  bench: Bench,
  options: MapOptions,
  work: (map: StringMap) => Promise<void>,
): Promise<void> {
  await bench.scratch(async (directory) => {
    const map = await openMap(bench, directory, options)
    try {
      await work(map)
    } finally {
      await map.close()
    }
  })
}

/** Sets the records of `order`, many at a time. */
export async function fillMap(bench: Bench, map: StringMap, order: Uint32Array): Promise<void> {
  const values = new Values(bench.valueBytes)
  const set = (at: number): unknown => map.set(recordKey(order[at]!), values.next())
  await bench.lanes(order.length, WIDTH, set, Infinity)
}

async function sets(bench: Bench): Promise<void> {
  const order = shuffled(bench.records)
  const values = new Values(bench.valueBytes)
  for (const [sync, inFlight, name] of [
    ['interval', WIDTH, 'acknowledged'],
    ['interval', 1, 'acknowledged'],
    ['always', 64, 'synced'],
    ['always', 1, 'synced'],
  ] as const) {
    await fresh(bench, { sync }, async (map) => {
      const set = (at: number): unknown => {
        return map.set(recordKey(order[at % order.length]!), values.next())
      }
      const warm = warmCount(inFlight, order.length)
      await bench.lanes(warm, inFlight, set)
      await bench.rate('mapset', `${name}, ${widthText(inFlight)}`, 0, () => {
        return bench.lanes(order.length, inFlight, (at) => set(at + warm))
      })
    })
  }
}

/** The shape of `mixed`. */
async function mixed(bench: Bench): Promise<void> {
  const count = Math.ceil(bench.records * MIXED_SHARE)
  const keys = Array.from({ length: count }, (_, at) => String(at).padStart(MIXED_KEY_BYTES, '0'))
  const values = new Values(MIXED_VALUE_BYTES)
  for (const sync of ['interval', 'always'] as const) {
    const numbers = random(SEED)
    await fresh(bench, { sync }, async (map) => {
      await bench.lanes(count, WIDTH, (at) => map.set(keys[at]!, values.next()), Infinity)
      const operation = (at: number): unknown => {
        const key = keys[Math.floor(numbers() * count)]!
        if (at % 10 < MIXED_PUTS_OF_TEN) return map.set(key, values.next())
        if (map.get(key) === undefined) throw new Error('mixed: a record is missing')
        return undefined
      }
      const how = sync === 'always' ? 'synced' : 'unsynced'
      const variant = `DurableMap, ${how} sets, ${widthText(MIXED_WIDTH)}`
      await bench.rate('mixed', variant, 0, () => bench.lanes(count, MIXED_WIDTH, operation))
    })
  }
}

export const MAP_SETS: readonly Group[] = [{ names: ['mapset'], engines: PLANES, run: sets }]

export const MAP_MIXED: readonly Group[] = [
  { names: ['mixed'], engines: PLANES, ...NO_GOAL, run: mixed },
]
