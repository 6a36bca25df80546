/**
 * Every bit flip and every truncation of a small journal, plain and encrypted, open and closed.
 *
 * No wrong and no invented record, none missing in silence: opening refuses, or tells a torn tail
 * and gives the records before it. What a clean close left, and all that is encrypted in it,
 * rejects every one of them.
 */
import t from 'tap'
import { FILE_SEAL, FILE_STORE, segmentName } from '../../lib/format/names.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import type { JournalOptions } from '../../lib/stores/journal/index.js'
import { isFull } from '../support/campaign.js'
import { overwrite, readAll } from '../support/level.js'
import { eachPlane, freshStorage, imageOf, laidDown, onCopy } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { openStore, recordsOf, type Found } from '../support/journal.js'

interface Specimen {
  readonly image: MemoryStorage
  readonly written: readonly Found[]
  readonly options: JournalOptions
}

const TEXTS = ['one', 'two', 'three is longer', '', 'five', 'six']

async function specimen(
  t: Parameters<typeof freshStorage>[0],
  plane: PlaneName,
  encrypted: boolean,
  closed: boolean,
): Promise<Specimen> {
  const options: JournalOptions = encrypted ? { key: Buffer.alloc(32, 'key') } : {}
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage, { ...options, segmentRecords: 100 })
  const written: Found[] = []
  for (const text of TEXTS.slice(0, 4)) written.push([await journal.append(text), text])
  const first = await journal.appendAll(TEXTS.slice(4))
  for (const [i, text] of TEXTS.slice(4).entries()) written.push([first + i, text])
  const open = await imageOf(storage)
  await journal.close()
  const image = closed ? await imageOf(storage) : open
  return { image, written, options }
}

/** What opening makes of the damaged image: a code, or what is wrong with it. */
async function verdictOf(image: MemoryStorage, { written, options }: Specimen): Promise<string> {
  let journal
  try {
    journal = await openStore(image, { ...options, readOnly: true })
  } catch (error) {
    const { code = 'no code' } = error as { code?: string }
    return code
  }
  const found = await recordsOf(journal).catch(() => undefined)
  const { torn } = journal.recovered
  await journal.close()
  if (found === undefined) return 'WRONG: opened, and can not be read'
  if (JSON.stringify(found) !== JSON.stringify(written.slice(0, found.length)))
    return `WRONG: ${JSON.stringify(found)}`
  if (torn) return 'torn'
  return found.length === written.length ? 'whole' : `WRONG: ${found.length} in silence`
}

/** How often each verdict was given for a file with each of its bytes changed. */
async function flipAll(specimen: Specimen, file: string, plane: PlaneName) {
  const bytes = await readAll(specimen.image, file)
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  const verdicts = new Map<string, number>()
  // Every bit when all was asked for; else some, which move through the places in a byte.
  const step = isFull ? 1 : plane === 'typescript' ? 11 : 67
  for (let bit = 0; bit < end * 8; bit += step) {
    const copy = bytes.slice()
    copy[bit >>> 3]! ^= 1 << (bit & 7)
    const verdict = await onImage(specimen, file, copy, plane)
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    if (verdict.startsWith('WRONG')) throw new Error(`bit ${bit} of ${file}: ${verdict}`)
  }
  return Object.fromEntries(verdicts)
}

async function onImage(
  specimen: Specimen,
  file: string,
  bytes: Uint8Array,
  plane: PlaneName,
): Promise<string> {
  const image = specimen.image.crashClone(1)
  await overwrite(image, file, bytes)
  return onCopy(plane, image, (storage) => verdictOf(storage as MemoryStorage, specimen))
}

for (const encrypted of [false, true]) {
  const kind = encrypted ? 'encrypted' : 'plain'
  eachPlane(
    t,
    `every flip in a closed ${kind} segment is refused`,
    async (t, plane) => {
      const made = await specimen(t, plane, encrypted, true)
      const verdicts = await flipAll(made, segmentName(1), plane)
      t.same(Object.keys(verdicts), ['CAIRN_CORRUPTION'], JSON.stringify(verdicts))
    },
    { timeout: 600_000 },
  )

  eachPlane(
    t,
    `no flip in an open ${kind} segment gives a wrong record`,
    async (t, plane) => {
      const made = await specimen(t, plane, encrypted, false)
      const verdicts = await flipAll(made, segmentName(1), plane)
      t.same(Object.keys(verdicts).sort(), ['CAIRN_CORRUPTION', 'torn'], JSON.stringify(verdicts))
      t.ok(verdicts['CAIRN_CORRUPTION']! > 3 * verdicts['torn']!, 'only the last group can be torn')
    },
    { timeout: 600_000 },
  )

  eachPlane(t, `no truncation of a ${kind} segment gives a wrong record`, async (t, plane) => {
    for (const closed of [true, false]) {
      const made = await specimen(t, plane, encrypted, closed)
      const bytes = await readAll(made.image, segmentName(1))
      const end = bytes.findLastIndex((byte) => byte !== 0) + 1
      let silent = 0
      for (let size = 0; size < end; size += isFull || plane === 'typescript' ? 1 : 13) {
        const verdict = await onImage(made, segmentName(1), bytes.subarray(0, size), plane)
        if (closed) t.equal(verdict, 'CAIRN_CORRUPTION', `${size} bytes`)
        else if (verdict.endsWith('silence')) silent++
        else t.ok(['torn', 'CAIRN_CORRUPTION'].includes(verdict), `${size} bytes: ${verdict}`)
      }
      // Cut exactly between two records of a store left open: nobody can tell.
      if (!closed) t.ok(silent <= 14, `${silent} cuts between records`)
    }
  })

  eachPlane(t, `a closed ${kind} segment that is zeros is damage`, async (t, plane) => {
    const made = await specimen(t, plane, encrypted, true)
    const { length } = await readAll(made.image, segmentName(1))
    const zeros = new Uint8Array(length)
    t.equal(await onImage(made, segmentName(1), zeros, plane), 'CAIRN_CORRUPTION')
    await overwrite(made.image, segmentName(1), zeros)
    const salvage = { ...made.options, recovery: 'salvage' as const }
    const journal = await openStore(await laidDown(t, plane, made.image), salvage)
    t.match(journal.recovered.damage, [{ file: segmentName(1), offset: 0, bytes: length }])
    t.ok((await journal.append('new')) > made.written.at(-1)![0], 'no sequence comes twice')
    await journal.close()
  })

  eachPlane(
    t,
    `flips in what says what a ${kind} store is, and how it ended`,
    async (t, plane) => {
      const made = await specimen(t, plane, encrypted, true)
      const store = await flipAll(made, FILE_STORE, plane)
      t.same(Object.keys(store), ['CAIRN_CORRUPTION'], JSON.stringify(store))
      const seal = await flipAll(made, FILE_SEAL, plane)
      t.same(Object.keys(seal), ['whole'], 'a damaged seal says nothing')
    },
    { timeout: 600_000 },
  )
}

eachPlane(t, 'files of another store, or another time, are refused', async (t, plane) => {
  const [one, other] = [
    await specimen(t, plane, false, true),
    await specimen(t, plane, false, true),
  ]
  const foreign = await readAll(other.image, segmentName(1))
  t.equal(await onImage(one, segmentName(1), foreign, plane), 'CAIRN_CORRUPTION')
  const image = one.image.crashClone(1)
  await overwrite(image, segmentName(2), await readAll(image, segmentName(1)))
  const place = await laidDown(t, plane, image)
  t.equal(await verdictOf(place as MemoryStorage, one), 'CAIRN_CORRUPTION', 'under another number')
})
