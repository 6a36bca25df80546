/**
 * Opening with whatever is not the secret of the store: an error that says so, and no byte of the
 * directory is another one. What is missing of a store is never made anew over what is there.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import t from 'tap'
import { secretOf, type Secret } from '../../lib/durable/secret.js'
import { STORE_KIND_MAP } from '../../lib/format/store.js'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage, type MemoryStorage } from '../../lib/io/memory.js'
import { LIMIT_MS } from '../support/campaign.js'
import { bytesOf, overwrite, readAll } from '../support/level.js'
import { eachPlane, onCopy, type PlaneName } from '../support/planes.js'
import { openJournal, recordsOf } from './encrypted.js'
import { keySecret } from './secrets.js'

// scrypt is slow, as it should be.
t.setTimeout(LIMIT_MS)

const SECRETS: Readonly<Record<string, Secret | undefined>> = {
  none: undefined,
  key: keySecret('a'),
  'another key': keySecret('b'),
  passphrase: secretOf('one passphrase'),
  'another passphrase': secretOf('two passphrases'),
}

/** How a store is left: closed, killed, or without power. */
const ENDS = ['closed', 'killed', 'cut off'] as const

async function storeOf(
  secret: Secret | undefined,
  end: (typeof ENDS)[number],
): Promise<MemoryStorage> {
  const storage = memoryStorage()
  const plane = 'typescript'
  const opened = await openJournal(storage, { secret, plane, sync: 'never', segmentBytes: 600 })
  for (let i = 0; i < 12; i++) await opened.append(`record ${i} `.repeat(9))
  if (end === 'closed') await opened.close()
  return storage.crashClone(end === 'cut off' ? 6 : 1)
}

/** Opens a copy; a refusal has changed nothing. */
async function openingOf(
  files: MemoryStorage,
  plane: PlaneName,
  secret: Secret | undefined,
): Promise<{ code?: string; message?: string }> {
  return onCopy(plane, files, async (storage) => {
    const before = await stateOf(storage)
    try {
      await (await openJournal(storage, { secret, plane })).close()
      return {}
    } catch (error) {
      assert.deepEqual(await stateOf(storage), before, inspect(error))
      return error as { code?: string; message?: string }
    }
  })
}

async function stateOf(storage: Storage): Promise<unknown> {
  const names = (await storage.list()).map(({ name }) => name)
  return { names: names.sort(), bytes: await bytesOf(storage) }
}

/** Made in memory, before a plane is forced. */
const stores: { right: string; end: string; files: MemoryStorage }[] = []
for (const right of ['none', 'key', 'passphrase'])
  for (const end of ENDS) stores.push({ right, end, files: await storeOf(SECRETS[right], end) })

eachPlane(t, 'every secret for every store', async (t, plane) => {
  for (const { right, end, files } of stores) {
    const messages = new Set<string>()
    for (const [name, secret] of Object.entries(SECRETS)) {
      const { code, message } = await openingOf(files, plane, secret)
      const expected = name === right ? undefined : 'CAIRN_WRONG_KEY'
      t.equal(code, expected, `${right}, ${end}, opened with ${name}: ${message}`)
      if (message !== undefined) messages.add(message.replace(/\S*store-\S*|memory/, ''))
    }
    t.ok(messages.size >= 2, [...messages].join('; '))
  }
})

t.test('a wrong key is told even where records are damaged, and before that', async (t) => {
  const files = await storeOf(SECRETS['key'], 'closed')
  const segment = (await files.list('segment'))[0]!.name
  const bytes = await readAll(files, segment)
  await overwrite(files, segment, bytes.fill(0x5a, 30, 60))
  t.match(await openingOf(files, 'typescript', SECRETS['another key']), { code: 'CAIRN_WRONG_KEY' })
  t.match(await openingOf(files, 'typescript', SECRETS['key']), { code: 'CAIRN_CORRUPTION' })
})

t.test('KEYS that is gone is damage, and never made anew over data', async (t) => {
  for (const end of ENDS) {
    const files = await storeOf(SECRETS['key'], end)
    await files.remove('KEYS')
    for (const [name, secret] of Object.entries(SECRETS)) {
      const { code } = await openingOf(files, 'typescript', secret)
      t.equal(code, 'CAIRN_CORRUPTION', `${end}, opened with ${name}`)
    }
  }
  const kind = STORE_KIND_MAP
  const secret = SECRETS['key']
  for (const left of ['snapshots/00000001.snapshot', 'wal/00000001.journal', 'CAIRN-SEAL']) {
    const storage = memoryStorage()
    await (await openJournal(storage, { secret, kind })).close()
    await storage.makeDirectory('snapshots')
    await overwrite(storage, left, new Uint8Array(9))
    await storage.remove('KEYS')
    await t.rejects(openJournal(storage, { secret, kind }), { code: 'CAIRN_CORRUPTION' }, left)
    t.notOk(
      (await storage.list()).some(({ name }) => name.startsWith('KEYS')),
      left,
    )
  }
})

t.test('a creation cut off before KEYS is begun again, with any secret', async (t) => {
  const base = memoryStorage()
  const lefts: MemoryStorage[] = []
  base.onOperation = () => lefts.push(...[0, 1, 2].map((seed) => base.crashClone(seed)))
  await (await openJournal(base, { secret: SECRETS['key'], plane: 'typescript' })).close()
  base.onOperation = undefined
  let begun = 0
  for (const left of lefts) {
    const isMade = (await left.exists()) && (await left.list('keys')).length > 0
    const secret = isMade ? SECRETS['key'] : SECRETS['another key']
    const opened = await openJournal(left, { secret, plane: 'typescript' })
    await opened.append('first')
    await opened.close()
    t.same(await recordsOf(left, { secret, plane: 'typescript' }), { 1: 'first' })
    if (!isMade) begun++
  }
  t.ok(begun > 5 && begun < lefts.length, `${begun} of ${lefts.length} had no KEYS yet`)
})

t.test('the identity of another store, or of a plain one, does not open it', async (t) => {
  const secret = SECRETS['key']
  const [one, other] = [await storeOf(secret, 'closed'), await storeOf(secret, 'closed')]
  const plain = await storeOf(undefined, 'closed')
  for (const [from, code] of [
    [other, 'CAIRN_CORRUPTION'],
    [plain, 'CAIRN_WRONG_KEY'],
  ] as const) {
    const forged = one.crashClone(1)
    await overwrite(forged, 'CAIRN-STORE', await readAll(from, 'CAIRN-STORE'))
    t.equal((await openingOf(forged, 'typescript', secret)).code, code)
    t.equal((await openingOf(forged, 'typescript', undefined)).code, 'CAIRN_CORRUPTION')
  }
  const swapped = one.crashClone(1)
  await overwrite(swapped, 'KEYS', await readAll(other, 'KEYS'))
  t.equal((await openingOf(swapped, 'typescript', secret)).code, 'CAIRN_CORRUPTION')
})
