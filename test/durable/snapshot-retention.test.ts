/** What goes when a snapshot has come: journal and older snapshots, and what must not. */
import t from 'tap'
import { fill, sorted } from '../support/map-story.js'
import { eachPlane, freshStorage } from '../support/planes.js'
import { SmallMap } from '../support/small-map.js'
import { flip } from '../support/tampering.js'

const SECOND_US = 1_000_000
const NAME = (number: number): string => `snapshots/0000000${number}.snapshot`
const numbersOf = async (map: SmallMap): Promise<number[]> =>
  (await map.upkeep.list()).map(({ number }) => number)
const firstOf = (map: SmallMap): number => map.parts.journal.segments()[0]!.firstSequence

eachPlane(t, 'journal that an older snapshot still needs is not deleted', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const options = { segmentRecords: 5, keepSegments: 1, keepSnapshots: 5 }
  const map = await SmallMap.open(plane, storage, options)
  await fill(map, 0, 20)
  await map.upkeep.snapshot(false)
  t.equal(firstOf(map), 1, 'nothing goes while there are fewer than two')
  await fill(map, 10, 30)
  await map.upkeep.snapshot(true)
  await map.upkeep.snapshot(true)
  t.equal(firstOf(map), 1, 'incremental ones are not counted')
  await fill(map, 20, 40)
  const third = await map.upkeep.snapshot(false)
  t.equal(firstOf(map), 21, 'up to the second newest full one')
  await fill(map, 30, 50)
  await map.upkeep.snapshot(false)
  t.equal(firstOf(map), third.position + 1)
  await fill(map, 40, 60)
  const state = sorted(map.state())
  await map.close()
  // The newest is damaged: the one before it goes on with the journal.
  await flip(storage, NAME(5), -1)
  const again = await SmallMap.open(plane, storage, options)
  t.same(sorted(again.state()), state)
  t.equal(again.position, third.position)
  await again.upkeep.snapshot(false)
  t.equal(firstOf(again), third.position + 1, 'a damaged one is not counted')
  await again.close()
})

eachPlane(t, 'snapshots of before are counted when they have been read', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const options = { segmentRecords: 5, keepSegments: 1 }
  for (let opening = 1; opening <= 3; opening++) {
    const map = await SmallMap.open(plane, storage, options)
    await fill(map, 0, 10)
    await map.upkeep.snapshot(false)
    t.equal(firstOf(map), [1, 1, 11, 21][opening])
    await map.close()
  }
})

eachPlane(t, 'the newest segments are never deleted', async (t, plane) => {
  const options = { segmentRecords: 5, keepSegments: 4 }
  const map = await SmallMap.open(plane, freshStorage(t, plane), options)
  for (let round = 0; round < 4; round++) {
    await fill(map, 0, 10)
    await map.upkeep.snapshot(false)
  }
  t.equal(map.parts.journal.segments().length, 4)
  const { ledger, journal } = map.parts
  t.equal(
    ledger.records,
    journal.segments().reduce((sum, { records }) => sum + records, 0),
  )
  await map.close()
})

eachPlane(t, 'the newest and the young are kept, with their bases', async (t, plane) => {
  const options = { keepSnapshots: 2, keepSnapshotsMs: 10_000 }
  const map = await SmallMap.open(plane, freshStorage(t, plane), options)
  for (let number = 1; number <= 5; number++) {
    await map.set('key', `${number}`)
    await map.upkeep.snapshot(number % 2 === 0)
    map.now += 4 * SECOND_US
  }
  t.same(await numbersOf(map), [3, 4, 5], 'the young ones')
  map.now += 100 * SECOND_US
  await map.upkeep.snapshot(true)
  t.same(await numbersOf(map), [5, 6], 'the newest ones')
  await map.upkeep.snapshot(true)
  t.same(await numbersOf(map), [5, 6, 7], 'and a base that a kept one needs')
  t.equal(await map.upkeep.prune(1), 0)
  map.now += 100 * SECOND_US
  await map.upkeep.snapshot(false)
  await map.upkeep.snapshot(false)
  t.same(await numbersOf(map), [8, 9])
  t.equal(await map.upkeep.prune(1), 1, 'pruned on demand')
  t.same(await numbersOf(map), [9])
  t.equal(await map.upkeep.prune(1), 0, 'never none')
  await map.close()
})

eachPlane(
  t,
  'a damaged one goes with the next snapshot, and its number stays used',
  async (t, plane) => {
    const storage = freshStorage(t, plane)
    const map = await SmallMap.open(plane, storage)
    await fill(map, 0, 5)
    for (let number = 1; number <= 3; number++) await map.upkeep.snapshot(false)
    await map.close()
    for (const number of [2, 3]) await flip(storage, NAME(number), -1)
    const again = await SmallMap.open(plane, storage)
    t.same(
      again.damage.map(({ file }) => file),
      [NAME(3), NAME(2)],
    )
    await again.upkeep.prune(5)
    const names = async (): Promise<string[]> =>
      (await storage.list(undefined, 'snapshots')).map(({ name }) => name).sort()
    t.same(await names(), [NAME(1), NAME(3)], 'the highest number stays')
    t.equal((await again.upkeep.snapshot(false)).number, 4)
    t.same(await names(), [NAME(1), NAME(4)])
    await again.close()
  },
)
