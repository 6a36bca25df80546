/** Compaction: what it takes away, what it must not, and when it starts by itself. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { compactSegments } from '../../lib/durable/map/compaction.js'
import { Slices } from '../../lib/durable/map/slices.js'
import { JOURNAL_HEADER_BYTES } from '../../lib/format/journal.js'
import { SEGMENT_HEADER_BYTES } from '../../lib/format/segment.js'
import type { Storage } from '../../lib/io/files.js'
import { LIMIT_MS, below, campaign } from '../support/campaign.js'
import { Story, fill, sorted } from '../support/map-story.js'
import { eachPlane, freshStorage, imageOf, onCopy, seedsFor } from '../support/planes.js'
import { random } from '../support/random.js'
import { SmallMap } from '../support/small-map.js'
import { overwrite, readAll } from '../support/level.js'
import { flip } from '../support/tampering.js'

t.setTimeout(LIMIT_MS)

class EachStep extends Slices {
  override get isOver(): boolean {
    return true
  }
}

/** Bytes of all segments, as the storage has them. */
async function walBytes(storage: Storage): Promise<number> {
  let sum = 0
  for (const { name, kind } of await storage.list(undefined, 'wal'))
    if (kind === 'segment') sum += (await readAll(storage, name)).length
  return sum
}

const sequencesOf = async (map: SmallMap): Promise<number[]> => {
  const { journal } = map.parts
  const found: number[] = []
  for await (const { sequence } of journal.read(1, journal.settledSequence)) found.push(sequence)
  return found
}

eachPlane(t, 'it makes the directory smaller, and the newest state stays', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage, { segmentRecords: 100 })
  for (let round = 0; round < 10; round++) await fill(map, 0, 100)
  await map.delete('key7')
  const state = sorted(map.state())
  const before = await walBytes(storage)
  const { beforeBytes, afterBytes } = await map.upkeep.compact()
  const after = await walBytes(storage)
  t.ok(after < before / 5, `${before} to ${after} bytes`)
  t.equal(after, afterBytes)
  t.ok(beforeBytes > 5 * afterBytes && beforeBytes <= before + 100, 'as the report says')
  t.same(sorted(map.state()), state)
  const { ledger } = map.parts
  t.same([ledger.records, ledger.live, ledger.dead], [99, 99, 0])
  t.match(map.upkeep.counts, { compactions: 1, savedBytes: beforeBytes - afterBytes })
  await map.set('key1', 'behind')
  await map.close()
  const again = await SmallMap.open(plane, storage)
  t.same(sorted(again.state()), sorted(new Map(state).set('key1', 'behind')))
  t.equal(again.parts.ledger.records, 100)
  await again.close()
})

eachPlane(t, 'a segment that a crash left with its header alone is passed', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const first = await SmallMap.open(plane, storage)
  await fill(first, 0, 20)
  await first.close()
  const second = await SmallMap.open(plane, storage)
  await second.set('lost', 'with power')
  const image = await imageOf(storage)
  await second.close()
  await onCopy(plane, image, async (copy) => {
    const name = 'wal/00000002.journal'
    const header = JOURNAL_HEADER_BYTES + SEGMENT_HEADER_BYTES
    await overwrite(copy, name, (await readAll(copy, name)).subarray(0, header))
    const third = await SmallMap.open(plane, copy)
    await fill(third, 0, 20)
    const state = sorted(third.state())
    t.equal(state.length, 20)
    await third.upkeep.compact()
    t.equal(third.upkeep.counts.compactions, 1)
    t.same(third.warnings, [])
    await third.close()
    const fourth = await SmallMap.open(plane, copy)
    t.same(sorted(fourth.state()), state)
    await fourth.close()
  })
})

eachPlane(t, 'it is given up when the result would not be smaller', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage, { segmentRecords: 1000 })
  await fill(map, 0, 500)
  await map.upkeep.compact()
  const before = await walBytes(storage)
  const names = (await storage.list(undefined, 'wal')).map(({ name }) => name).sort()
  for (let time = 0; time < 3; time++) {
    const { beforeBytes, afterBytes } = await map.upkeep.compact()
    t.equal(afterBytes, beforeBytes)
    t.equal(await walBytes(storage), before)
  }
  t.same((await storage.list(undefined, 'wal')).map(({ name }) => name).sort(), names)
  await map.close()
})

eachPlane(t, 'it starts by itself at the threshold and the ratio, not before', async (t, plane) => {
  const options = { compactThreshold: 100, compactRatio: 0.5 }
  const map = await SmallMap.open(plane, freshStorage(t, plane), options)
  await fill(map, 0, 50)
  await fill(map, 0, 49)
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { compactions: 0 }, '99 records')
  await map.set('other', 'x')
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { compactions: 0 }, '100 records, 49 of them dead')
  await fill(map, 0, 2)
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { compactions: 1 }, '102 records, 51 of them dead')
  t.same(map.parts.ledger.dead, 0)
  t.same(await sequencesOf(map), [...new Set(await sequencesOf(map))])
  t.equal((await sequencesOf(map)).length, 51)
  await map.close()
})

eachPlane(t, 'a deletion stays while something older may hold the key', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage, { segmentRecords: 4, keepSegments: 1 })
  await fill(map, 0, 12)
  await map.upkeep.snapshot(false)
  await map.delete('key1')
  await map.delete('key2')
  await map.upkeep.compact()
  t.same(await sequencesOf(map), [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], 'a snapshot has it')
  await map.upkeep.snapshot(false)
  await map.upkeep.prune(1)
  await map.upkeep.compact()
  t.same(await sequencesOf(map), [1, 4, 5, 6, 7, 8, 9, 10, 11, 12], 'no snapshot has it')
  await map.close()
  await storage.remove('snapshots/00000002.snapshot')
  const again = await SmallMap.open(plane, storage)
  t.notOk(again.state().has('key1'))
  t.equal(again.state().size, 10)
  await again.close()
})

eachPlane(t, 'a deletion stays while an older segment may hold the key', async (t, plane) => {
  const map = await SmallMap.open(plane, freshStorage(t, plane), { segmentRecords: 8 })
  await fill(map, 0, 8)
  for (let i = 0; i < 7; i++) await map.set('hot', `${i}`)
  await map.delete('key1')
  await map.set('next', 'segment')
  const segments = map.parts.journal.segments()
  t.equal(segments.length, 3)
  await compactSegments(map.parts, segments.slice(1, 2), new Slices())
  t.same(await sequencesOf(map), [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17])
  t.match(map.parts.ledger, { held: 1, live: 9, dead: 1 })
  await map.close()
})

eachPlane(t, 'nothing comes back, whatever is compacted, kept, damaged or lost', (t, plane) =>
  campaign(t, seedsFor(plane, 100), async (seed) => {
    const next = random(seed)
    const options = { segmentRecords: 5 + below(next, 20), keepSnapshots: 3, keepSegments: 1 }
    const storage = freshStorage(t, plane)
    let map = await SmallMap.open(plane, storage, { ...options, seed })
    const story = new Story()
    const told: Record<string, number> = { compact: 0, full: 0, incremental: 0, reopen: 0 }
    for (let i = 0; i < 25; i++) {
      const steps = 5 + below(next, 30)
      for (let step = 0; step < steps; step++) void story.step(map, next, 12)
      await map.parts.journal.sync()
      const what = Object.keys(told)[below(next, 4)]!
      told[what]!++
      if (what === 'compact') await map.upkeep.compact()
      else if (what !== 'reopen') await map.upkeep.snapshot(what === 'incremental')
      else {
        await map.close()
        map = await SmallMap.open(plane, storage, { ...options, seed: seed + i * 1000 })
      }
      const position = map.parts.entries.settled
      t.same(sorted(map.state()), sorted(story.at(position)))
    }
    const state = sorted(map.state())
    const numbers = map.parts.catalog.whole.map(({ number }) => number)
    const reach = map.parts.journal.segments()[0]!.firstSequence - 1
    const positions = map.parts.catalog.whole.map(({ position }) => position)
    await map.close()
    // With each snapshot as the newest that is whole, as far as the journal reaches back.
    const image = await imageOf(storage)
    for (let drop = 0; drop <= numbers.length; drop++) {
      const lowest = positions[numbers.length - drop - 1] ?? 0
      await onCopy(plane, image, async (copy) => {
        for (const number of numbers.slice(numbers.length - drop))
          await flip(copy, `snapshots/${String(number).padStart(8, '0')}.snapshot`, -1)
        if (lowest < reach) {
          await t.rejects(SmallMap.open(plane, copy), { code: 'CAIRN_CORRUPTION' })
          return
        }
        const found = await SmallMap.open(plane, copy)
        t.same(sorted(found.state()), state, `without the newest ${drop}`)
        await found.close()
      })
    }
    return Object.entries(told).flat().join(' ')
  }),
)

eachPlane(t, 'writers run while it runs', (t, plane) =>
  campaign(t, seedsFor(plane, 60), async (seed) => {
    const next = random(seed)
    const storage = freshStorage(t, plane)
    const map = await SmallMap.open(plane, storage, { segmentRecords: 300, seed })
    const story = new Story()
    for (let i = 0; i < 2000; i++) void story.step(map, next, 300)
    await map.parts.journal.sync()
    await map.parts.journal.rotate()
    let isOver = false
    let turns = 0
    const write = async (): Promise<void> => {
      for (; !isOver; turns++) {
        for (let i = 0; i < 10; i++) void story.step(map, next, 300)
        await nextTurn()
      }
    }
    const writing = write()
    const closed = map.parts.journal.segments().slice(0, 4)
    const { beforeBytes, afterBytes } = await compactSegments(map.parts, closed, new EachStep())
    t.ok(turns > 3, `${turns} turns`)
    t.ok(afterBytes < beforeBytes, `${beforeBytes} to ${afterBytes} bytes`)
    isOver = true
    await writing
    await map.parts.journal.sync()
    const state = sorted(story.at(map.parts.entries.settled))
    t.same(sorted(map.state()), state)
    await map.close()
    const again = await SmallMap.open(plane, storage)
    t.same(sorted(again.state()), state)
    const { ledger, journal } = again.parts
    t.equal(
      ledger.records,
      journal.segments().reduce((sum, { records }) => sum + records, 0),
    )
    await again.close()
  }),
)

eachPlane(t, 'a load with 70 % overwrites: the directory shrinks by itself', async (t, plane) => {
  const sizes: number[] = []
  for (const options of [{}, { compactThreshold: 1000, compactRatio: 0.3 }]) {
    const storage = freshStorage(t, plane)
    const map = await SmallMap.open(plane, storage, { sync: 'never', ...options })
    const next = random(70)
    let keys = 0
    for (let i = 0; i < 6000; i += 100) {
      const done: Promise<number>[] = []
      for (let each = 0; each < 100; each++) {
        const key = next() < 0.7 && keys > 0 ? below(next, keys) : keys++
        done.push(map.set(`key${key}`, 'x'.repeat(100)))
      }
      await Promise.all(done)
      await map.upkeep.settled()
    }
    await map.close()
    sizes.push(await walBytes(storage))
  }
  const saved = 1 - sizes[1]! / sizes[0]!
  t.ok(saved > 0.3 && saved < 0.75, `${sizes.join(' to ')} bytes: ${Math.round(saved * 100)} %`)
})
