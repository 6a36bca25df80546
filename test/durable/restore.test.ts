/** Restoring a snapshot: a new store with its state, complete, or nothing. */
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import { fill, sorted } from '../support/map-story.js'
import { eachPlane, freshStorage } from '../support/planes.js'
import { SmallMap } from '../support/small-map.js'
import { overwrite } from '../support/level.js'
import { contentOf, flip } from '../support/tampering.js'

const KEY = new Uint8Array(32).fill(3)

for (const key of [undefined, KEY])
  eachPlane(
    t,
    `each snapshot is a restore point: ${key ? 'encrypted' : 'plain'}`,
    async (t, plane) => {
      const options = { ...(key && { key }), segmentRecords: 5, keepSegments: 1 }
      const map = await SmallMap.open(plane, freshStorage(t, plane), options)
      const states: [string, string][][] = []
      for (let number = 1; number <= 5; number++) {
        await fill(map, number * 3, number * 3 + 8)
        await map.delete(`key${number * 2}`)
        await map.upkeep.snapshot(number !== 1 && number !== 4)
        states.push(sorted(map.state()))
      }
      for (const [i, state] of states.entries()) {
        const target = freshStorage(t, plane)
        await map.upkeep.restore(i + 1, target)
        const restored = await SmallMap.open(plane, target, { ...options, seed: 77 })
        t.same(sorted(restored.state()), state, `snapshot ${i + 1}`)
        t.same(restored.damage, [])
        const { journal } = restored.parts
        t.equal(journal.lastSequence, map.parts.catalog.find(i + 1)!.position)
        await restored.set('own', 'life')
        t.equal(journal.lastSequence, map.parts.catalog.find(i + 1)!.position + 1)
        t.equal((await restored.upkeep.snapshot(true)).number, i + 2)
        await restored.close()
        const again = await SmallMap.open(plane, target, options)
        t.same(sorted(again.state()), sorted(new Map(state).set('own', 'life')))
        await again.close()
      }
      t.same(sorted(map.state()), states[4], 'the store itself is as it was')
      await map.close()
    },
  )

eachPlane(t, 'a target that is not empty, and a snapshot that is not there', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const map = await SmallMap.open(plane, storage)
  await fill(map, 0, 5)
  await map.upkeep.snapshot(false)
  await map.upkeep.snapshot(true)
  const target = freshStorage(t, plane)
  await target.createDirectory()
  await overwrite(target, 'mine', Uint8Array.of(1))
  await t.rejects(map.upkeep.restore(1, target), { code: 'CAIRN_EXISTS', message: /'mine'/ })
  t.same(await contentOf(target), {}, 'nothing was written')
  await target.remove('mine')
  await t.rejects(map.upkeep.restore(9, target), { code: 'CAIRN_NOT_FOUND' })
  await flip(storage, 'snapshots/00000001.snapshot', -1)
  for (const number of [1, 2])
    await t.rejects(map.upkeep.restore(number, target), {
      code: 'CAIRN_CORRUPTION',
      file: /snapshots\/0000000/,
    })
  t.same(await target.list(), [], 'nothing was written')
  await map.close()
})

t.test('a restore that a crash cut short is refused or whole, never an empty store', async (t) => {
  const map = await SmallMap.open('typescript', memoryStorage(), { key: KEY })
  await fill(map, 0, 5)
  await map.upkeep.snapshot(false)
  await fill(map, 3, 9)
  await map.upkeep.snapshot(true)
  const state = sorted(map.state())
  const target = memoryStorage()
  const clones: (typeof target)[] = []
  target.onOperation = () => {
    for (const seed of [0, 1, 2, 3, 4]) clones.push(target.crashClone(seed))
  }
  await map.upkeep.restore(2, target)
  target.onOperation = undefined
  await map.close()
  clones.push(target.crashClone(0))
  let [whole, refused, empty] = [0, 0, 0]
  for (const clone of clones) {
    try {
      const found = await SmallMap.open('typescript', clone, { key: KEY })
      if (found.state().size === 0) empty++
      else {
        t.same(sorted(found.state()), state)
        whole++
      }
      await found.close()
    } catch (error) {
      t.match(error, { code: /^CAIRN_(CORRUPTION|FORMAT_VERSION|WRONG_KEY|MISSING)$/ })
      refused++
    }
  }
  t.ok(whole > 0 && refused > 0, `${whole} whole, ${refused} refused, ${empty} empty`)
})
