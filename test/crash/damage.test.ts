/**
 * Damage at every byte: single bits flipped and every length cut, in every file of a small store.
 *
 * A damaged store either refuses to open, says which file is damaged and changes nothing, or it
 * opens and every read is right or an error. Nothing wrong, nothing invented, and nothing missing
 * without a word: after a clean close never, after a crash only as a reported torn tail.
 * Proves P3 and P7. One flip per byte by default, all eight in full.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { bytesOf, codesOf, contentOf, fileOf, openLevel, readAll } from '../support/level.js'
import type { Level } from '../support/level.js'
import type { Entry } from '../support/model.js'
import { SPECIMEN_OPTIONS, specimens, withBytes } from './specimen.js'
import type { Specimen } from './specimen.js'
import { eachPlane, onCopy } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'

t.setTimeout(LIMIT_MS)

/** Every copy takes files of its own on the native plane, so that by default it judges a few. */
function strideOf(plane: PlaneName): number {
  return plane === 'native' && !isFull ? 7 : 1
}

const DAMAGE_CODES = ['CAIRN_CORRUPTION', 'CAIRN_FORMAT_VERSION']

interface Verdict {
  readonly kind: 'refused' | 'right' | 'read errors' | 'torn'
}

/** Opens a damaged copy and judges all that it says; throws for anything but an honest answer. */
async function judge(
  specimen: Specimen,
  damaged: Storage,
  file: string,
  cut?: number,
): Promise<Verdict> {
  const before = await bytesOf(damaged)
  let db: Level
  try {
    db = await openLevel(damaged, SPECIMEN_OPTIONS)
  } catch (error) {
    const codes = codesOf(error)
    assert.ok(
      codes.some((code) => DAMAGE_CODES.includes(code)),
      `codes ${codes.join(' ')}: ${String(error)}`,
    )
    assert.ok(fileOf(error) !== undefined, 'the error names a file')
    assert.deepEqual(await bytesOf(damaged), before, 'a refused open changes nothing')
    return { kind: 'refused' }
  }
  try {
    return await judgeReads(specimen, db, file, cut)
  } finally {
    await db.close()
  }
}

async function judgeReads(
  specimen: Specimen,
  db: Level,
  file: string,
  cut?: number,
): Promise<Verdict> {
  const { torn, damage } = db.recovered
  assert.equal(damage, undefined, 'only salvage tells of damage and goes on')
  const found = await readEverything(db)
  if (found === undefined) return { kind: 'read errors' }
  if (JSON.stringify(found) === JSON.stringify(specimen.content)) return { kind: 'right' }
  assert.equal(specimen.name, 'left open', 'after a clean close nothing goes missing')
  assert.match(file, /\.log$/, 'only the tail of a journal can be torn')
  assert.ok(specimen.states.includes(JSON.stringify(found)), 'a prefix of what was written')
  if (torn === undefined) {
    const shorter = cut !== undefined && (await endsBetweenRecords(specimen, file, cut))
    assert.ok(shorter, 'a missing record is reported, unless the journal was cut between two')
  }
  return { kind: 'torn' }
}

/** All entries, each read in every way; undefined when a read failed as it should. */
async function readEverything(db: Level): Promise<Entry[] | undefined> {
  let failed = false
  const honest = (error: unknown): undefined => {
    assert.ok(codesOf(error).includes('CAIRN_CORRUPTION'), `read failed with ${String(error)}`)
    failed = true
  }
  const forward = await contentOf(db).catch(honest)
  const backward = await db.iterator({ reverse: true }).all().catch(honest)
  for (let i = -1; i < 13; i++) {
    const key = i < 0 ? 'a' : `key-${i}`
    const value = await db.get(key).catch(honest)
    const inside = forward?.find((entry) => entry[0] === key)
    if (forward && !failed) assert.equal(value, inside?.[1], `get ${key}`)
    if (value !== undefined) assert.match(value, /^(1|(old|new) value \d+.*)$/, 'nothing invented')
  }
  if (forward && backward) assert.deepEqual(backward.reverse(), forward, 'both ways the same')
  const report = await db.verify()
  if (failed) assert.equal(report.ok, false, 'verify finds what a read found')
  return failed ? undefined : forward
}

/** Whether `cut` is a boundary between records of a journal of whole records in one block. */
async function endsBetweenRecords(
  { storage }: Specimen,
  file: string,
  cut: number,
): Promise<boolean> {
  const bytes = Buffer.from(await readAll(storage, file))
  let offset = 0
  while (offset < cut) offset += 7 + bytes.readUInt16LE(offset + 4)
  return offset === cut
}

/** The one file of each kind that holds bytes; a journal made ahead of need is empty. */
async function victims({ storage, name }: Specimen): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const kind of ['journal', 'table', 'manifest', 'current', 'seal'] as const) {
    for (const file of await storage.list(kind)) {
      if ((await readAll(storage, file.name)).length === 0) continue
      assert.equal(found[kind], undefined, `one ${kind} in the specimen ${name}`)
      found[kind] = file.name
    }
  }
  return found
}

const all = await Promise.all(
  (await specimens()).map(async (specimen) => ({ specimen, named: await victims(specimen) })),
)
t.same(
  all.map(({ named }) => Object.keys(named).join(' ')),
  ['journal table manifest current seal', 'journal table manifest current'],
  'every kind of file is there to be damaged',
)

for (const { specimen, named } of all) {
  for (const [what, file] of Object.entries(named)) {
    const told = (verdicts: Map<string, number>): string =>
      [...verdicts].map(([kind, count]) => `${count} ${kind}`).join(', ')

    eachPlane(t, `${specimen.name}: every bit of the ${what}`, async (t, plane) => {
      const verdicts = new Map<string, number>()
      const whole = await readAll(specimen.storage, file)
      for (let bit = 0; bit < whole.length * 8; bit += isFull ? 1 : 8 * strideOf(plane)) {
        const offset = bit >> 3
        const mask = 1 << (isFull ? bit & 7 : offset % 8)
        const bytes = whole.slice()
        bytes[offset]! ^= mask
        try {
          const damaged = await withBytes(specimen.storage, file, bytes)
          const { kind } = await onCopy(plane, damaged, (copy) => judge(specimen, copy, file))
          verdicts.set(kind, (verdicts.get(kind) ?? 0) + 1)
        } catch (error) {
          t.fail(`${file}: byte ${offset} ^ ${mask}: ${String(error)}`)
        }
      }
      t.pass(`${whole.length} bytes: ${told(verdicts)}`)
    })

    eachPlane(t, `${specimen.name}: every length of the ${what}`, async (t, plane) => {
      const verdicts = new Map<string, number>()
      const whole = await readAll(specimen.storage, file)
      for (let length = 0; length < whole.length; length += strideOf(plane)) {
        try {
          const damaged = await withBytes(specimen.storage, file, whole.slice(0, length))
          const judged = (copy: Storage) => judge(specimen, copy, file, length)
          const { kind } = await onCopy(plane, damaged, judged)
          verdicts.set(kind, (verdicts.get(kind) ?? 0) + 1)
        } catch (error) {
          t.fail(`${file}: cut to ${length} of ${whole.length} bytes: ${String(error)}`)
        }
      }
      t.pass(`${whole.length} lengths: ${told(verdicts)}`)
    })
  }
}
