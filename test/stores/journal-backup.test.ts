/**
 * Backups of a journal, what verification finds, and what is encrypted.
 */
import t from 'tap'
import { createHash } from 'node:crypto'
import { FILE_KEYS } from '../../lib/format/names.js'
import { decodeSegmentHeader } from '../../lib/format/segment.js'
import { Journal } from '../../lib/stores/journal/index.js'
import { overwrite, readAll } from '../support/level.js'
import { eachPlane, freshStorage, imageOf, laidDown } from '../support/planes.js'
import { SMALL, changed, failureOf, fill, openStore } from '../support/journal.js'
import { recordsOf, segmentsOf } from '../support/journal.js'

const KEY = Buffer.alloc(32, 'key')

eachPlane(t, 'a backup is the store as of the call, while others append', async (t, plane) => {
  for (const options of [SMALL, { ...SMALL, key: KEY }]) {
    const storage = freshStorage(t, plane)
    const journal = await openStore(storage, options)
    const written = await fill(journal, 120)
    const target = freshStorage(t, plane)
    const backup = journal.backup(target)
    const later = await fill(journal, 60, 'later')
    const report = await backup
    t.equal(report.linked + report.copied, report.files)
    t.equal(report.reused, 0)
    t.match(await failureOf(journal.backup(target)), { code: 'CAIRN_EXISTS' })
    const second = freshStorage(t, plane)
    const next = await journal.backup(second, { since: target })
    t.ok(next.reused === report.files && next.files > report.files, 'only what is new')
    await journal.trim(1000)
    await journal.close()
    const copy = await openStore(target, options)
    t.same(copy.recovered, { records: 120 })
    t.same(await recordsOf(copy), written)
    t.equal(await copy.append('a life of its own'), 121)
    await copy.close()
    const newer = await openStore(second, options)
    t.same(await recordsOf(newer), [...written, ...later])
    await newer.close()
  }
})

eachPlane(t, 'verify finds what changed under an open journal', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage, SMALL)
  await fill(journal, 100)
  const before = await journal.verify()
  t.match(before, { ok: true, files: journal.segments().length, records: 100, damage: [] })
  t.ok(before.bytes > 5000)
  const [first, second] = await segmentsOf(storage)
  const bytes = Buffer.from(await readAll(storage, first!))
  await changed(storage, first!, (whole) => {
    whole[500]! ^= 1
  })
  t.match(await journal.verify(), { ok: false, damage: [{ file: first }] })
  await overwrite(storage, first!, bytes.subarray(0, bytes.length - 60))
  t.match(await journal.verify(), { ok: false, damage: [{ file: first }] })
  await overwrite(storage, first!, bytes)
  await storage.remove(second!)
  t.match(await journal.verify(), { ok: false, damage: [{ file: second, offset: 0 }] })
  await journal.close()
})

eachPlane(t, 'no key and nonce come twice, a torn tail included', async (t, plane) => {
  const salts = new Set<string>()
  const storage = freshStorage(t, plane)
  await (await openStore(storage, { key: KEY })).close()
  let image = await imageOf(storage)
  for (let round = 0; round < 20; round++) {
    const place = await laidDown(t, plane, image)
    const journal = await openStore(place, { key: KEY })
    await journal.append(`secret ${round}`)
    image = await imageOf(place)
    await journal.close()
    const newest = (await segmentsOf(image)).filter(
      (name) => journal.segments().at(-1)!.file === name,
    )
    const bytes = Buffer.from(await readAll(image, newest[0]!))
    const { salt } = decodeSegmentHeader(bytes.subarray(7, 147))
    const told = createHash('sha256').update(salt).digest('hex')
    t.notOk(salts.has(told), 'every opening that appends begins with a salt of its own')
    salts.add(told)
    if (round % 2 === 0)
      await overwrite(image, newest[0]!, bytes.subarray(0, bytes.findLastIndex((b) => b !== 0) - 1))
  }
})

eachPlane(t, 'a wrong key is told as such, and no byte is changed', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage, { key: KEY })
  const written = await fill(journal, 5)
  t.match(journal.stats(), { cipher: /^(aes-256-gcm|chacha20-poly1305)$/ })
  await journal.close()
  const image = await imageOf(storage)
  for (const name of [...(await segmentsOf(image)), FILE_KEYS])
    t.notOk(Buffer.from(await readAll(image, name)).includes('record'), 'no plaintext')
  const messages = new Set<string>()
  for (const wrong of [{ key: Buffer.alloc(32, 'other') }, {}, { passphrase: 'not the key' }]) {
    const refused = await failureOf(openStore(storage, wrong))
    t.match(refused, { code: 'CAIRN_WRONG_KEY' })
    messages.add(refused.message)
  }
  const plain = freshStorage(t, plane)
  await (await openStore(plain)).close()
  const refused = await failureOf(openStore(plain, { key: KEY }))
  t.match(refused, { code: 'CAIRN_WRONG_KEY' })
  t.equal(messages.add(refused.message).size, 4, 'each with its own words')
  for (const name of [...(await segmentsOf(image)), FILE_KEYS])
    t.same(await readAll(storage, name), await readAll(image, name))
  const next = Buffer.alloc(32, 'next')
  for (const deep of [false, true]) {
    const [from, to] = deep ? [next, KEY] : [KEY, next]
    await Journal.rekey(storage.location, from, to, { storage, deep, infoLog: false })
    t.match(await failureOf(openStore(storage, { key: from })), { code: 'CAIRN_WRONG_KEY' })
    const again = await openStore(storage, { key: to })
    t.same(await recordsOf(again), written)
    await again.close()
  }
})
