/** How a snapshot comes to be: the order of its steps, a crash and a failure at each of them. */
import t from 'tap'
import { memoryStorage, type MemoryStorage } from '../../lib/io/index.js'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { fill, sorted, stateOf } from '../support/map-story.js'
import { eachPlane, freshStorage } from '../support/planes.js'
import { SmallMap, type SmallOptions } from '../support/small-map.js'
import { flip } from '../support/tampering.js'

t.setTimeout(LIMIT_MS)

const MODES = ['always', 'interval', 'never'] as const
const SEEDS = isFull ? [0, 1, 2, 3, 4] : [0, 1, 2]

/** The operations of a storage from now on. */
function traced(storage: MemoryStorage): string[] {
  const trace: string[] = []
  storage.onOperation = (_, what) => void trace.push(what)
  return trace
}

for (const sync of MODES)
  t.test(`the journal is synced before the rename: ${sync}`, async (t) => {
    const storage = memoryStorage()
    const map = await SmallMap.open('typescript', storage, { sync })
    await fill(map, 0, 20)
    await map.set('last', 'one')
    const state = sorted(map.state())
    let renamed = false
    storage.onOperation = (_, what) => {
      if (!what.startsWith('rename snapshots/')) return
      renamed = true
      // Power goes now, with all that was not synced.
      const clone = storage.crashClone(0)
      const opening = SmallMap.open('typescript', clone, { sync }).then(async (found) => {
        t.same(sorted(found.state()), state, 'the journal alone has everything')
        t.equal(found.position, 0)
        await found.close()
      })
      t.resolves(opening)
    }
    const { position } = await map.upkeep.snapshot(false)
    t.ok(renamed)
    t.equal(position, 21)
    const clone = storage.crashClone(0)
    await map.close()
    const found = await SmallMap.open('typescript', clone, { sync })
    t.same([found.position, sorted(found.state())], [21, state], 'durable when it settles')
    await found.close()
  })

t.test('temporary file, sync, rename, directory sync, and only then removals', async (t) => {
  const storage = memoryStorage()
  const map = await SmallMap.open('typescript', storage, { keepSnapshots: 1, segmentRecords: 5 })
  for (let round = 1; round <= 2; round++) {
    await fill(map, 0, 20)
    await map.upkeep.snapshot(false)
  }
  await fill(map, 0, 20)
  const trace = traced(storage)
  await map.upkeep.snapshot(false)
  const at = (pattern: RegExp): number => {
    const found = trace.findIndex((what) => pattern.test(what))
    if (found < 0) t.fail(`no ${String(pattern)} in ${trace.join(', ')}`)
    return found
  }
  const steps = [
    at(/^create snapshots\/00000003.snapshot.new/),
    at(/^sync snapshots\/00000003.snapshot.new/),
    at(/^rename snapshots\/00000003.snapshot.new snapshots\/00000003.snapshot/),
    at(/^remove wal\//),
    at(/^remove snapshots\/00000002.snapshot/),
  ]
  t.same(
    steps,
    [...steps].sort((a, b) => a - b),
    'in this order',
  )
  t.equal(trace[steps[2]! + 1], 'syncDirectory', 'the name is durable before anything goes')
  await map.close()
})

for (const key of [undefined, new Uint8Array(32).fill(9)])
  t.test(`a crash at every operation is harmless: ${key ? 'encrypted' : 'plain'}`, async (t) => {
    const options: Partial<SmallOptions> = {
      ...{ keepSnapshots: 1, keepSegments: 1, segmentRecords: 5 },
      ...(key && { key }),
    }
    const storage = memoryStorage()
    const map = await SmallMap.open('typescript', storage, options)
    await fill(map, 0, 12)
    await map.upkeep.snapshot(false)
    await map.delete('key3')
    await map.upkeep.snapshot(true)
    await map.set('key4', 'new')
    await map.upkeep.snapshot(false)
    await fill(map, 10, 17)
    const state = sorted(map.state())
    const clones: { what: string; clone: MemoryStorage }[] = []
    storage.onOperation = (_, what) => {
      for (const seed of SEEDS) clones.push({ what, clone: storage.crashClone(seed) })
    }
    await map.upkeep.snapshot(true)
    await map.upkeep.snapshot(false)
    storage.onOperation = undefined
    await map.close()
    for (const { what, clone } of clones) {
      const found = await SmallMap.open('typescript', clone, options)
      const isSame = JSON.stringify(sorted(found.state())) === JSON.stringify(state)
      if (!isSame || found.damage.length > 0) t.fail(`crash before ${what}`)
      const again = await found.upkeep.snapshot(false)
      t.same(sorted(await stateOf(found.parts, again.number)), state)
      await found.close()
    }
    t.ok(clones.length > 10 * SEEDS.length, `${clones.length} crashes`)
  })

t.test('a failure at every operation: the snapshot rejects, the map goes on', async (t) => {
  for (let failing = 1; ; failing++) {
    const storage = memoryStorage()
    const map = await SmallMap.open('typescript', storage, { keepSegments: 1, segmentRecords: 5 })
    await fill(map, 0, 12)
    await map.upkeep.snapshot(false)
    await fill(map, 10, 17)
    const state = sorted(map.state())
    const start = storage.operations
    storage.onOperation = (n, what) => {
      // The journal's own failures are its own tests.
      if (n - start === failing && what.includes('snapshot'))
        throw Object.assign(new Error('no luck'), { code: 'EIO' })
    }
    const outcome = await map.upkeep.snapshot(false).then(
      ({ number }) => number,
      (error: { code?: string }) => error.code,
    )
    const { operations } = storage
    storage.onOperation = undefined
    t.match(String(outcome), /^(EIO|CAIRN_IO|2)$/, `operation ${failing}: ${outcome}`)
    t.same(sorted(map.state()), state)
    await map.set('goes', 'on')
    const again = await map.upkeep.snapshot(false)
    t.equal(again.number, 3, 'with the next number')
    const names = (await storage.list(undefined, 'snapshots')).map(({ name }) => name)
    t.notOk(
      names.some((name) => name.endsWith('.new')),
      'nothing is left behind',
    )
    await map.close()
    const found = await SmallMap.open('typescript', storage)
    t.equal(found.position, again.position)
    await found.close()
    if (operations - start < failing) break
  }
})

eachPlane(t, 'one that can not be read back lets nothing go', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const options = { keepSnapshots: 1, keepSegments: 1, segmentRecords: 5 }
  const map = await SmallMap.open(plane, storage, options)
  for (let round = 1; round <= 2; round++) {
    await fill(map, 0, 20)
    await map.upkeep.snapshot(false)
  }
  await fill(map, 0, 20)
  const state = sorted(map.state())
  const segments = map.parts.journal.segments().length
  const rename = storage.rename.bind(storage)
  storage.rename = async (from, to) => {
    await rename(from, to)
    if (to.endsWith('3.snapshot')) await flip(storage, to, -20)
  }
  await t.rejects(map.upkeep.snapshot(false), { code: 'CAIRN_CORRUPTION', file: /3.snapshot$/ })
  t.equal(map.parts.journal.segments().length, segments, 'no segment went')
  t.same(
    (await map.upkeep.list()).map(({ number }) => number),
    [2],
    'nor the one before',
  )
  await map.close()
  const found = await SmallMap.open(plane, storage, options)
  t.same(sorted(found.state()), state)
  t.match(found.damage, [{ file: /3.snapshot$/ }])
  t.match(await found.upkeep.snapshot(false), { number: 4 })
  await found.close()
})
