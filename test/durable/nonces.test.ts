/**
 * A million records over a thousand restarts, most of them after a crash with a torn tail: no pair
 * of key and nonce comes twice, no salt names two files, and no plaintext stands in any file,
 * temporary ones included.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Secret } from '../../lib/durable/secret.js'
import { GROUP_HEAD_BYTES, decodeGroupHead } from '../../lib/format/group.js'
import { SEGMENT_HEADER_BYTES } from '../../lib/format/segment.js'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage, type MemoryStorage } from '../../lib/io/memory.js'
import { LIMIT_MS, below, pick, share } from '../support/campaign.js'
import { readAll } from '../support/level.js'
import { eachPlane, imageOf, laidDown, withEnvironment, type PlaneName } from '../support/planes.js'
import { random } from '../support/random.js'
import { framesOf, openJournal, rekeyJournal, type JournalChanges } from './encrypted.js'
import { keySecret, seededBytes } from './secrets.js'

t.setTimeout(LIMIT_MS)

const CANARY = 'canary in plain sight'
const RECORDS = 1000
const FOLDERS = [undefined, 'wal', 'snapshots', 'damaged'] as const

/** What was ever seen on the disk of a store, by whoever looked at every state of it. */
class Witness {
  /** Which bytes each nonce of each key sealed, and which header each salt has. */
  readonly pairs = new Map<string, string>()
  readonly salts = new Map<string, string>()
  readonly twice: string[] = []
  canaries: string[] = []
  files = 0

  async look(storage: Storage): Promise<void> {
    for (const folder of FOLDERS)
      for (const { name, kind } of await storage.list(undefined, folder)) {
        if (kind === 'unknown') continue
        const bytes = Buffer.from(await readAll(storage, name))
        this.files++
        if (bytes.includes(CANARY)) this.canaries.push(name)
        if (/\.(journal|snapshot)(\.new)?$/.test(name)) await this.#segment(storage, name)
      }
  }

  async #segment(storage: Storage, name: string): Promise<void> {
    const frames = await framesOf(storage, name)
    if (frames === undefined) return
    const { header, records } = frames
    const key = `${header.keyId}:${Buffer.from(header.salt).toString('hex')}`
    this.#note(this.salts, key, records[0]!, name)
    for (const record of records.slice(1))
      if (record.length > GROUP_HEAD_BYTES && record.length !== SEGMENT_HEADER_BYTES)
        this.#note(this.pairs, `${key}:${decodeGroupHead(record).index}`, record, name)
  }

  #note(seen: Map<string, string>, key: string, bytes: Uint8Array, name: string): void {
    const digest = createHash('sha256').update(bytes).digest('base64')
    if ((seen.get(key) ?? digest) !== digest) this.twice.push(`${key} in ${name}`)
    seen.set(key, digest)
  }
}

interface Round {
  readonly storage: Storage
  readonly plane: PlaneName
  readonly secret: Secret | undefined
  readonly next: () => number
  readonly witness: Witness
  /** How the power goes at the end; memory alone loses what was not synced. */
  readonly kind: number
  readonly changes?: JournalChanges
}

/** A life of a store: opened, filled, sometimes looked at, and left as a crash or a close does. */
async function live({ storage, plane, secret, next, witness, kind, changes }: Round): Promise<{
  left: MemoryStorage
  /** The end of what opening found was torn; and how far it and the appends behind it went. */
  torn: boolean
  found: number
  reached: number
}> {
  const images: MemoryStorage[] = []
  const watched = storage.kind === 'memory' ? (storage as MemoryStorage) : undefined
  if (watched)
    watched.onOperation = (_, what) => {
      if (/^rename/.test(what) || next() < 0.002) images.push(watched.crashClone(1))
    }
  const sync = pick(next, ['always', 'never', 'never'] as const)
  const opened = await openJournal(storage, {
    ...{ plane, secret, sync, infoLog: true, segmentBytes: 40_000, ...changes },
  })
  const { journal } = opened
  const torn = journal.recovered.torn !== undefined
  const found = journal.newestSequence
  const appended: Promise<void>[] = []
  for (let i = 0; i < RECORDS; i++) {
    appended.push(opened.append(`${CANARY} ${i} `.repeat(1 + below(next, 4))))
    if (next() < 0.3) await appended.at(-1)
    if (next() < 0.01) await journal.sync()
  }
  if (journal.lastSequence > 4 * RECORDS) await journal.trim(journal.lastSequence - 2 * RECORDS)
  const isClosed = next() < 0.1
  if (isClosed) await opened.close()
  else if (next() < 0.5) await Promise.all(appended)
  const image = await imageOf(storage)
  const left = watched?.crashClone(kind) ?? image
  // What is still under way belongs to a process that is no more.
  await Promise.allSettled(appended)
  if (!isClosed) await opened.close()
  if (watched) watched.onOperation = undefined
  for (const each of [...images, image]) await witness.look(each)
  return { left, torn, found, reached: journal.lastSequence }
}

eachPlane(t, 'no nonce twice, no plaintext anywhere', async (t, plane) => {
  // The native plane stands on a disk.
  const restarts = plane === 'native' ? Math.ceil(share(1000) / 20) : share(1000)
  const next = random(restarts)
  const witness = new Witness()
  const secrets = [keySecret('a'), keySecret('b')]
  let storage: Storage = memoryStorage()
  let [tornTails, lost, rekeys, before] = [0, 0, 0, 0]
  if (plane === 'native') storage = await laidDown(t, plane, await emptied())
  for (let i = 0; i < restarts; i++) {
    const kind = pick(next, [1, 0, i + 2, i + 2, i + 2])
    const round = { storage, plane, secret: secrets[0], next, witness, kind }
    const { left, torn, found, reached } = await live(round)
    if (torn) tornTails++
    if (found < before) lost++
    before = reached
    if (next() < 0.05) {
      await rekeyed(left, secrets, next() < 0.7, witness)
      rekeys++
    }
    storage = await laidDown(t, plane, left)
  }
  report(t, witness)
  // What a disk was given stays there: on the native plane nothing is torn in the middle.
  const isCrashed = plane === 'native' || tornTails + lost > restarts / 20
  t.ok(isCrashed, `${tornTails} torn tails, ${lost} times records were lost`)
  t.comment(`${restarts} restarts of ${RECORDS} records each, ${rekeys} rekeys`)
})

function report(t: Test, witness: Witness): void {
  const { pairs, salts, twice, canaries, files } = witness
  t.ok(pairs.size > salts.size, `${pairs.size} pairs of key and nonce under ${salts.size} salts`)
  t.same(twice, [], 'none sealed twice')
  t.same(canaries, [], `no plaintext in ${files} files`)
}

async function emptied(): Promise<MemoryStorage> {
  const storage = memoryStorage()
  await storage.createDirectory()
  return storage
}

/** Exchanges the secrets, with every state in between looked at. */
async function rekeyed(
  storage: MemoryStorage,
  secrets: Secret[],
  deep: boolean,
  witness: Witness,
): Promise<void> {
  const images: MemoryStorage[] = []
  storage.onOperation = (_, what) => {
    if (/^rename/.test(what)) images.push(storage.crashClone(1))
  }
  // What a crash left is in memory, whatever plane the test is on.
  await withEnvironment('CAIRN_PLANE', undefined, () =>
    rekeyJournal(storage, secrets[0]!, secrets[1]!, { deep, plane: 'typescript' }),
  )
  storage.onOperation = undefined
  secrets.reverse()
  for (const image of images) await witness.look(image)
}

t.test('the witness sees what it is there to see', async (t) => {
  const seen = async (secret: Secret | undefined, changes: JournalChanges): Promise<Witness> => {
    const witness = new Witness()
    const next = random(3)
    let storage = memoryStorage()
    for (let i = 0; i < 3; i++) {
      const round = {
        storage,
        plane: 'typescript',
        secret,
        next,
        witness,
        kind: i,
        changes,
      } as const
      storage = (await live(round)).left
    }
    return witness
  }
  const plain = await seen(undefined, {})
  assert.ok(plain.canaries.length > 0)
  t.ok(
    plain.canaries.some((name) => name.endsWith('.journal')),
    'plaintext in a plain store',
  )
  const stale = await seen(keySecret('a'), { random: (count) => seededBytes(1)(count) })
  t.ok(stale.twice.length > 0, `a salt that comes again: ${stale.twice.length} times`)
  const sound = await seen(keySecret('a'), {})
  t.same([sound.twice, sound.canaries], [[], []])
})
