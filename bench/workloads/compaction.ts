/**
 * A load of which seven sets in ten overwrite: what a DurableMap's directory comes to without
 * compaction, and with what it compacts by itself, until nothing is left that it would compact.
 */
import { setTimeout } from 'node:timers/promises'
import { random } from '../../lib/io/random.js'
import { PLANES } from '../engine.js'
import { spaceTaken } from '../process.js'
import { recordKey, SEED, Values } from '../records.js'
import { expect, widthText, type Bench, type Group } from './bench.js'
import { heldRows, latenessOf } from './held.js'
import { openMap, type StringMap } from './map.js'

/** Of the records of other workloads: a million sets. */
const TIMES = 5
const WIDTH = 256
const NEW_OF_TEN = 3
/** So many segments, of the default size in a whole run. */
const SEGMENTS = 10
/** Of the option compactThreshold: more records than there are. */
const NEVER = 2 ** 31 - 1
/** The default of the option compactRatio: with fewer dead records nothing is due. */
const DUE_RATIO = 0.3
const LOOK_MS = 20
const REST_MOST_MS = 120_000
export const SAVED = 'saved by automatic compaction'

/** The load, on a new map; gives the bytes that the directory has after it. */
async function loaded(bench: Bench, compacting: boolean): Promise<number> {
  const sets = TIMES * bench.records
  const numbers = random(SEED)
  const values = new Values(bench.valueBytes)
  let keys = 0
  let bytes = 0
  const key = (at: number): string => {
    const isNew = keys === 0 || at % 10 < NEW_OF_TEN
    return recordKey(isNew ? keys++ : Math.floor(numbers() * keys))
  }
  await bench.scratch(async (directory) => {
    const map = await openMap(bench, directory, {
      segmentRecords: Math.ceil(sets / SEGMENTS),
      ...(!compacting && { compactThreshold: NEVER }),
    })
    const lateness = await latenessOf(async () => {
      const started = performance.now()
      await bench.lanes(sets, WIDTH, (at) => map.set(key(at), values.next()), Infinity)
      const seconds = (performance.now() - started) / 1000
      const how = compacting ? 'with compaction' : 'without compaction'
      bench.row('mapcompact', `set, ${widthText(WIDTH)}, ${how}`, 'op/s', sets / seconds)
      if (compacting) await compacted(map)
    })
    if (compacting) {
      bench.row('mapcompact', 'load, and until nothing is due', 's', lateness.seconds)
      heldRows(bench, 'mapcompact', lateness)
    }
    expect(map.size, keys, 'mapcompact')
    await map.close()
    bytes = spaceTaken(directory)
  })
  return bytes
}

/** Waits until compaction has done what it does by itself; it pauses between. */
async function compacted(map: StringMap): Promise<void> {
  const deadline = performance.now() + REST_MOST_MS
  for (;;) {
    const { deadRecords } = map.stats()
    if (deadRecords < DUE_RATIO * (deadRecords + map.size)) return
    if (performance.now() > deadline) throw new Error('mapcompact: it does not come to an end')
    await setTimeout(LOOK_MS)
  }
}

async function compaction(bench: Bench): Promise<void> {
  const before = await loaded(bench, false)
  const after = await loaded(bench, true)
  bench.row('mapcompact', 'directory without compaction', 'MB', before / 1e6)
  bench.row('mapcompact', 'directory with compaction', 'MB', after / 1e6)
  bench.row('mapcompact', SAVED, '%', (100 * (before - after)) / before)
}

export const COMPACTION: readonly Group[] = [
  { names: ['mapcompact'], engines: PLANES, rounds: 1, run: compaction },
]
