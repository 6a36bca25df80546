/** Opening with snapshots: where it begins, what it makes of damage, which numbers it gives. */
import t, { type Test } from 'tap'
import type { MapParts } from '../../lib/durable/map/parts.js'
import { SegmentFileWriter } from '../../lib/durable/segments/writer.js'
import { MAP_SET } from '../../lib/format/map.js'
import { SEGMENT_HEADER_BYTES } from '../../lib/format/segment.js'
import type { Storage } from '../../lib/io/files.js'
import { fill, sorted, versionsOf } from '../support/map-story.js'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { eachPlane, freshStorage, imageOf, onCopy, type PlaneName } from '../support/planes.js'
import { SmallMap, type SmallOptions } from '../support/small-map.js'
import { overwrite, readAll } from '../support/level.js'
import { contentOf, flip } from '../support/tampering.js'

const NAME = (number: number): string => `snapshots/0000000${number}.snapshot`
const KEY = new Uint8Array(32).fill(7)

t.setTimeout(LIMIT_MS)

const names = async (storage: Storage): Promise<string[]> =>
  (await storage.list(undefined, 'snapshots')).map(({ name }) => name).sort()

/** A store with these snapshots, and changes before and behind each; closed. */
async function made(
  t: Test,
  plane: PlaneName,
  kinds: readonly ('full' | 'incremental')[],
  options: Partial<SmallOptions> = {},
): Promise<{ storage: Storage; state: [string, string][] }> {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage, { segmentRecords: 8, ...options })
  await fill(map, 0, 10)
  for (const [i, kind] of kinds.entries()) {
    await map.upkeep.snapshot(kind === 'incremental')
    await map.delete(`key${i}`)
    await map.set('counter', `${i}`)
    await fill(map, 5 + i * 5, 15 + i * 5)
  }
  const state = sorted(map.state())
  await map.close()
  return { storage, state }
}

eachPlane(t, 'everything behind a snapshot is replayed', async (t, plane) => {
  const { storage, state } = await made(t, plane, ['full', 'full'])
  for (let opening = 0; opening < 3; opening++) {
    const map = await SmallMap.open(plane, storage)
    t.same(sorted(map.state()), state)
    t.ok(map.position > 0, 'it began with a snapshot')
    t.same(map.damage, [])
    const { journal, ledger } = map.parts
    const reach = journal.segments()[0]!.firstSequence - 1
    t.equal(ledger.live, versionsOf(map).filter((version) => version > reach).length)
    t.equal(
      ledger.records,
      journal.segments().reduce((sum, { records }) => sum + records, 0),
    )
    await map.close()
  }
})

eachPlane(t, 'a damaged snapshot is told, and the one before serves', async (t, plane) => {
  const { storage, state } = await made(t, plane, ['full', 'full', 'full'])
  await flip(storage, NAME(3), -1)
  const map = await SmallMap.open(plane, storage)
  t.same(sorted(map.state()), state, 'with the journal in between')
  t.match(map.damage, [{ file: NAME(3) }])
  t.equal(map.position, map.parts.catalog.find(2)!.position)
  t.same(
    (await map.upkeep.list()).map(({ number }) => number),
    [1, 2],
    'it counts as absent',
  )
  await map.set('more', 'x')
  t.match(await map.upkeep.snapshot(true), { number: 4, base: 2 })
  await map.close()
  const again = await SmallMap.open(plane, storage)
  t.equal(again.state().get('more'), 'x')
  t.same(again.damage, [], 'the damaged one is not in the way of the new one')
  await again.close()
})

for (const key of [undefined, KEY])
  eachPlane(
    t,
    `every flip of a byte, and every cut: ${key ? 'encrypted' : 'plain'}`,
    async (t, plane) => {
      const options = key ? { key } : {}
      const { storage, state } = await made(t, plane, ['full', 'incremental'], options)
      const image = await imageOf(storage)
      const bytes = await readAll(image, NAME(2))
      const step = isFull ? 1 : 11
      const check = async (at: number, changed: Uint8Array): Promise<void> => {
        const clone = image.crashClone(1)
        await overwrite(clone, NAME(2), changed)
        await onCopy(plane, clone, async (copy) => {
          const map = await SmallMap.open(plane, copy, options)
          const isSame = JSON.stringify(sorted(map.state())) === JSON.stringify(state)
          if (!isSame || map.damage.length !== 1) t.fail(`byte ${at}`)
          await map.close()
        })
      }
      for (let at = 0; at < bytes.length; at += step) {
        const flipped = bytes.slice()
        flipped[at]! ^= 1 << (at % 8)
        // A version that is not known is no damage.
        const isVersion = at >= 7 + 8 && at < 7 + 12 && !key
        if (!isVersion) await check(at, flipped)
        await check(at, bytes.slice(0, at))
      }
      t.pass(`${bytes.length} bytes`)
    },
  )

eachPlane(t, 'none left and a journal that does not reach back is refused', async (t, plane) => {
  const { storage, state } = await made(t, plane, ['full', 'full', 'full', 'full', 'full'])
  for (let number = 1; number <= 5; number++) await flip(storage, NAME(number), -1)
  const before = await contentOf(storage)
  t.notOk(before['wal/00000001.journal'], 'the journal was cut')
  await t.rejects(SmallMap.open(plane, storage), { code: 'CAIRN_CORRUPTION', file: NAME(5) })
  t.same(await contentOf(storage), before, 'nothing was changed')
  for (let number = 1; number <= 5; number++) await storage.remove(NAME(number))
  await t.rejects(SmallMap.open(plane, storage), {
    code: 'CAIRN_CORRUPTION',
    message: /^the journal begins behind sequence \d+, and no snapshot reaches there$/,
  })
  const salvaged = await SmallMap.open(plane, storage, { recovery: 'salvage' })
  const kept = salvaged.state()
  t.ok(kept.size > 0 && kept.size < state.length, 'salvage takes what the journal has')
  await salvaged.upkeep.snapshot(false)
  await salvaged.close()
})

eachPlane(t, 'none left and a journal from the first record on serves', async (t, plane) => {
  const { storage, state } = await made(t, plane, ['full', 'incremental'])
  for (const number of [1, 2]) await flip(storage, NAME(number), -1)
  const map = await SmallMap.open(plane, storage)
  t.same(sorted(map.state()), state)
  t.equal(map.position, 0)
  t.same(
    map.damage.map(({ file }) => file),
    [NAME(1), NAME(2)],
  )
  await map.close()
})

eachPlane(t, 'a damaged snapshot and no segment at all is refused', async (t, plane) => {
  const { storage } = await made(t, plane, ['full', 'full'])
  for (const { name } of await storage.list(undefined, 'wal')) await storage.remove(name)
  await storage.remove('CAIRN-SEAL')
  await flip(storage, NAME(2), -1)
  await t.rejects(SmallMap.open(plane, storage), { code: 'CAIRN_CORRUPTION', file: NAME(2) })
})

eachPlane(
  t,
  'a base that is damaged or missing takes along what stands on it',
  async (t, plane) => {
    const kinds = ['full', 'full', 'incremental', 'incremental'] as const
    for (const spoil of ['flip', 'remove'] as const) {
      const { storage, state } = await made(t, plane, kinds)
      if (spoil === 'flip') await flip(storage, NAME(2), -1)
      else await storage.remove(NAME(2))
      const map = await SmallMap.open(plane, storage)
      t.same(sorted(map.state()), state)
      t.equal(map.position, map.parts.catalog.find(1)!.position, 'the one before it serves')
      const reasons = map.damage.map(({ file, reason }) => `${file}: ${reason}`)
      t.match(reasons, [
        ...(spoil === 'flip' ? [/2.snapshot: /] : []),
        /3.snapshot: snapshot 2, on which it stands, is (missing|damaged)/,
        /4.snapshot: snapshot 3, on which it stands, is damaged/,
      ])
      await map.close()
    }
  },
)

/** Writes a snapshot that the engine would not write. */
async function forge(
  { home, catalog }: MapParts,
  fields: { base: number; basePosition: number; position: number },
  records: readonly [sequence: number, key: string, value: string][],
): Promise<void> {
  const { number, file } = catalog.next()
  const { base, basePosition, position } = fields
  const writer = await SegmentFileWriter.create(home, file, {
    ...{ isSnapshot: true, flags: 0, number, previousNumber: base, reservedSequence: 0 },
    ...{ firstSequence: basePosition + 1, previousSequence: basePosition },
    ...{ lastSequence: position, createdAt: home.clock() },
  })
  for (const [sequence, key, value] of records) {
    const bytes = Uint8Array.of(MAP_SET, key.length, ...Buffer.from(key + value))
    await writer.add(sequence, home.clock(), bytes, 0, bytes.length)
  }
  await writer.finish()
  await writer.publish()
}

eachPlane(t, 'a chain with a gap or an overlap is refused', async (t, plane) => {
  for (const [by, told] of [
    [1, /^a gap: it begins behind 11, snapshot 1 ends at 10$/],
    [-1, /^an overlap: it begins behind 9, snapshot 1 ends at 10$/],
  ] as const) {
    const storage = freshStorage(t, plane)
    const map = await SmallMap.open(plane, storage)
    await fill(map, 0, 10)
    const { position } = await map.upkeep.snapshot(false)
    await fill(map, 10, 20)
    const fields = { base: 1, basePosition: position + by, position: 20 }
    await forge(map.parts, fields, [[15, 'key1', 'forged']])
    const state = sorted(map.state())
    await map.close()
    const again = await SmallMap.open(plane, storage)
    t.same(sorted(again.state()), state)
    t.match(again.damage, [{ file: NAME(2), reason: told }])
    await again.close()
  }
})

eachPlane(t, 'a record out of its range is refused', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage)
  await fill(map, 0, 10)
  await map.upkeep.snapshot(false)
  await fill(map, 10, 20)
  await forge(map.parts, { base: 1, basePosition: 10, position: 20 }, [[10, 'key1', 'forged']])
  const state = sorted(map.state())
  await map.close()
  const again = await SmallMap.open(plane, storage)
  t.same(sorted(again.state()), state)
  t.match(again.damage, [{ file: NAME(2), reason: /sequence/ }])
  await again.close()
})

eachPlane(t, 'a snapshot of another number, store or version', async (t, plane) => {
  const { storage, state } = await made(t, plane, ['full'])
  await overwrite(storage, NAME(7), await readAll(storage, NAME(1)))
  const other = await made(t, plane, ['full'], { seed: 2 })
  await overwrite(storage, NAME(6), await readAll(other.storage, NAME(1)))
  const map = await SmallMap.open(plane, storage)
  t.same(sorted(map.state()), state)
  t.match(map.damage, [
    { file: NAME(6), reason: 'it belongs to another store' },
    { file: NAME(7), reason: 'it is snapshot 1' },
  ])
  t.match(await map.upkeep.snapshot(false), { number: 8 })
  await map.close()
})

eachPlane(t, 'salvage keeps a copy of what is damaged', async (t, plane) => {
  const { storage, state } = await made(t, plane, ['full', 'full', 'full'])
  await flip(storage, NAME(3), -1)
  await overwrite(storage, NAME(1), new Uint8Array(100))
  const bytes = await readAll(storage, NAME(3))
  const map = await SmallMap.open(plane, storage, { recovery: 'salvage', keepSnapshots: 1 })
  t.same(sorted(map.state()), state)
  await map.upkeep.snapshot(false)
  t.same(await names(storage), [NAME(4)])
  const kept = (await storage.list(undefined, 'damaged')).map(({ name }) => name).sort()
  t.same(kept, ['damaged/00000001.snapshot', 'damaged/00000003.snapshot'])
  t.same(await readAll(storage, kept[1]!), bytes)
  await map.close()
})

/** Cuts the newest segments off behind a snapshot's position, as no crash does. */
async function loseJournal(storage: Storage, from: number): Promise<void> {
  await storage.remove('CAIRN-SEAL')
  for (const { name, number } of await storage.list('segment', 'wal'))
    if (number >= from) await storage.remove(name)
}

eachPlane(t, 'a journal that ends before a snapshot is forgotten', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const options = { segmentRecords: 5, keepSegments: 10 }
  const map = await SmallMap.open(plane, storage, options)
  await fill(map, 0, 10)
  await map.upkeep.snapshot(false)
  await fill(map, 5, 15)
  const { position } = await map.upkeep.snapshot(false)
  const state = sorted(map.state())
  await map.close()
  await loseJournal(storage, 4)
  const found = await SmallMap.open(plane, storage, options)
  t.same(sorted(found.state()), state, 'the snapshot has everything')
  t.equal(found.parts.journal.lastSequence, position)
  t.same(found.parts.journal.segments(), [])
  await found.set('goes', 'on')
  t.equal(found.parts.journal.segments()[0]!.firstSequence, position + 1)
  await found.close()
  const again = await SmallMap.open(plane, storage, options)
  t.same(sorted(again.state()), sorted(new Map(state).set('goes', 'on')))
  await again.close()
  await flip(storage, NAME(2), -1)
  await t.rejects(
    SmallMap.open(plane, storage, options),
    { code: 'CAIRN_CORRUPTION', file: NAME(2) },
    'an older snapshot can not go on over the hole',
  )
})

eachPlane(t, 'a journal that ends before a damaged snapshot is damaged, too', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const options = { segmentRecords: 5, keepSegments: 10 }
  const map = await SmallMap.open(plane, storage, options)
  await fill(map, 0, 10)
  await map.upkeep.snapshot(false)
  await fill(map, 5, 15)
  await map.upkeep.snapshot(false)
  await map.close()
  await loseJournal(storage, 4)
  await flip(storage, NAME(2), -1)
  await t.rejects(SmallMap.open(plane, storage, options), {
    code: 'CAIRN_CORRUPTION',
    message: /the records from 16 on are missing, yet a snapshot says that they were synced/,
  })
})

eachPlane(t, 'a number is never used again', async (t, plane) => {
  const { storage } = await made(t, plane, ['full', 'full', 'full'], { keepSnapshots: 1 })
  t.same(await names(storage), [NAME(3)])
  const take = async (options: Partial<SmallOptions> = {}): Promise<number> => {
    const map = await SmallMap.open(plane, storage, { keepSnapshots: 1, ...options })
    const { number } = await map.upkeep.snapshot(false)
    await map.close()
    return number
  }
  t.equal(await take(), 4, 'behind a restart')
  await flip(storage, NAME(4), -1)
  const refused = SmallMap.open(plane, storage)
  await t.rejects(refused, { code: 'CAIRN_CORRUPTION' }, 'there is nothing before it')
  t.equal(await take({ recovery: 'salvage' }), 5, 'behind a damaged one')
  await overwrite(storage, `${NAME(9)}.new`, new Uint8Array(SEGMENT_HEADER_BYTES))
  await overwrite(storage, `${NAME(7)}.new`, new Uint8Array(SEGMENT_HEADER_BYTES))
  const map = await SmallMap.open(plane, storage)
  await map.close()
  t.same(await names(storage), [NAME(5), `${NAME(9)}.new`], 'the highest one stays')
  t.equal((await readAll(storage, `${NAME(9)}.new`)).length, 0, 'emptied')
  t.equal(await take(), 10, 'behind a temporary one')
  t.same(await names(storage), ['snapshots/00000010.snapshot'], 'which goes then')
})
