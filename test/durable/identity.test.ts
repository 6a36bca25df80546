/**
 * A CAIRN-STORE that is lost or damaged: a strict opening refuses, salvage takes the identity from
 * the headers that repeat it.
 */
import t from 'tap'
import { DIRECTORY_DAMAGED, FILE_STORE } from '../../lib/format/names.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import type { JournalOptions } from '../../lib/stores/journal/index.js'
import { closed, failureOf, openStore, recordsOf, segmentsOf } from '../support/journal.js'
import { bytesOfAll } from '../support/files.js'
import { overwrite, readAll } from '../support/level.js'
import { eachPlane, laidDown } from '../support/planes.js'
import { openTexts, textOf } from '../crash/map-texts.js'
import { mapSpecimens } from '../crash/map-specimen.js'
import { KEY } from '../crash/secrets.js'

const SALVAGE = { recovery: 'salvage' } as const
const RECORDS = 120

/** The file as it must not be: gone, flipped in a bit, cut. */
const HARMS: readonly (readonly [name: string, harm: (files: MemoryStorage) => Promise<void>])[] = [
  ['missing', (files) => files.remove(FILE_STORE)],
  [
    'flipped',
    async (files) => {
      const bytes = await readAll(files, FILE_STORE)
      bytes[20]! ^= 8
      await overwrite(files, FILE_STORE, bytes)
    },
  ],
  [
    'cut short',
    async (files) =>
      overwrite(files, FILE_STORE, (await readAll(files, FILE_STORE)).subarray(0, 30)),
  ],
]

for (const options of [{}, { key: KEY }] satisfies JournalOptions[])
  for (const [name, harm] of HARMS)
    eachPlane(t, `a journal, ${Object.keys(options)[0] ?? 'plain'}: ${name}`, async (t, plane) => {
      const { image, written } = await closed(t, plane, RECORDS, options)
      const before = await readAll(image, FILE_STORE)
      await harm(image)
      const harmed = (await image.list()).some((entry) => entry.name === FILE_STORE)
        ? await readAll(image, FILE_STORE)
        : undefined
      const storage = await laidDown(t, plane, image)
      const files = await bytesOfAll(storage)
      t.match(await failureOf(openStore(storage, options)), {
        ...{ code: 'CAIRN_CORRUPTION', file: FILE_STORE },
      })
      t.same(await bytesOfAll(storage), files, 'refused, and nothing changed')

      const reader = await openStore(storage, { ...options, ...SALVAGE, readOnly: true })
      t.same(await recordsOf(reader), written)
      await reader.close()
      t.same(await bytesOfAll(storage), files, 'a reader mends nothing')

      const dropped: unknown[] = []
      const onDrop = (damage: unknown): void => void dropped.push(damage)
      const journal = await openStore(storage, { ...options, ...SALVAGE, onDrop })
      t.match(journal.recovered, { records: RECORDS, damage: [{ file: FILE_STORE }] })
      t.same(dropped, journal.recovered.damage)
      t.same(await recordsOf(journal), written)
      t.equal(await journal.append('next'), RECORDS + 1)
      await journal.close()
      const mended = await readAll(storage, FILE_STORE)
      // All but the time of the creation, which no header has.
      t.same(mended.subarray(0, 32), before.subarray(0, 32))
      if (harmed) t.same(await readAll(storage, `${DIRECTORY_DAMAGED}/${FILE_STORE}`), harmed)
      const strict = await openStore(storage, options)
      t.equal((await recordsOf(strict)).length, RECORDS + 1, 'strict from then on')
      await strict.close()
    })

for (const encrypted of [false, true]) {
  const specimens = await mapSpecimens(encrypted)
  eachPlane(t, `a map, ${encrypted ? 'encrypted' : 'plain'}`, async (t, plane) => {
    for (const specimen of specimens)
      for (const [name, harm] of HARMS) {
        const image = specimen.image.crashClone(1)
        await harm(image)
        const storage = await laidDown(t, plane, image)
        const { options, states } = specimen
        t.match(await failureOf(openTexts(storage, options)), { code: 'CAIRN_CORRUPTION' })
        const map = await openTexts(storage, { ...options, ...SALVAGE })
        const { damage } = map.recovered
        t.ok(damage?.some(({ file }) => file === FILE_STORE))
        t.equal(textOf(map), states.at(-1), `${specimen.name}: ${name}`)
        await map.close()
        const strict = await openTexts(storage, options)
        t.equal(textOf(strict), states.at(-1))
        await strict.close()
      }
  })
}

eachPlane(t, 'what another store wrote, or none, says nothing', async (t, plane) => {
  const [{ image }, { image: other }] = [await closed(t, plane, 20), await closed(t, plane, 20)]
  await image.remove(FILE_STORE)
  const mixed = image.crashClone(1)
  const [name] = await segmentsOf(other)
  await overwrite(mixed, '00000077.journal', await readAll(other, name!))
  const unreadable = image.crashClone(1)
  for (const each of await segmentsOf(unreadable))
    await overwrite(unreadable, each, new Uint8Array(100))
  for (const files of [mixed, unreadable]) {
    const storage = await laidDown(t, plane, files)
    const before = await bytesOfAll(storage)
    t.match(await failureOf(openStore(storage, SALVAGE)), { code: 'CAIRN_CORRUPTION' })
    t.same(await bytesOfAll(storage), before)
  }
  const storage = await laidDown(t, plane, image)
  const asMap = openTexts(storage, SALVAGE)
  t.match(await failureOf(asMap), { code: 'CAIRN_FORMAT_VERSION' }, 'a journal is no map')
  const wrong = openStore(storage, { ...SALVAGE, key: KEY })
  t.match(await failureOf(wrong), { code: 'CAIRN_WRONG_KEY' })
  t.notOk(
    (await storage.list()).some((entry) => entry.name === FILE_STORE),
    'nothing was made',
  )
})
