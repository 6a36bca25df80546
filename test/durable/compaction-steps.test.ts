/** Compaction: a crash and a failure at each of its steps, and what follows a failure. */
import t from 'tap'
import { memoryStorage, type MemoryStorage } from '../../lib/io/index.js'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { fill, sorted } from '../support/map-story.js'
import { SmallMap, type SmallOptions } from '../support/small-map.js'

const SEEDS = isFull ? [0, 1, 2, 3, 4, 5, 6] : [0, 1, 2]
const KEY = new Uint8Array(32).fill(5)

t.setTimeout(LIMIT_MS)

/** Overwrites and deletions in several closed segments, and a snapshot before the last of them. */
async function worn(map: SmallMap): Promise<void> {
  await fill(map, 0, 12)
  await map.upkeep.snapshot(false)
  for (let round = 0; round < 3; round++) await fill(map, 0, 9)
  await map.delete('key2')
  await map.delete('key11')
  await map.set('key2', 'again')
}

for (const sync of ['always', 'interval', 'never'] as const)
  for (const key of [undefined, KEY])
    t.test(`a crash at every step is harmless: ${sync}${key ? ', encrypted' : ''}`, async (t) => {
      const options: Partial<SmallOptions> = { segmentRecords: 6, sync, ...(key && { key }) }
      const storage = memoryStorage()
      const map = await SmallMap.open('typescript', storage, options)
      await worn(map)
      await map.parts.journal.sync()
      const durable = sorted(map.state())
      await map.delete('key5')
      await map.set('key6', 'unsynced')
      const newest = sorted(map.state())
      const clones: { what: string; clone: MemoryStorage }[] = []
      storage.onOperation = (_, what) => {
        for (const seed of SEEDS) clones.push({ what, clone: storage.crashClone(seed) })
      }
      const { beforeBytes, afterBytes } = await map.upkeep.compact()
      storage.onOperation = undefined
      t.ok(afterBytes < beforeBytes, `${beforeBytes} to ${afterBytes} bytes`)
      clones.push({ what: 'the end', clone: storage.crashClone(0) })
      await map.close()
      // Each change that was not synced may be there or not, in order.
      const between = sorted(new Map(durable.filter(([name]) => name !== 'key5')))
      const allowed = [durable, between, newest].map((state) => JSON.stringify(state))
      for (const { what, clone } of clones) {
        const found = await SmallMap.open('typescript', clone, options)
        if (!allowed.includes(JSON.stringify(sorted(found.state()))))
          t.fail(`crash before ${what}: ${JSON.stringify(sorted(found.state()))}`)
        await found.set('goes', 'on')
        await found.close()
        const again = await SmallMap.open('typescript', clone, options)
        t.equal(again.state().get('goes'), 'on')
        await again.close()
      }
      t.ok(clones.length > 5 * SEEDS.length, `${clones.length} crashes`)
    })

t.test('what makes a record dead is synced before the record goes', async (t) => {
  const options: Partial<SmallOptions> = { segmentRecords: 4, sync: 'never' }
  const storage = memoryStorage()
  const map = await SmallMap.open('typescript', storage, options)
  for (let i = 0; i < 4; i++) await map.set('key', `synced ${i}`)
  await map.parts.journal.sync()
  await map.set('key', 'newer')
  const trace: string[] = []
  storage.onOperation = (_, what) => void trace.push(what)
  await map.upkeep.compact()
  const replaced = trace.findIndex((what) => what.startsWith('rename wal/'))
  t.ok(replaced > 0, trace.join(', '))
  const found = await SmallMap.open('typescript', storage.crashClone(0), options)
  t.equal(found.state().get('key'), 'newer')
  await found.close()
  await map.close()
})

t.test('one that fails is told, tried again later, and never an unhandled rejection', async (t) => {
  const storage = memoryStorage()
  const options = { compactThreshold: 20, compactRatio: 0.3 }
  const map = await SmallMap.open('typescript', storage, options)
  storage.onOperation = (_, what) => {
    if (/^create wal\/.*new$/.test(what)) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  }
  for (let round = 0; round < 4; round++) await fill(map, 0, 10)
  await map.upkeep.settled()
  t.match(map.warnings, [{ action: 'compact the journal', error: { code: 'ENOSPC' } }])
  t.match(map.timers.pending, [{ delayMs: 1000 }], 'it pauses')
  await fill(map, 0, 10)
  await map.upkeep.settled()
  t.equal(map.warnings.length, 1, 'nothing is tried in the pause')
  map.timers.fire()
  await map.upkeep.settled()
  t.equal(map.warnings.length, 2, 'then it is')
  t.match(map.timers.pending, [{ delayMs: 2000 }], 'and pauses for longer')
  storage.onOperation = undefined
  map.timers.fire()
  await map.upkeep.settled()
  t.match(map.upkeep.counts, { compactions: 1 })
  t.equal(map.warnings.length, 2)
  t.same(map.timers.pending, [])
  t.equal(map.state().size, 10)
  await map.close()
})

t.test(
  'closing cancels one that runs by itself, and waits for one that was asked for',
  async (t) => {
    const storage = memoryStorage()
    const options = { compactThreshold: 2000, compactRatio: 0.3, segmentRecords: 500 }
    const map = await SmallMap.open('typescript', storage, options)
    let closing: Promise<void> | undefined
    storage.onOperation = (_, what) => {
      if (/^create wal\/.*new$/.test(what)) closing ??= map.close()
    }
    for (let round = 0; round < 3; round++) await fill(map, 0, 700)
    await map.upkeep.settled()
    await closing!
    storage.onOperation = undefined
    t.match(map.upkeep.counts, { compactions: 0 })
    t.same(map.warnings, [])
    const left = (await storage.list(undefined, 'wal')).filter(({ kind }) => kind !== 'segment')
    t.same(left, [], 'nothing is left behind')
    const again = await SmallMap.open('typescript', storage)
    t.equal(again.state().size, 700)
    const asked = again.upkeep.compact()
    await again.close()
    const { beforeBytes, afterBytes } = await asked
    t.ok(afterBytes < beforeBytes)
    const last = await SmallMap.open('typescript', storage)
    t.equal(last.state().size, 700)
    await last.close()
  },
)
