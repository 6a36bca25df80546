/** When snapshots are taken without being asked for, and both planes doing the same. */
import t from 'tap'
import { Story, fill, sorted } from '../support/map-story.js'
import { PLANES, eachPlane, freshDirectory, freshStorage } from '../support/planes.js'
import { random } from '../support/random.js'
import { SmallMap } from '../support/small-map.js'
import { contentOf } from '../support/tampering.js'

const HOUR_MS = 3_600_000
const HOUR_US = HOUR_MS * 1000

eachPlane(
  t,
  'a snapshot is taken when the newest is old and something changed',
  async (t, plane) => {
    const storage = freshStorage(t, plane)
    const options = { snapshotEveryMs: HOUR_MS }
    const map = await SmallMap.open(plane, storage, options)
    t.match(map.timers.pending, [{ delayMs: HOUR_MS }])
    await map.set('a', '1')
    const pass = async (us: number): Promise<void> => {
      map.now += us
      map.timers.fire()
      await map.upkeep.settled()
    }
    await pass(HOUR_US)
    t.match(map.upkeep.counts, { snapshots: 1, lastSnapshotAt: map.now / 1000 })
    await pass(HOUR_US)
    t.match(map.upkeep.counts, { snapshots: 1 }, 'nothing changed')
    await map.set('a', '2')
    await map.upkeep.settled()
    t.match(map.upkeep.counts, { snapshots: 2 }, 'it is taken with the first change')
    map.now += HOUR_US / 2
    await map.set('a', '3')
    await map.upkeep.snapshot(false)
    t.match(map.timers.pending, [{ delayMs: HOUR_MS }], 'one that was asked for counts')
    map.now += HOUR_US / 4
    await map.upkeep.snapshot(true)
    const { now } = map
    await map.close()
    t.same(map.timers.pending, [], 'nothing is left behind')
    const again = await SmallMap.open(plane, storage, { ...options, now: now % HOUR_US })
    again.now = now
    t.match(again.timers.pending.length, 1)
    await again.close()
  },
)

eachPlane(t, 'a timer that ends early is set again', async (t, plane) => {
  const options = { snapshotEveryMs: 40 * 24 * HOUR_MS }
  const map = await SmallMap.open(plane, freshStorage(t, plane), options)
  await map.set('a', '1')
  map.now += 25 * 24 * HOUR_US
  map.timers.fire()
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { snapshots: 0 })
  t.match(map.timers.pending, [{ delayMs: 15 * 24 * HOUR_MS }])
  await map.close()
})

eachPlane(t, 'a snapshot is taken when so much was journaled', async (t, plane) => {
  const options = { snapshotJournalBytes: 1000, segmentRecords: 10, keepSegments: 1 }
  const map = await SmallMap.open(plane, freshStorage(t, plane), options)
  const payload = 'x'.repeat(95)
  for (let i = 0; i < 9; i++) await map.set(`key${i}`, payload)
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { snapshots: 0 })
  await map.set('last', payload)
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { snapshots: 1 })
  for (let i = 0; i < 20; i++) {
    await map.set(`key${i}`, payload)
    await map.upkeep.settled()
  }
  t.match(map.upkeep.counts, { snapshots: 3 })
  t.ok(map.parts.journal.segments()[0]!.firstSequence > 1, 'and the journal gets shorter')
  await map.close()
})

eachPlane(
  t,
  'compaction goes on behind its pause, though the timer ends early',
  async (t, plane) => {
    const storage = freshStorage(t, plane)
    const map = await SmallMap.open(plane, storage, { compactThreshold: 100, compactRatio: 0.5 })
    const rename = storage.rename.bind(storage)
    storage.rename = (...names) => {
      map.now += 1000
      return rename(...names)
    }
    const overwrite = async (): Promise<void> => {
      await fill(map, 0, 50)
      await fill(map, 0, 50)
      await map.upkeep.settled()
    }
    await overwrite()
    t.match(map.upkeep.counts, { compactions: 1 })
    t.match(map.timers.pending, [{ delayMs: 2 }], 'twice its work')
    await overwrite()
    t.match(map.upkeep.counts, { compactions: 1 }, 'it rests')
    map.now += 1500
    map.timers.fire()
    await map.upkeep.settled()
    t.match(map.upkeep.counts, { compactions: 2 })
    await map.close()
  },
)

eachPlane(t, 'one that fails is told and tried again', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage, { snapshotJournalBytes: 100 })
  const rename = storage.rename.bind(storage)
  storage.rename = () => Promise.reject(new Error('no luck'))
  await fill(map, 0, 20)
  await map.upkeep.settled()
  t.match(map.warnings, [{ action: 'take a snapshot', error: { message: 'no luck' } }])
  storage.rename = rename
  map.timers.fire()
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { snapshots: 1 })
  t.equal((await map.upkeep.list())[0]!.number, 2)
  t.equal(map.warnings.length, 1)
  await map.close()
})

if (PLANES.length === 2)
  t.test('both planes take the same decisions and write the same bytes', async (t) => {
    const key = new Uint8Array(32).fill(1)
    for (const more of [{}, { key }]) {
      const told: { content: Record<string, string>; counts: unknown; state: unknown }[] = []
      for (const plane of PLANES) {
        const storage = freshDirectory(t)
        const map = await SmallMap.open(plane, storage, {
          ...{ segmentRecords: 60, keepSegments: 2, keepSnapshots: 2, ...more },
          ...{ compactThreshold: 100, compactRatio: 0.4, snapshotJournalBytes: 8000 },
        })
        const next = random(5)
        const story = new Story()
        for (let i = 0; i < 800; i++) {
          await story.step(map, next)
          await map.upkeep.settled()
          map.now += 1000
          if (i % 190 === 0) await map.upkeep.snapshot(true)
        }
        const [counts, state] = [map.upkeep.counts, sorted(map.state())]
        await map.close()
        told.push({ content: await contentOf(storage), counts, state })
      }
      t.same(told[0]!.state, told[1]!.state)
      t.same(told[0]!.counts, told[1]!.counts)
      const names = told.map(({ content }) => Object.keys(content).sort())
      t.same(names[0], names[1])
      for (const name of names[0]!)
        t.equal(told[0]!.content[name], told[1]!.content[name], `${name} is the same`)
      t.match(told[0]!.counts, { compactions: /[1-9]/, snapshots: /[1-9]/ })
    }
  })
