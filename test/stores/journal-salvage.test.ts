/**
 * Salvage: a damaged journal opens without what is damaged, and tells every byte of it.
 */
import t from 'tap'
import { readAll } from '../support/level.js'
import { eachPlane, imageOf, laidDown } from '../support/planes.js'
import { changed, closed, failureOf, killed, openStore } from '../support/journal.js'
import { recordsOf, segmentsOf } from '../support/journal.js'

eachPlane(t, 'salvage loses one group for one flipped bit, and says so', async (t, plane) => {
  const { image, written } = await closed(t, plane, 200)
  const names = await segmentsOf(image)
  const damagedName = names[1]!
  await changed(image, damagedName, (bytes) => {
    bytes[bytes.indexOf('record') + 10]! ^= 4
  })
  const original = await readAll(image, damagedName)
  const storage = await laidDown(t, plane, image)
  t.match(await failureOf(openStore(storage)), { code: 'CAIRN_CORRUPTION' })
  const dropped: unknown[] = []
  const journal = await openStore(storage, {
    recovery: 'salvage',
    onDrop: (damage) => dropped.push(damage),
  })
  t.match(journal.recovered, { records: 199, damage: [{ file: damagedName }] })
  t.same(dropped, journal.recovered.damage)
  const found = await recordsOf(journal)
  t.equal(found.length, 199)
  t.same(
    found,
    written.filter(([sequence]) => found.some(([each]) => each === sequence)),
  )
  t.equal(await journal.append('next'), 201)
  t.same(await readAll(storage, `damaged/${damagedName}`), original, 'kept aside')
  t.match(await journal.verify(), { ok: true, damage: [] })
  await journal.close()
  const strict = await openStore(storage)
  t.same(strict.recovered, { records: 200 }, 'strict from then on')
  t.same((await recordsOf(strict)).slice(0, -1), found)
  await strict.close()
})

eachPlane(t, 'salvage opens over missing segments and broken headers', async (t, plane) => {
  const { image, written } = await closed(t, plane, 300)
  const names = await segmentsOf(image)
  await image.remove(names[1]!)
  await changed(image, names[3]!, (bytes) => bytes.fill(0, 0, 200))
  await changed(image, names[4]!, (bytes) => {
    bytes[120]! ^= 1
  })
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage, { recovery: 'salvage' })
  const found = await recordsOf(journal)
  t.ok(found.length > 150 && found.length < 300, `${found.length} records`)
  t.same(
    found,
    written.filter(([sequence]) => found.some(([each]) => each === sequence)),
  )
  t.ok(journal.recovered.damage!.length >= 3)
  t.equal(await journal.append('next'), 301)
  await journal.close()
  const strict = await openStore(storage)
  t.same((await recordsOf(strict)).slice(0, -1), found)
  await strict.close()
})

eachPlane(t, 'salvage keeps a torn file aside and drops the tail only', async (t, plane) => {
  const { image, written } = await killed(t, plane, 20, {})
  const [name] = await segmentsOf(image)
  await changed(image, name!, (bytes) => bytes.subarray(0, bytes.findLastIndex((b) => b !== 0) - 3))
  const torn = await readAll(image, name!)
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage, { recovery: 'salvage' })
  t.match(journal.recovered, { records: 19, torn: { file: name } })
  t.equal(journal.recovered.damage, undefined)
  t.same(await recordsOf(journal), written.slice(0, 19))
  t.same(await readAll(storage, `damaged/${name}`), torn)
  t.equal(await journal.append('next'), 20)
  await journal.close()
  const strict = await openStore(storage)
  t.equal((await recordsOf(strict)).length, 20)
  await strict.close()
})

eachPlane(t, 'salvage read-only reads around damage and changes nothing', async (t, plane) => {
  const { image } = await closed(t, plane, 50, {})
  const [name] = await segmentsOf(image)
  await changed(image, name!, (bytes) => {
    bytes[bytes.indexOf('record 7')]! ^= 1
  })
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage, { recovery: 'salvage', readOnly: true })
  t.match(journal.recovered, { records: 49, damage: [{ file: name, reason: 'checksum mismatch' }] })
  t.match(await journal.verify(), { ok: false, damage: [{ file: name }] })
  await journal.close()
  t.same(await readAll(storage, name!), await readAll(await imageOf(image), name!))
  t.match(await failureOf(openStore(storage)), { code: 'CAIRN_CORRUPTION' })
})
