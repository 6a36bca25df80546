/**
 * Rekey: at any moment exactly one of the two secrets opens the store, with everything in it; what
 * was cut short is gone on with; afterwards the old secret, and in a deep rekey the old store key,
 * are worth nothing.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import type { StoreError } from '../../lib/errors.js'
import type { Secret } from '../../lib/durable/secret.js'
import { secretOf } from '../../lib/durable/secret.js'
import { SegmentFileReader } from '../../lib/durable/segments/reader.js'
import { SegmentFileWriter } from '../../lib/durable/segments/writer.js'
import { STORE_KIND_MAP } from '../../lib/format/store.js'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage, type MemoryStorage } from '../../lib/io/memory.js'
import { LIMIT_MS, campaign, pick, below } from '../support/campaign.js'
import { faultyStorage } from '../support/faulty.js'
import { bytesOf, overwrite, readAll } from '../support/level.js'
import { eachPlane, freshStorage } from '../support/planes.js'
import { random } from '../support/random.js'
import { framesOf, openJournal, recordsOf, rekeyJournal, type JournalChanges } from './encrypted.js'
import { keySecret } from './secrets.js'

t.setTimeout(LIMIT_MS)

const [A, B, C] = [keySecret('a'), keySecret('b'), keySecret('c')]
const SMALL = { segmentBytes: 900, plane: 'typescript' } as const
const WRONG = { code: 'CAIRN_WRONG_KEY' }

/** Records of several sizes, in several segments; a clean close unless it is left open. */
async function filled(
  storage: Storage,
  changes: JournalChanges,
  records = 14,
): Promise<{ records: Record<number, string>; leave: () => Promise<void> }> {
  const opened = await openJournal(storage, { ...SMALL, ...changes })
  const found: Record<number, string> = {}
  for (let i = 0; i < records; i++) {
    const payload = `record ${i} `.repeat(1 + (i % 7))
    const before = opened.journal.lastSequence
    await opened.append(payload)
    found[before + 1] = payload
  }
  return { records: found, leave: () => opened.close() }
}

async function closed(secret: Secret): Promise<{
  storage: MemoryStorage
  records: Record<number, string>
}> {
  const storage = memoryStorage()
  const { records, leave } = await filled(storage, { secret })
  await leave()
  return { storage, records }
}

/** Which of the secrets open it, and that they find these records. */
async function openedBy(
  storage: MemoryStorage,
  secrets: Record<string, Secret>,
  records: Record<number, string>,
): Promise<string> {
  const opening: string[] = []
  for (const [name, secret] of Object.entries(secrets)) {
    const found = await recordsOf(storage.crashClone(1), { ...SMALL, secret })
    if ('code' in found) assert.deepEqual(found, WRONG)
    else {
      assert.deepEqual(found, records)
      opening.push(name)
    }
  }
  return opening.join()
}

/** The ids of the keys that the files of a store are under, and how many keys KEYS has. */
async function keysOf(storage: Storage): Promise<{ files: number[]; keys: number }> {
  const ids = new Set<number>()
  for (const { name } of await storage.list('segment')) {
    const frames = await framesOf(storage, name)
    if (frames) ids.add(frames.header.keyId)
  }
  return { files: [...ids].sort(), keys: (await readAll(storage, 'KEYS'))[14]! }
}

/** Every state that a power cut during `work` can leave, for some of the choices it has. */
async function cuts(
  base: MemoryStorage,
  work: (storage: Storage) => Promise<void>,
): Promise<{ what: string; left: MemoryStorage }[]> {
  const live = base.crashClone(1)
  const found: { what: string; left: MemoryStorage }[] = []
  live.onOperation = (n, what) => {
    for (const seed of [0, 1, n + 1])
      found.push({ what: `${n} ${what}, seed ${seed}`, left: live.crashClone(seed) })
  }
  await work(live)
  live.onOperation = undefined
  found.push({ what: 'done', left: live.crashClone(1) })
  found.push({ what: 'done, power cut', left: live.crashClone(0) })
  return found
}

for (const deep of [false, true]) {
  const kind = deep ? 'deep' : 'shallow'
  eachPlane(t, `${kind}: the new secret opens it, the old one does not`, async (t, plane) => {
    const storage = freshStorage(t, plane)
    const { records, leave } = await filled(storage, { secret: A, plane })
    const large = 'x'.repeat(700_000)
    const opened = await openJournal(storage, { secret: A, plane }).catch(() => undefined)
    assert.equal(opened, undefined, 'it is locked')
    await leave()
    const again = await openJournal(storage, { ...SMALL, secret: A, plane })
    await again.append(large)
    records[again.journal.lastSequence] = large
    await again.close()
    const before = await bytesOf(storage)
    await rekeyJournal(storage, A, B, { deep, plane })
    const after = await bytesOf(storage)
    t.same(await recordsOf(storage, { secret: A, plane }), WRONG)
    t.same(await recordsOf(storage, { secret: B, plane }), records)
    t.same(await keysOf(storage), { files: [deep ? 2 : 1], keys: 1 })
    const names = Object.keys(before)
    t.same(Object.keys(after).sort(), names.sort(), 'the same files')
    for (const name of names) t.equal(after[name]!.length, before[name]!.length, `${name}: size`)
    const changed = names.filter((name) => after[name] !== before[name])
    const expected = names.filter((name) => (deep ? name !== 'CAIRN-STORE' : name === 'KEYS'))
    t.same(changed.sort(), expected.sort(), 'what has changed')
    const more = await openJournal(storage, { ...SMALL, secret: B, plane })
    await more.append('more')
    records[more.journal.lastSequence] = 'more'
    await more.close()
    t.same(await recordsOf(storage, { secret: B, plane }), records)
  })

  void t.test(`${kind}: cut off at every step`, async (t) => {
    const { storage, records } = await closed(A)
    const rekeyed = (on: Storage): Promise<void> =>
      rekeyJournal(on, A, B, { deep, plane: 'typescript' })
    const counts: Record<string, number> = { A: 0, B: 0 }
    for (const { what, left } of await cuts(storage, rekeyed)) {
      const by = await openedBy(left, { A, B }, records)
      assert.ok(by === 'A' || by === 'B', `${what}: opened by '${by}'`)
      if (what.startsWith('done')) assert.equal(by, 'B', what)
      counts[by]!++
      await rekeyed(left)
      assert.equal(await openedBy(left, { A, B }, records), 'B', `${what}, and again`)
      const { files, keys } = await keysOf(left)
      assert.deepEqual([files.length, keys], [1, 1], `${what}, and again: one key`)
      assert.equal((await left.list('temporary')).length, 0, `${what}, and again`)
    }
    t.ok(counts['A']! > 0 && counts['B']! > 0, `opened by ${inspect(counts)}`)
  })

  void t.test(`${kind}: a failure of the disk at every step`, async (t) => {
    const { storage, records } = await closed(A)
    const operations = storage.crashClone(1)
    await rekeyJournal(operations, A, B, { deep, plane: 'typescript' })
    let failures = 0
    for (let nth = 1; ; nth++) {
      const base = storage.crashClone(1)
      const mutations = ['create', 'remove', 'rename', 'write', 'sync', 'syncDirectory'] as const
      const faulty = faultyStorage(base, { operation: mutations, nth, short: true })
      try {
        await rekeyJournal(faulty, A, B, { deep, plane: 'typescript' })
      } catch (error) {
        assert.equal((error as StoreError).code, 'CAIRN_IO', inspect(error))
        failures++
      }
      if (faulty.failures === 0) break
      for (const left of [base.crashClone(0), base.crashClone(1)]) {
        assert.ok(['A', 'B'].includes(await openedBy(left, { A, B }, records)), `operation ${nth}`)
        await rekeyJournal(left, A, B, { deep, plane: 'typescript' })
        assert.equal(await openedBy(left, { A, B }, records), 'B', `operation ${nth}`)
      }
    }
    t.ok(failures > 3, `${failures} failures`)
  })
}

t.test(
  'the snapshots of a map are rewritten, and damaged ones stop it before it begins',
  async (t) => {
    const storage = memoryStorage()
    const kind = STORE_KIND_MAP
    const name = 'snapshots/00000003.snapshot'
    const opened = await openJournal(storage, { ...SMALL, kind, secret: A })
    for (const payload of ['one', 'two', 'three']) await opened.append(payload)
    await storage.makeDirectory('snapshots')
    const writer = await SegmentFileWriter.create(opened.home, name, {
      ...{ isSnapshot: true, flags: 0, number: 3, previousNumber: 0, firstSequence: 1 },
      ...{ previousSequence: 0, lastSequence: 3, reservedSequence: 0, createdAt: 1 },
    })
    for (const sequence of [3, 1]) {
      const payload = Buffer.from(`entry ${sequence} `.repeat(50_000))
      await writer.add(sequence, 7, payload, 0, payload.length)
    }
    await writer.finish()
    await writer.publish()
    await opened.close()
    const entries = async (secret: Secret): Promise<unknown[]> => {
      const again = await openJournal(storage, { ...SMALL, kind, secret })
      const reader = await SegmentFileReader.open(again.home, name)
      const found: unknown[] = []
      for (let group = await reader.group(); group; group = await reader.group())
        while (group.next())
          found.push([group.sequence, group.time, Buffer.from(group.body).toString('hex')])
      t.same([reader.bad, reader.seal?.records], [undefined, 2])
      await reader.close()
      await again.close()
      return found
    }
    const before = await entries(A)
    const damaged = storage.crashClone(1)
    const bytes = await readAll(damaged, name)
    bytes[400_000]! ^= 1
    await overwrite(damaged, name, bytes)
    const rekeyed = (on: Storage): Promise<void> =>
      rekeyJournal(on, A, B, { kind, deep: true, plane: 'typescript' })
    await t.rejects(rekeyed(damaged), { code: 'CAIRN_CORRUPTION', file: name })
    t.same((await readAll(damaged, 'KEYS'))[14], 1, 'and nothing was changed')
    await rekeyed(storage)
    t.same(await entries(B), before)
    for (const file of [name, 'wal/00000001.journal'])
      t.equal((await framesOf(storage, file))?.header.keyId, 2, file)
  },
)

/** Segments that a crash left: not closed, zeros and torn groups behind the records. */
async function crashed(seed: number, secret: Secret): Promise<MemoryStorage> {
  const storage = memoryStorage()
  const next = random(seed)
  const opened = await openJournal(storage, {
    ...SMALL,
    secret,
    sync: pick(next, ['always', 'never']),
  })
  for (let i = below(next, 30); i >= 0; i--) {
    const appended = opened.append(`record ${i} `.repeat(1 + below(next, 9)))
    if (next() < 0.7) await appended
    else appended.catch(() => {})
    if (next() < 0.1) await opened.journal.sync()
  }
  return storage.crashClone(pick(next, [1, 1, seed + 5]))
}

t.test('deep, of what a crash left: as opening finds it, at every step', (t) =>
  campaign(t, 300, async (seed) => {
    const storage = await crashed(seed, A)
    const records = await recordsOf(storage.crashClone(1), { ...SMALL, secret: A })
    assert.ok(!('code' in records), inspect(records))
    const next = random(seed + 1)
    const rekeyed = (on: Storage): Promise<void> =>
      rekeyJournal(on, A, B, { deep: true, plane: 'typescript' })
    const states = await cuts(storage, rekeyed)
    for (let i = 0; i < 3; i++) {
      const { what, left } = pick(next, states)
      const by = await openedBy(left, { A, B }, records)
      assert.ok(by === 'A' || by === 'B', `${what}: opened by '${by}'`)
      // Cut off again while it is gone on with.
      const second = pick(next, await cuts(left, rekeyed))
      await rekeyed(second.left)
      const end = await openedBy(second.left, { A, B }, records)
      assert.equal(end, 'B', `${what}, then ${second.what}`)
      assert.equal((await keysOf(second.left)).keys, 1)
    }
    return `${states.length} cuts, ${Object.keys(records).length} records`
  }),
)

t.test('a rekey on top of one that was cut short', async (t) => {
  const { storage, records } = await closed(A)
  const states = await cuts(storage, (on) =>
    rekeyJournal(on, A, B, { deep: true, plane: 'typescript' }),
  )
  let unfinished = 0
  for (const { what, left } of states) {
    if ((await readAll(left, 'KEYS'))[14] !== 2) continue
    if (unfinished++ % 3 !== 0) continue
    for (const deep of [false, true]) {
      const on = left.crashClone(1)
      await rekeyJournal(on, B, C, { deep, plane: 'typescript' })
      assert.equal(await openedBy(on, { A, B, C }, records), 'C', what)
      if (deep) assert.deepEqual(await keysOf(on), { files: [3], keys: 1 }, what)
      else assert.equal((await keysOf(on)).keys, 2, `${what}: both keys are kept`)
    }
    // A store in this state is opened and written to like any other.
    const on = left.crashClone(1)
    const opened = await openJournal(on, { ...SMALL, secret: B })
    await opened.append('between')
    const sequence = opened.journal.lastSequence
    await opened.close()
    await rekeyJournal(on, A, B, { deep: true, plane: 'typescript' })
    assert.deepEqual(await keysOf(on), { files: [2], keys: 1 })
    assert.equal(await openedBy(on, { B }, { ...records, [sequence]: 'between' }), 'B')
  }
  t.ok(unfinished > 20, `${unfinished} states between`)
})

t.test('the old KEYS and the old secret open nothing after a deep rekey', async (t) => {
  const { storage, records } = await closed(A)
  const old = await readAll(storage, 'KEYS')
  const shallow = storage.crashClone(1)
  await rekeyJournal(shallow, A, B, { deep: false, plane: 'typescript' })
  await overwrite(shallow, 'KEYS', old)
  t.same(await recordsOf(shallow, { ...SMALL, secret: A }), records, 'after a shallow one they do')
  await rekeyJournal(storage, A, B, { deep: true, plane: 'typescript' })
  await overwrite(storage, 'KEYS', old)
  t.match(await recordsOf(storage, { ...SMALL, secret: A }), { code: 'CAIRN_CORRUPTION' })
})

t.test('what can not be rekeyed is left byte for byte', async (t) => {
  const { storage } = await closed(A)
  const refused = async (
    on: Storage,
    [from, to]: readonly [Secret, Secret],
    deep: boolean,
    code: string,
  ): Promise<void> => {
    const before = await bytesOf(on)
    await t.rejects(rekeyJournal(on, from, to, { deep }), { code })
    t.same(await bytesOf(on), before, `${code}: nothing was changed`)
  }
  const plain = memoryStorage()
  await (await filled(plain, {})).leave()
  const segment = (await storage.list('segment')).map(({ name }) => name).sort()[1]!
  const damaged = storage.crashClone(1)
  const bytes = await readAll(damaged, segment)
  bytes[200]! ^= 1
  await overwrite(damaged, segment, bytes)
  for (const deep of [false, true]) {
    await refused(storage, [B, C], deep, 'CAIRN_WRONG_KEY')
    await refused(storage, [secretOf('passphrase'), C], deep, 'CAIRN_WRONG_KEY')
    await refused(plain, [A, B], deep, 'CAIRN_WRONG_KEY')
    const held = await openJournal(storage, { ...SMALL, secret: A })
    await refused(storage, [A, B], deep, 'CAIRN_LOCKED')
    await held.close()
    await t.rejects(rekeyJournal(memoryStorage(), A, B, { deep }), { code: 'CAIRN_MISSING' })
  }
  await refused(damaged, [A, B], true, 'CAIRN_CORRUPTION')
  await rekeyJournal(damaged, A, B, { deep: false })
  t.match(await recordsOf(damaged, { ...SMALL, secret: B }), { code: 'CAIRN_CORRUPTION' })
})

t.test('from a key to a passphrase and back', async (t) => {
  const { storage, records } = await closed(A)
  const passphrase = secretOf('a long passphrase')
  await rekeyJournal(storage, A, passphrase, { deep: true })
  t.equal(await openedBy(storage, { A, passphrase }, records), 'passphrase')
  await rekeyJournal(storage, passphrase, B, { deep: false })
  t.equal(await openedBy(storage, { A, B, passphrase }, records), 'B')
})

t.test('every rotten bit is seen after a deep rekey as before', async (t) => {
  const { storage } = await closed(A)
  await rekeyJournal(storage, A, B, { deep: true, plane: 'typescript' })
  for (const { name } of await storage.list('segment')) await checkFlips(t, storage, name)
})

async function checkFlips(t: Test, storage: MemoryStorage, name: string): Promise<void> {
  const bytes = await readAll(storage, name)
  const next = random(bytes.length)
  for (let i = 0; i < 60; i++) {
    const on = storage.crashClone(1)
    const flipped = bytes.slice()
    const bit = below(next, bytes.length * 8)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    await overwrite(on, name, flipped)
    const found = await recordsOf(on, { ...SMALL, secret: B })
    assert.deepEqual(found, { code: 'CAIRN_CORRUPTION', file: name }, `bit ${bit} of ${name}`)
  }
  t.pass(`60 flips of ${name}`)
}
