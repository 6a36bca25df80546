/** Snapshots: what they hold, while writers run, full and incremental. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { MAP_CLEAR, MAP_DELETE, MAP_MODIFY, MAP_SET } from '../../lib/format/map.js'
import { Slices } from '../../lib/durable/map/slices.js'
import { takeSnapshot } from '../../lib/durable/map/taking.js'
import { LIMIT_MS, campaign } from '../support/campaign.js'
import { Story, fill, recordsOf, sorted, stateOf } from '../support/map-story.js'
import { eachPlane, freshStorage, seedsFor } from '../support/planes.js'
import { random } from '../support/random.js'
import { SmallMap } from '../support/small-map.js'

t.setTimeout(LIMIT_MS)

/** Rests behind every step, so that writers run in between. */
class EachStep extends Slices {
  override get isOver(): boolean {
    return true
  }
}

eachPlane(t, 'a snapshot is exactly the state at its position while writers run', (t, plane) =>
  campaign(t, seedsFor(plane, 60), async (seed) => {
    const next = random(seed)
    const map = await SmallMap.open(plane, freshStorage(t, plane), { seed, segmentRecords: 400 })
    const story = new Story()
    let isOver = false
    const write = async (): Promise<void> => {
      while (!isOver) {
        for (let i = 0; i < 20; i++) void story.step(map, next, 700)
        await nextTurn()
      }
    }
    for (let i = 0; i < 50; i++) void story.step(map, next, 700)
    const writing = write()
    const taken: string[] = []
    for (const incremental of [false, true, false, true, true]) {
      for (let turn = 0; turn < 5; turn++) await nextTurn()
      const position = map.parts.entries.settled
      const snapshot = await takeSnapshot(map.parts, incremental, new EachStep())
      t.equal(snapshot.position, position, 'its position was fixed first')
      t.ok(map.parts.entries.settled > position, 'writers ran meanwhile')
      const held = await stateOf(map.parts, snapshot.number)
      t.same(sorted(held), sorted(story.at(position)), `snapshot ${snapshot.number}`)
      taken.push(`${snapshot.base === 0 ? 'full' : 'on ' + snapshot.base} ${snapshot.records}`)
    }
    isOver = true
    await writing
    await map.close()
    return taken.join(', ')
  }),
)

eachPlane(
  t,
  'an incremental one holds the newest record of each key since its base',
  async (t, plane) => {
    const map = await SmallMap.open(plane, freshStorage(t, plane))
    await fill(map, 0, 6)
    const first = await map.upkeep.snapshot(true)
    t.match(first, { kind: 'full', number: 1, entries: 6, position: 6 }, 'there is no base: full')
    await map.set('key0', 'a')
    await map.set('key0', 'b')
    await map.delete('key1')
    await map.set('key1', 'again')
    await map.delete('key2')
    await map.set('key9', 'new')
    await map.delete('key9')
    const second = await map.upkeep.snapshot(true)
    t.match(second, { kind: 'incremental', base: 1, number: 2, position: 13, entries: 4 })
    t.same(
      new Set(await recordsOf(map.parts, 2)),
      new Set([
        { sequence: 8, operation: MAP_MODIFY, key: 'key0', value: 'b' },
        { sequence: 10, operation: MAP_SET, key: 'key1', value: 'again' },
        { sequence: 11, operation: MAP_DELETE, key: 'key2', value: '' },
        { sequence: 13, operation: MAP_DELETE, key: 'key9', value: '' },
      ]),
    )
    await map.set('key3', 'gone')
    await map.clear()
    await map.set('key4', 'stays')
    await map.delete('key5')
    const third = await map.upkeep.snapshot(true)
    t.match(third, { kind: 'incremental', base: 2, number: 3, entries: 2 })
    t.same(await recordsOf(map.parts, 3), [
      { sequence: 15, operation: MAP_CLEAR, key: '', value: '' },
      { sequence: 16, operation: MAP_SET, key: 'key4', value: 'stays' },
    ])
    t.match(await map.upkeep.snapshot(true), { base: 3, entries: 0, position: 16 }, 'nothing new')
    t.same(sorted(await stateOf(map.parts, 4)), [['key4', 'stays']])
    await map.close()
  },
)
