/**
 * One mixed shape: four at a time, keys of 32 bytes and values of 128, of ten operations seven put
 * and three get; with unsynced and with synced puts. All keys are there beforehand.
 */
import { random } from '../../lib/io/random.js'
import type { Entry } from '../engine.js'
import { SEED, Values } from '../records.js'
import { NO_GOAL, widthText, type Bench, type Group } from './bench.js'

const WIDTH = 4
export const MIXED_KEY_BYTES = 32
export const MIXED_VALUE_BYTES = 128
export const MIXED_PUTS_OF_TEN = 7
/** Of the records of other workloads. */
export const MIXED_SHARE = 1 / 2

async function mixed(bench: Bench): Promise<void> {
  const count = Math.ceil(bench.records * MIXED_SHARE)
  const keys = Array.from({ length: count }, (_, at) => String(at).padStart(MIXED_KEY_BYTES, '0'))
  const values = new Values(MIXED_VALUE_BYTES)
  for (const synced of [false, true]) {
    const numbers = random(SEED)
    await bench.fresh({ inFlight: WIDTH, synced }, async (engine) => {
      for (let start = 0; start < count; start += bench.pageRows) {
        const some = keys.slice(start, start + bench.pageRows)
        await engine.batch(some.map((key): Entry => ({ type: 'put', key, value: values.next() })))
      }
      const put = (key: string): unknown => {
        return synced ? engine.putSynced(key, values.next()) : engine.put(key, values.next())
      }
      const get = async (key: string): Promise<void> => {
        if ((await engine.get(key)) === undefined) throw new Error('mixed: a record is missing')
      }
      const operation = (at: number): unknown => {
        const key = keys[Math.floor(numbers() * count)]!
        return at % 10 < MIXED_PUTS_OF_TEN ? put(key) : get(key)
      }
      const variant = `${synced ? 'synced' : 'unsynced'} puts, ${widthText(WIDTH)}`
      await bench.rate('mixed', variant, count, () => bench.lanes(count, WIDTH, operation))
    })
  }
}

export const MIXED: readonly Group[] = [{ names: ['mixed'], ...NO_GOAL, run: mixed }]
