/**
 * Directories that are no journal's, or one of another version: told apart, nothing changed.
 */
import t from 'tap'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { maskCrc } from '../../lib/format/checksum.js'
import { putFixed32 } from '../../lib/format/coding.js'
import { FILE_STORE } from '../../lib/format/names.js'
import { CairnLevel } from '../../lib/index.js'
import { bytesOf, overwrite } from '../support/level.js'
import { eachPlane, freshStorage, laidDown } from '../support/planes.js'
import { changed, closed, failureOf, fill, openStore } from '../support/journal.js'

eachPlane(t, 'another store’s directory, and foreign files, are told apart', async (t, plane) => {
  const level = freshStorage(t, plane)
  const db = new CairnLevel(level.location, { storage: level, infoLog: false })
  await db.open()
  await db.close()
  const before = await bytesOf(level)
  const refused = await failureOf(openStore(level))
  t.match(refused, { code: 'CAIRN_FORMAT_VERSION', message: /key-value store/ })
  t.same(await bytesOf(level), before)
  const stranger = freshStorage(t, plane)
  await stranger.createDirectory()
  await overwrite(stranger, 'holiday.jpg', Buffer.from('jpg'))
  t.match(await failureOf(openStore(stranger)), {
    code: 'CAIRN_FORMAT_VERSION',
    file: 'holiday.jpg',
  })
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  await fill(journal, 3)
  await overwrite(storage, 'notes.txt', Buffer.from('mine'))
  t.match(await journal.verify(), { ok: true, records: 3, foreign: ['notes.txt'], damage: [] })
  await journal.close()
  const again = await openStore(storage)
  t.same(again.recovered, { records: 3 })
  await again.close()
  await storage.remove(FILE_STORE)
  const missing = await failureOf(openStore(storage))
  t.match(missing, { code: 'CAIRN_CORRUPTION', file: FILE_STORE })
})

eachPlane(t, 'a newer format is refused as such', async (t, plane) => {
  const { image } = await closed(t, plane, 3, {})
  const newer = (bytes: Buffer): void => {
    putFixed32(bytes, 8, 9)
    putFixed32(bytes, 40, maskCrc(crc32c(bytes.subarray(0, 40))))
  }
  await changed(image, FILE_STORE, newer)
  const refused = await failureOf(openStore(await laidDown(t, plane, image)))
  t.match(refused, { code: 'CAIRN_FORMAT_VERSION', file: FILE_STORE })
})
