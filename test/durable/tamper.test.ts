/**
 * Encrypted journals in the hands of others: whatever bit is flipped, wherever a file is cut, and
 * whatever somebody without the key makes of its frames, with right checksums: it is rejected or
 * told, and no record is wrong, invented, moved or brought back.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import type { CipherName } from '../../lib/format/cipher.js'
import { memoryStorage, type MemoryStorage } from '../../lib/io/memory.js'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { overwrite, readAll } from '../support/level.js'
import { PLANES, onCopy, type PlaneName } from '../support/planes.js'
import { framesOf, openJournal, writeFrames } from './encrypted.js'
import { keySecret } from './secrets.js'

t.setTimeout(LIMIT_MS)

const SECRET = keySecret('a')
const NEWEST = '00000002.journal'
const PAYLOADS = ['', 'first', 'second '.repeat(5), 'third', 'fourth', 'fifth', 'sixth']

/** Two segments, one from each of two openings; the newest sealed, or left open. */
async function specimen(
  cipher: CipherName,
  isClosed: boolean,
  payloads = PAYLOADS,
): Promise<MemoryStorage> {
  const storage = memoryStorage()
  // Small segments have few zeros ahead.
  const options = { secret: SECRET, cipher, plane: 'typescript', segmentBytes: 8192 } as const
  const first = await openJournal(storage, options)
  for (const payload of payloads.slice(0, 3)) await first.append(payload)
  await first.close()
  const second = await openJournal(storage, options)
  for (const payload of payloads.slice(3)) await second.append(payload)
  if (isClosed) await second.close()
  return storage.crashClone(1)
}

interface Found {
  readonly code?: string | undefined
  readonly told?: boolean
  readonly payloads?: string[]
}

async function openingOf(files: MemoryStorage, plane: PlaneName): Promise<Found> {
  return onCopy(plane, files, async (storage) => {
    let opened
    try {
      opened = await openJournal(storage, { secret: SECRET, plane })
    } catch (error) {
      return { code: (error as { code?: string }).code ?? inspect(error) }
    }
    const { journal } = opened
    const payloads: string[] = []
    for await (const { sequence, payload } of journal.read(1, journal.lastSequence)) {
      assert.equal(sequence, payloads.length + 1)
      payloads.push(Buffer.from(payload).toString())
    }
    await opened.close()
    return { told: journal.recovered.torn !== undefined, payloads }
  })
}

/** What may come of damage: an error that names it, or the records before it, and word of it. */
function judge({ code, told, payloads }: Found, isClosed: boolean, what: string): void {
  if (code !== undefined) return assert.equal(code, 'CAIRN_CORRUPTION', what)
  assert.deepEqual(payloads, PAYLOADS.slice(0, payloads!.length), what)
  assert.ok(told, `${what}: opened without a word`)
  assert.ok(!isClosed, `${what}: taken for a crash, though the store was closed`)
}

for (const cipher of ['aes-256-gcm', 'chacha20-poly1305'] as const)
  for (const isClosed of [true, false]) {
    const state = isClosed ? 'sealed' : 'left open'
    void t.test(`${cipher}, ${state}: every flipped bit, every cut`, async (t) => {
      const files = await specimen(cipher, isClosed)
      for (const name of ['00000001.journal', NEWEST])
        for (const plane of PLANES) await damageAll(t, files, { name, plane, isClosed })
    })
  }

async function damageAll(
  t: Test,
  files: MemoryStorage,
  { name, plane, isClosed }: { name: string; plane: PlaneName; isClosed: boolean },
): Promise<void> {
  const bytes = await readAll(files, name)
  let [count, rejected] = [0, 0]
  for (const [what, content] of damages(bytes, stepOf(plane))) {
    const copy = files.crashClone(1)
    await overwrite(copy, name, content)
    const found = await openingOf(copy, plane)
    count++
    if (what.startsWith('cut') && isCleanCut(found, isClosed, name)) continue
    judge(found, isClosed || name !== NEWEST, `${what} of ${name} on ${plane}`)
    if (found.code !== undefined) rejected++
  }
  t.pass(`${name} on ${plane}: ${bytes.length} bytes, ${count} damages, ${rejected} rejected`)
}

/** All of them in full; else some, odd steps reaching every bit of a byte somewhere. */
function stepOf(plane: PlaneName): number {
  if (isFull) return 1
  // Each copy for the native plane is a directory on the disk.
  return plane === 'native' ? 97 : 7
}

function* damages(bytes: Uint8Array, step: number): Generator<[string, Uint8Array]> {
  for (let bit = 0; bit < bytes.length * 8; bit += step) {
    const flipped = bytes.slice()
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    yield [`bit ${bit}`, flipped]
  }
  for (let size = 0; size < bytes.length; size += step)
    yield [`cut at ${size}`, bytes.subarray(0, size)]
}

/**
 * What is whole all the same: an older segment that lost its seal alone, as its successor says what
 * it held; and a store that was left open and is cut between two groups is a shorter valid one.
 */
function isCleanCut({ told, payloads }: Found, isClosed: boolean, name: string): boolean {
  if (told !== false) return false
  const least = name === NEWEST && !isClosed ? 3 : PAYLOADS.length
  assert.deepEqual(payloads, PAYLOADS.slice(0, payloads!.length))
  return payloads.length >= least
}

t.test('every bit changed under right checksums is rejected', async (t) => {
  for (const isClosed of [true, false])
    for (const name of ['00000001.journal', NEWEST]) {
      const files = await specimen('aes-256-gcm', isClosed)
      const { records } = (await framesOf(files, name))!
      const codes = new Map<string | undefined, number>()
      for (const [i, record] of records.entries())
        for (let bit = 0; bit < record.length * 8; bit += stepOf('typescript')) {
          const forged = records.map((each) => each.slice())
          forged[i]![bit >> 3]! ^= 1 << (bit & 7)
          const copy = files.crashClone(1)
          await writeFrames(copy, name, forged)
          const { code } = await openingOf(copy, 'typescript')
          codes.set(code, (codes.get(code) ?? 0) + 1)
          const isVersion = i === 0 && ((bit >= 64 && bit < 96) || (bit >= 112 && bit < 120))
          const expected = isVersion && code === 'CAIRN_FORMAT_VERSION' ? code : 'CAIRN_CORRUPTION'
          assert.equal(code, expected, `bit ${bit} of record ${i} of ${name}`)
        }
      t.equal(codes.size, 2, `${name}, ${isClosed ? 'closed' : 'left open'}: ${inspect(codes)}`)
    }
})

t.test(
  'groups that were moved, doubled, left out or brought from elsewhere are rejected',
  async (t) => {
    const files = await specimen('aes-256-gcm', false)
    const own = (await framesOf(files, NEWEST))!.records
    const older = (await framesOf(files, '00000001.journal'))!.records
    const stranger = (await framesOf(await specimen('aes-256-gcm', false), NEWEST))!.records
    const isGroup = (record: Uint8Array): boolean => record.length > 25 && record.length !== 140
    const at = own.flatMap((record, i) => (isGroup(record) ? [i] : []))
    const foreign = stranger.filter(isGroup)
    const [one, two, three] = at as [number, number, number]
    const put = (i: number, record: Uint8Array): Uint8Array[] => own.with(i, record)
    const forgeries: Record<string, readonly Uint8Array[]> = {
      'two exchanged': put(one, own[two]!).with(two, own[one]!),
      'the last two exchanged': put(two, own[three]!).with(three, own[two]!),
      'all the other way round': [...own.slice(0, 1), ...own.slice(1).reverse()],
      'one left out': own.toSpliced(two, 1),
      'the first left out': own.toSpliced(one, 1),
      'one twice': own.toSpliced(two, 0, own[two]!),
      'one again at the end': [...own, own[one]!],
      'the last one again': [...own, own.at(-1)!],
      'of the segment before': put(one, older.filter(isGroup)[0]!),
      'of the segment before, at the end': [...own, older.filter(isGroup)[0]!],
      'of another store': put(one, foreign[0]!),
      'of another store, the last one': put(three, foreign[2]!),
      'of another store, behind the last': [...own, foreign[3]!],
      'the header of another store': put(0, stranger[0]!),
      'the header of the segment before': put(0, older[0]!),
      'the whole segment of another store': stranger,
      'the segment before, under this name': older,
      'the header twice': own.toSpliced(1, 0, own[0]!),
      'a seal of the segment before': [...own, older.at(-1)!],
      'groups without records': [...own, own[one]!.slice(0, 25)],
      'a short tag': put(two, own[two]!.slice(0, -12)),
      'no tag': put(two, own[two]!.slice(0, -16)),
      'a longer group': put(two, new Uint8Array([...own[two]!, 0])),
    }
    for (const [what, forged] of Object.entries(forgeries)) {
      const copy = files.crashClone(1)
      await writeFrames(copy, NEWEST, forged)
      for (const plane of PLANES)
        t.match(await openingOf(copy, plane), { code: 'CAIRN_CORRUPTION' }, `${what}: ${plane}`)
    }
    await writeFrames(files, NEWEST, own)
    t.same((await openingOf(files, 'typescript')).payloads, PAYLOADS, 'and unchanged it opens')
  },
)

t.test('plain groups and plain segments in an encrypted store are rejected', async (t) => {
  const files = await specimen('aes-256-gcm', false)
  const plain = memoryStorage()
  const opened = await openJournal(plain, { plane: 'typescript' })
  await opened.append('forged')
  await opened.close()
  const { records: forged } = (await framesOf(plain, '00000001.journal'))!
  const { records: own } = (await framesOf(files, NEWEST))!
  const header = own[0]!.slice()
  header[13] = 0
  header.fill(0, 88, 92)
  header.fill(0, 124)
  for (const records of [forged, [header, ...forged.slice(1)], [own[0]!, ...forged.slice(1)]]) {
    const copy = files.crashClone(1)
    await writeFrames(copy, NEWEST, records)
    t.match(await openingOf(copy, 'typescript'), { code: 'CAIRN_CORRUPTION' })
  }
})

t.test(
  'the seal of a clean close can not be forged, and one of another state is seen',
  async (t) => {
    const files = await specimen('aes-256-gcm', true)
    const seal = await readAll(files, 'CAIRN-SEAL')
    const newest = await readAll(files, NEWEST)
    const { records } = (await framesOf(files, NEWEST))!
    const cut = files.crashClone(1)
    await writeFrames(cut, NEWEST, records.slice(0, -2))
    t.match(await openingOf(cut, 'typescript'), { code: 'CAIRN_CORRUPTION' }, 'cut between records')
    const other = await specimen('aes-256-gcm', true, [...PAYLOADS, 'one more'])
    const swapped = other.crashClone(1)
    await overwrite(swapped, 'CAIRN-SEAL', seal)
    t.same((await openingOf(swapped, 'typescript')).payloads?.length, PAYLOADS.length + 1)
    const older = files.crashClone(1)
    await overwrite(older, NEWEST, newest.subarray(0, -1))
    t.match(await openingOf(older, 'typescript'), { code: 'CAIRN_CORRUPTION' })
  },
)
