/**
 * A store that is written to with small syncs has zeros ahead in its journal, and nobody sees
 * them: it is killed, closed, verified and repaired as if there were none.
 */
import t from 'tap'
import { decodeSealBody, SEAL_BYTES } from '../../lib/format/seal.js'
import { FILE_SEAL, journalName } from '../../lib/format/names.js'
import { CairnLevel } from '../../lib/index.js'
import { memoryStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import { JournalSet } from '../../lib/lsm/journals.js'
import { readManifest } from '../../lib/lsm/recovery.js'
import { faultyStorage } from '../support/faulty.js'
import { codesOf, contentOf, currentJournal } from '../support/level.js'
import { openLevel, overwrite, readAll } from '../support/level.js'
import type { Entry } from '../support/model.js'
import { eachPlane, freshStorage, imageOf, laidDown, makePlane } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'

const BUFFER_BYTES = 1 << 20
const STEP_BYTES = BUFFER_BYTES / 32
const ENTRIES: readonly Entry[] = Array.from({ length: 20 }, (_, i) => [`key-${i + 10}`, `${i}`])

/** What a process that died after synced writes leaves, and its journal. */
async function killed(t: Parameters<typeof freshStorage>[0], plane: PlaneName) {
  const storage = freshStorage(t, plane)
  const db = await openLevel(storage, { writeBufferSize: BUFFER_BYTES })
  for (const [key, value] of ENTRIES) await db.put(key, value, { sync: true })
  const image = await imageOf(storage)
  await db.close()
  const name = await currentJournal(image)
  return { image, name, bytes: Buffer.from(await readAll(image, name)) }
}

function zerosOf(bytes: Buffer): number {
  return bytes.length - 1 - bytes.findLastIndex((byte) => byte !== 0)
}

eachPlane(t, 'a killed store has zeros, which are no torn tail', async (t, plane) => {
  const { image, name, bytes } = await killed(t, plane)
  t.equal(bytes.length, 2 * STEP_BYTES)
  t.ok(zerosOf(bytes) > STEP_BYTES, `${zerosOf(bytes)} zeros`)
  const storage = await laidDown(t, plane, image)
  const readOnly = await openLevel(storage, { readOnly: true })
  t.equal(readOnly.recovered.torn, undefined)
  t.same(await contentOf(readOnly), ENTRIES)
  t.match(await readOnly.verify(), { ok: true, damage: [] })
  await readOnly.close()
  t.ok(bytes.equals(await readAll(storage, name)), 'read-only changes nothing')
  const db = await openLevel(storage)
  t.same(db.recovered, { records: ENTRIES.length })
  t.same(await contentOf(db), ENTRIES)
  await db.close()
})

eachPlane(t, 'what is lost before zeros is told, unless it is zeros too', async (t, plane) => {
  const { image, name, bytes } = await killed(t, plane)
  const recordsEnd = bytes.length - zerosOf(bytes)
  const torn = Buffer.from(bytes).fill(0, recordsEnd - 3, recordsEnd)
  await overwrite(image, name, torn)
  const db = await openLevel(await laidDown(t, plane, image))
  t.match(db.recovered, { records: ENTRIES.length - 1, torn: { file: name } })
  t.same(await contentOf(db), ENTRIES.slice(0, -1))
  await db.close()
  // A hole that a mark stands behind.
  await overwrite(image, name, Buffer.from(bytes).fill(0, 60, 120))
  const refused: unknown = await openLevel(await laidDown(t, plane, image)).catch((e: unknown) => e)
  t.ok(codesOf(refused).includes('CAIRN_CORRUPTION'), codesOf(refused).join(' '))
})

eachPlane(t, 'a killed store is repaired without a loss', async (t, plane) => {
  const { image } = await killed(t, plane)
  const storage = await laidDown(t, plane, image)
  t.match(await CairnLevel.repair(storage), { records: ENTRIES.length, dropped: [] })
  const db = await openLevel(storage)
  t.same(await contentOf(db), ENTRIES)
  await db.close()
})

eachPlane(t, 'a closed store has none, and its seal names the length', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const db = await openLevel(storage)
  for (const [key, value] of ENTRIES) await db.put(key, value, { sync: true })
  t.match(await db.verify(), { ok: true })
  await db.close()
  const seal = await readAll(storage, FILE_SEAL)
  const { journal } = decodeSealBody(seal.subarray(0, SEAL_BYTES - 4))
  const bytes = Buffer.from(await readAll(storage, journalName(journal.number)))
  t.equal(bytes.length, journal.sizeBytes)
  t.ok(bytes.length < 2000)
  const bench = await makePlane(t, plane, { storage })
  const reader = await bench.plane.openJournal(journalName(journal.number))
  while ((await reader.next()) !== undefined);
  t.same(reader.verdict, { kind: 'end' })
  await reader.close()
})

/** Sizes of the journals after each of some groups, synced when they are positive. */
async function sizesOf(storage: Storage, set: JournalSet, groups: readonly number[]) {
  const sizes: number[] = []
  for (const bytes of groups) {
    await set.append(new Uint8Array(Math.abs(bytes)).fill(1), 1)
    if (bytes > 0) await set.sync()
    sizes.push((await readAll(storage, journalName(set.number))).length)
  }
  return sizes
}

eachPlane(t, 'zeros come in steps, with small syncs alone', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  let number = 0
  const open = () => JournalSet.create(storage, plane, async () => ++number, BUFFER_BYTES)
  const set = await open()
  const small = await sizesOf(storage, set, [100, 100, 100, STEP_BYTES - 4000, 30_000, 100])
  const first = small[0]!
  t.ok(first < 200, 'one sync may be the only one')
  t.same(
    small.slice(1),
    [2, 2, 2, 2, 2].map((steps) => steps * STEP_BYTES),
  )
  const more = await sizesOf(storage, set, [10_000, 100, -5000, -100])
  t.same(
    more,
    [4, 4, 4, 4].map((steps) => steps * STEP_BYTES),
    'the next step',
  )
  const large = await sizesOf(storage, set, [200_000, 33_000, 100, 100])
  t.ok(large[0]! > 200_000 && large[0]! % STEP_BYTES > 0)
  t.ok(large[1]! - large[0]! < 34_000 && large[2]! - large[1]! < 200, 'grown by what was written')
  t.equal(large[3]! % STEP_BYTES, 0, 'two small ones in a row again')
  const before = set.number
  const position = set.position
  await set.rotate()
  await set.olderClosed()
  t.equal((await readAll(storage, journalName(before))).length, position, 'a finished one is cut')
  t.same(await sizesOf(storage, set, [100]), [2 * STEP_BYTES], 'the habit lasts')
  await set.finish(5)
  t.equal((await readAll(storage, journalName(set.number))).length, set.position)
  await set.close()
  const unsynced = await open()
  const grown = await sizesOf(storage, unsynced, [-100, -100, -100])
  t.ok(grown[2]! < 500, 'without syncs none')
  await unsynced.close()
})

t.test('no room for zeros is none of the writer’s trouble', async (t) => {
  for (const nth of [3, 4]) {
    const storage = faultyStorage(memoryStorage())
    const db = await openLevel(storage, { writeBufferSize: BUFFER_BYTES, infoLog: false })
    storage.rule = {
      operation: 'write',
      file: new RegExp(await currentJournal(storage)),
      nth,
      error: 'ENOSPC',
      short: true,
    }
    const results = []
    for (const [key, value] of ENTRIES)
      results.push(
        await db.put(key, value, { sync: true }).then(
          () => true,
          () => false,
        ),
      )
    t.equal(storage.failures, 1)
    // The third write are the zeros behind the second put; the fourth is a put.
    t.equal(results.every(Boolean), nth === 3)
    await db.close().catch(() => undefined)
    const again = await openLevel(storage)
    const expected = nth === 3 ? ENTRIES : ENTRIES.slice(0, 2)
    t.same(await contentOf(again), expected)
    await again.close()
  }
})

eachPlane(t, 'zeros and cuts where records were written are damage', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const db = await openLevel(storage, { writeBufferSize: BUFFER_BYTES })
  const journal = await currentJournal(storage)
  const [manifest] = await storage.list('manifest')
  const ends: number[] = []
  for (const [key, value] of ENTRIES) {
    await db.put(key, value, { sync: true })
    ends.push(db.stats().journalBytes)
  }
  const from = ends.at(-5)!
  const bytes = Buffer.from(await readAll(storage, journal))
  const edits = Buffer.from(await readAll(storage, manifest!.name))
  t.match(await db.verify(), { ok: true, damage: [] })
  for (const [name, damaged, reason] of [
    [journal, Buffer.from(bytes).fill(0, from), 'zeros'],
    [journal, bytes.subarray(0, from), 'cut off'],
    [manifest!.name, Buffer.alloc(edits.length), 'zeros'],
    [manifest!.name, edits.subarray(0, 0), 'cut off'],
  ] as const) {
    const whole = name === journal ? bytes : edits
    await overwrite(storage, name, damaged)
    const { ok, damage } = await db.verify()
    const offset = name === journal ? from : 0
    t.match({ ok, damage }, { ok: false, damage: [{ file: name, offset, reason }] })
    await overwrite(storage, name, whole)
  }
  t.match(await db.verify(), { ok: true, damage: [] })
  await db.close()
})

eachPlane(t, 'zeros behind a MANIFEST are a cut, not an end', async (t, plane) => {
  const { image } = await killed(t, plane)
  const [manifest] = await image.list('manifest')
  const bytes = await readAll(image, manifest!.name)
  await overwrite(image, manifest!.name, Buffer.concat([bytes, Buffer.alloc(100)]))
  const storage = await laidDown(t, plane, image)
  const bench = await makePlane(t, plane, { storage })
  t.match(await readManifest(bench.plane, manifest!.number), { cut: bytes.length })
  const db = await openLevel(storage)
  t.same(await contentOf(db), ENTRIES)
  await db.close()
})
