/**
 * Repair brings back every record that is still whole, at its newest value, and nothing else.
 */
import t from 'tap'
import { tableName } from '../../lib/format/names.js'
import { CairnLevel } from '../../lib/index.js'
import type { Storage } from '../../lib/io/files.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { readDirectory } from '../../lib/lsm/recovery.js'
import { typescriptPlane } from '../../lib/planes/typescript.js'
import { TINY, contentOf, currentJournal } from '../support/level.js'
import { openLevel, overwrite, readAll } from '../support/level.js'
import { eachPlane, freshStorage, imageOf, laidDown } from '../support/planes.js'

const RECORDS = 400

function entry(i: number): [string, string] {
  return [`key-${String(i).padStart(4, '0')}`, `value ${i} `.repeat(5)]
}

/** Tables on several levels, a journal with the newest record. */
async function filled(storage: Storage): Promise<MemoryStorage> {
  const db = await openLevel(storage, TINY)
  for (let i = 0; i < RECORDS; i++) await db.put(...entry((i * 7) % RECORDS))
  for (let i = 0; i < RECORDS; i += 10) await db.del(entry(i)[0])
  await db.flush()
  await db.put('newest', 'in the journal', { sync: true })
  await db.close()
  return imageOf(storage)
}

/** The tables that count: a merge that ended as the store closed may have left others. */
async function liveTables(storage: Storage): Promise<string[]> {
  const plane = typescriptPlane({ storage, cacheBytes: 0, maxOpenTables: 1 })
  const { found } = await readDirectory(storage, plane)
  await plane.close()
  const names = found!.state.levels.flat().map(({ number }) => tableName(number))
  if (names.length === 0) throw new Error('a store without tables proves nothing')
  return names
}

function expected(): Map<string, string> {
  const content = new Map([...Array(RECORDS).keys()].filter((i) => i % 10 > 0).map(entry))
  return content.set('newest', 'in the journal')
}

async function repaired(storage: Storage) {
  const report = await CairnLevel.repair(storage, { blockSize: 64 })
  const db = await openLevel(storage, TINY)
  const content = new Map(await contentOf(db))
  const { ok } = await db.verify()
  await db.put('after', 'repair')
  await db.close()
  return { report, content, ok }
}

eachPlane(t, 'a sound store loses nothing', async (t, plane) => {
  const storage = freshStorage(t, plane)
  await filled(storage)
  const { report, content, ok } = await repaired(storage)
  t.same([...content], [...expected()].sort())
  t.same(report.dropped, [])
  t.equal(report.records, expected().size)
  t.equal(ok, true)
})

eachPlane(t, 'one damaged block costs its own records only', async (t, plane) => {
  const whole = await filled(freshStorage(t, plane))
  for (const name of await liveTables(whole)) {
    const storage = await laidDown(t, plane, whole)
    const bytes = await readAll(storage, name)
    bytes[20]! ^= 1
    await overwrite(storage, name, bytes)
    const { report, content, ok } = await repaired(storage)
    t.equal(report.dropped.length, 1, `${name}: one block`)
    t.equal(report.dropped[0]?.file, name)
    t.ok(content.size > expected().size - 10, `${name}: ${content.size} of ${expected().size}`)
    for (const [key, value] of content)
      if (!key.endsWith('0') && expected().get(key) !== value) t.fail(`${key} has a wrong value`)
    t.equal(ok, true)
    t.ok(
      (await storage.list()).some((file) => file.name === 'lost'),
      'the table is kept aside',
    )
  }
})

eachPlane(
  t,
  'a table without its end, and an empty one, are lost whole and told',
  async (t, plane) => {
    const whole = await filled(freshStorage(t, plane))
    for (const name of await liveTables(whole)) {
      for (const keep of [0, 100]) {
        const storage = await laidDown(t, plane, whole)
        await overwrite(storage, name, (await readAll(storage, name)).subarray(0, keep))
        const { report, content } = await repaired(storage)
        t.same(
          report.dropped.map(({ file }) => file),
          [name],
        )
        t.equal(content.get('newest'), 'in the journal')
      }
    }
  },
)

eachPlane(t, 'damage inside a journal costs the group it is in', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const db = await openLevel(storage, { ...TINY, writeBufferSize: 1 << 20 })
  for (let i = 0; i < 50; i++) await db.put(...entry(i), { sync: true })
  const left = await laidDown(t, plane, await imageOf(storage))
  await db.close()
  const journal = await currentJournal(left)
  const bytes = await readAll(left, journal)
  // In the middle of the records, which zeros may follow.
  bytes[bytes.findLastIndex((byte) => byte !== 0) >> 1]! ^= 1
  await overwrite(left, journal, bytes)
  await t.rejects(openLevel(left, TINY), { cause: { code: 'LEVEL_CORRUPTION' } })
  const { report, content } = await repaired(left)
  t.equal(content.size, 49)
  t.equal(report.dropped.length, 1)
})

eachPlane(t, 'nothing to repair is an error that says so', async (t, plane) => {
  await t.rejects(CairnLevel.repair(freshStorage(t, plane)), /does not exist/)
})
