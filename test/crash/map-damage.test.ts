/**
 * Damage at every byte of a small map: bits flipped, lengths cut, sectors of zeros, files gone,
 * exchanged, doubled and brought from another store.
 *
 * A damaged map refuses to open, names a file and changes nothing; or it holds exactly what it
 * held, and tells of the damage when it is opened or verified. A store that was left open may lose
 * its newest changes alone, and says so. No snapshot is listed whose state is another one. In an
 * encrypted store nothing that is not what was written is taken for whole. Both planes give the
 * same verdict. Proves P3, P7 and P8. A flip every eight bytes by default, every bit in full.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { memoryStorage } from '../../lib/io/index.js'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { bytesOfAll, everyFile } from '../support/files.js'
import { codesOf, overwrite, readAll } from '../support/level.js'
import { PLANES, onCopy, withEnvironment } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { mapSpecimens } from './map-specimen.js'
import type { MapSpecimen } from './map-specimen.js'
import { openTexts, textOf } from './map-texts.js'
import type { Texts } from './map-texts.js'

t.setTimeout(LIMIT_MS)

/** By default some bits, which move through the places in a byte, and some lengths. */
const BIT_STRIDE = isFull ? 1 : 61
const LENGTH_STRIDE = isFull ? 1 : 17
/** Of so many cases one is judged on the native plane too: each takes files of its own. */
const NATIVE_STRIDE = isFull ? 8 : 29
/** Of so many cases all snapshots are restored. */
const RESTORE_STRIDE = isFull ? 4 : 16
const SECTOR_BYTES = 512
const DAMAGE_CODES = ['CAIRN_CORRUPTION', 'CAIRN_FORMAT_VERSION']

type Verdict = 'refused' | 'right' | 'right, told' | 'right, found' | 'torn' | 'shorter'

/** Opens a damaged copy and judges all that it says; throws for anything but an honest answer. */
async function judge(specimen: MapSpecimen, damaged: Storage, deep: boolean): Promise<Verdict> {
  const before = await bytesOfAll(damaged)
  let map: Texts
  try {
    map = await openTexts(damaged, specimen.options)
  } catch (error) {
    const codes = codesOf(error)
    assert.ok(
      codes.some((code) => DAMAGE_CODES.includes(code)),
      `codes ${codes.join(' ')}: ${(error as Error).stack}`,
    )
    assert.deepEqual(await bytesOfAll(damaged), before, 'a refused open changes nothing')
    return 'refused'
  }
  try {
    return await judgeOpened(specimen, map, deep)
  } finally {
    await map.close()
  }
}

async function judgeOpened(specimen: MapSpecimen, map: Texts, deep: boolean): Promise<Verdict> {
  const { torn, damage } = map.recovered
  const found = textOf(map)
  for (const { number } of await map.snapshots())
    if (deep) await judgeSnapshot(specimen, map, number)
  if (found === specimen.states.at(-1)) {
    assert.equal(torn, undefined, 'nothing is told to be torn that is there')
    if (damage !== undefined) return 'right, told'
    return (await map.verify()).ok ? 'right' : 'right, found'
  }
  assert.ok(specimen.states.includes(found), `neither a state nor an error: ${found}`)
  assert.ok(!specimen.isClosed, 'after a clean close nothing goes missing')
  return torn === undefined ? 'shorter' : 'torn'
}

/** A snapshot is refused, or what it was. */
async function judgeSnapshot(specimen: MapSpecimen, map: Texts, number: number): Promise<void> {
  const target = memoryStorage()
  try {
    await map.restore(number, target)
  } catch (error) {
    assert.ok(codesOf(error).includes('CAIRN_CORRUPTION'), String(error))
    return
  }
  const found = await withEnvironment('CAIRN_PLANE', 'typescript', async () => {
    const restored = await openTexts(target, specimen.options)
    return Promise.resolve(textOf(restored)).finally(() => restored.close())
  })
  assert.equal(found, specimen.snapshots.get(number), `snapshot ${number}`)
}

/** The cases of one test, counted by verdict. */
class Cases {
  readonly verdicts = new Map<Verdict, number>()
  #count = 0

  constructor(readonly specimen: MapSpecimen) {}

  /** Judges one damaged copy, now and then on the native plane too. */
  async judge(damaged: MemoryStorage): Promise<Verdict> {
    const n = this.#count++
    const deep = n % RESTORE_STRIDE === 0
    const on = (plane: PlaneName): Promise<Verdict> =>
      withEnvironment('CAIRN_PLANE', plane, () =>
        onCopy(plane, damaged, (copy) => judge(this.specimen, copy, deep)),
      )
    const verdict = await on('typescript')
    if (PLANES.includes('native') && n % NATIVE_STRIDE === 0)
      assert.equal(await on('native'), verdict, 'both planes say the same')
    this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + 1)
    return verdict
  }

  get told(): string {
    return [...this.verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')
  }
}

/** A copy with one file changed, or without it. */
async function changed(
  image: MemoryStorage,
  file: string,
  bytes: Uint8Array | undefined,
): Promise<MemoryStorage> {
  const copy = image.crashClone(1)
  if (bytes !== undefined) await overwrite(copy, file, bytes)
  else {
    await copy.remove(file)
    await copy.syncDirectory()
  }
  return copy
}

/** Every file that says something, with its bytes up to the zeros that were written ahead. */
async function contents(image: MemoryStorage): Promise<[string, Uint8Array][]> {
  const files = (await everyFile(image)).filter(({ kind }) => kind !== 'log' && kind !== 'lock')
  const found = files.map(async ({ name }): Promise<[string, Uint8Array]> => {
    const bytes = await readAll(image, name)
    return [name, bytes.slice(0, bytes.findLastIndex((byte) => byte !== 0) + 1)]
  })
  return (await Promise.all(found)).filter(([, { length }]) => length > 0)
}

/** Runs a case; a failure says which. */
async function at<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Error(what, { cause: error })
  }
}

function testFile(specimen: MapSpecimen, file: string, whole: Uint8Array): void {
  const { name, image, isClosed } = specimen
  const isSealFile = file === 'CAIRN-SEAL'

  t.test(`${name}: every bit of ${file}`, async (t) => {
    const cases = new Cases(specimen)
    for (let bit = 0; bit < whole.length * 8; bit += BIT_STRIDE) {
      const offset = bit >> 3
      const mask = 1 << (bit & 7)
      const bytes = whole.slice()
      bytes[offset]! ^= mask
      await at(`byte ${offset} ^ ${mask}`, async () => {
        const verdict = await cases.judge(await changed(image, file, bytes))
        assert.notEqual(verdict, 'shorter', 'a flipped bit is always told')
        if (isSealFile) assert.equal(verdict, 'right', 'a damaged seal says nothing')
        // Left open, a segment's seal may be one that was not finished: nothing is missing.
        else if (isClosed) assert.notEqual(verdict, 'right', 'a flipped bit is always found')
      })
    }
    t.pass(`${whole.length} bytes: ${cases.told}`)
  })

  t.test(`${name}: every length of ${file}`, async (t) => {
    const cases = new Cases(specimen)
    for (let length = 0; length < whole.length; length += LENGTH_STRIDE)
      await at(`cut to ${length}`, async () => {
        const verdict = await cases.judge(await changed(image, file, whole.slice(0, length)))
        if (verdict === 'shorter') assert.match(file, /journal$/)
      })
    if (!isClosed) t.ok((cases.verdicts.get('shorter') ?? 0) <= 12, 'cuts between two records')
    t.pass(`${whole.length} lengths: ${cases.told}`)
  })
}

function testWholeFiles(specimen: MapSpecimen, all: [string, Uint8Array][]): void {
  const { name, image } = specimen
  t.test(`${name}: files that are gone, exchanged or doubled`, async (t) => {
    const cases = new Cases(specimen)
    const [foreign] = await mapSpecimens(specimen.options.key !== undefined)
    const others = new Map(await contents(foreign!.image))
    for (const [file, whole] of all) {
      await at(`without ${file}`, async () => {
        const verdict = await cases.judge(await changed(image, file, undefined))
        if (file === 'CAIRN-STORE' || file === 'KEYS') assert.equal(verdict, 'refused')
      })
      const brought = others.get(file)
      if (brought)
        await at(`${file} of another store`, async () => {
          const verdict = await cases.judge(await changed(image, file, brought))
          if (file !== 'CAIRN-SEAL') assert.match(verdict, /refused|told|right/)
        })
      for (const [other, bytes] of all)
        if (other !== file)
          await at(`${other} in the place of ${file}`, async () => {
            await cases.judge(await changed(image, file, bytes))
          })
      for (let sector = 0; sector < whole.length; sector += SECTOR_BYTES)
        await at(`${file}: sector at ${sector} zeroed`, async () => {
          const bytes = whole.slice()
          bytes.fill(0, sector, sector + SECTOR_BYTES)
          await cases.judge(await changed(image, file, bytes))
        })
    }
    t.pass(cases.told)
  })

  t.test(`${name}: an older copy under a number of its own`, async (t) => {
    const cases = new Cases(specimen)
    for (const [file, bytes] of all) {
      const found = /^(.*\/)(\d{8})(\..*)$/.exec(file)
      if (found === null) continue
      for (const number of [50, 99_999_998]) {
        const double = `${found[1]}${String(number).padStart(8, '0')}${found[3]}`
        await at(`${file} as ${double}`, async () => {
          const copy = image.crashClone(1)
          const placed = await copy.create(double)
          placed.writeSync(bytes, 0)
          await placed.sync()
          await placed.close()
          await copy.syncDirectory()
          await cases.judge(copy)
        })
      }
    }
    t.pass(cases.told)
  })
}

for (const encrypted of [false, true])
  for (const specimen of await mapSpecimens(encrypted)) {
    const all = await contents(specimen.image)
    for (const [file, whole] of all) testFile(specimen, file, whole)
    testWholeFiles(specimen, all)
  }
