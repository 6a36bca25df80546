/**
 * KEYS: the right secret opens it, everything else is told for what it is, and nothing changes it.
 */
import assert from 'node:assert/strict'
import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import {
  StoreKeys,
  createKeys,
  openKeys,
  writeKeys,
  type RandomBytes,
} from '../../lib/durable/keys.js'
import { fasterCipher, hasAes } from '../../lib/durable/processor.js'
import { secretOf, secretOfOptions, type Secret } from '../../lib/durable/secret.js'
import { StoreError } from '../../lib/errors.js'
import { KEYS_HEADER_BYTES, KEYS_WRAPPED_BYTES } from '../../lib/format/keys.js'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage, type MemoryStorage } from '../../lib/io/memory.js'
import { LIMIT_MS } from '../support/campaign.js'
import { faultyStorage } from '../support/faulty.js'
import { bytesOf, overwrite, readAll } from '../support/level.js'
import { eachPlane, makePlane } from '../support/planes.js'
import {
  IDENTITY,
  PLANE,
  STORE_ID,
  hexOf,
  keyBytes,
  keyObject,
  keySecret,
  openedBy,
  seededBytes,
  withChecksum,
} from './secrets.js'

const PASSPHRASE = 'correct horse'

// scrypt is slow, as it should be.
t.setTimeout(LIMIT_MS)

async function storageWith(secret: Secret, random = seededBytes(1)): Promise<MemoryStorage> {
  const storage = memoryStorage()
  await storage.createDirectory()
  await createKeys(storage, PLANE, { secret, cipher: 'auto', storeId: STORE_ID, random })
  return storage
}

/** What opening rejects with, after which the directory is as it was. */
async function refusal(
  storage: Storage,
  secret: Secret | undefined,
  identity = IDENTITY,
): Promise<StoreError> {
  const before = await bytesOf(storage)
  try {
    await openKeys(storage, PLANE, identity, secret)
  } catch (error) {
    assert.deepEqual(await bytesOf(storage), before, 'nothing was changed')
    assert.ok(error instanceof StoreError, inspect(error))
    return error
  }
  throw new Error('it opened')
}

eachPlane(t, 'what was made is opened by the same secret alone', async (t, plane) => {
  const bench = await makePlane(t, plane)
  const random = seededBytes(7)
  for (const cipher of ['aes-256-gcm', 'chacha20-poly1305'] as const)
    for (const secret of [keySecret('a'), keyObject('b'), secretOf(PASSPHRASE)]) {
      const setup = { secret, cipher, storeId: STORE_ID, random }
      const made = await createKeys(bench.storage, bench.plane, setup)
      const opened = await openKeys(bench.storage, bench.plane, IDENTITY, secret)
      assert.ok(opened)
      t.same([opened.cipher, opened.keyId], [cipher, 1])
      t.same(Buffer.from(opened.storeId), Buffer.from(STORE_ID))
      t.same(hexOf(opened), hexOf(made))
      const [salt, head] = [random(32), random(60)]
      const sealed = made.file(1, salt, 2)!.seal(1, head, head)
      t.same(Buffer.from(opened.file(1, salt, 2)!.open(1, head, sealed)!), Buffer.from(head))
      t.ok(opened.isSealTag(head, made.sealTag(head)))
      t.notOk(opened.isSealTag(salt, made.sealTag(head)))
      t.equal(opened.file(2, salt, 2), undefined, 'no such key')
      t.equal((await refusal(bench.storage, keySecret('c'))).code, 'CAIRN_WRONG_KEY')
    }
  t.same((await bench.storage.list()).map(({ name }) => name).filter(isOurs), ['KEYS'])
})

const isOurs = (name: string): boolean => !/^(LOCK|LOG|cairn\.lock)/.test(name)

t.test('the planes write the same bytes', async (t) => {
  const written: string[] = []
  for (const plane of ['typescript', 'native'] as const) {
    const bench = await makePlane(t, plane).catch(() => undefined)
    if (bench === undefined) continue
    const setup = { secret: keySecret('a'), cipher: 'aes-256-gcm', storeId: STORE_ID } as const
    await createKeys(bench.storage, bench.plane, { ...setup, random: seededBytes(3) })
    written.push(Buffer.from(await readAll(bench.storage, 'KEYS')).toString('hex'))
  }
  t.equal(new Set(written).size, 1)
})

t.test('whatever is not the secret is refused with a message of its own', async (t) => {
  const [withKey, withPassphrase] = [
    await storageWith(keySecret('a')),
    await storageWith(secretOf(PASSPHRASE)),
  ]
  const plain = { storeId: STORE_ID, encrypted: false }
  t.equal(await openKeys(withKey, PLANE, plain, undefined), undefined, 'a plain store has none')
  const refusals = {
    'another key': await refusal(withKey, keySecret('b')),
    'another passphrase': await refusal(withPassphrase, secretOf(`${PASSPHRASE}!`)),
    'a passphrase for a key': await refusal(withKey, secretOf(PASSPHRASE)),
    'a key for a passphrase': await refusal(withPassphrase, keySecret('a')),
    'no key': await refusal(withKey, undefined),
    'no passphrase': await refusal(withPassphrase, undefined),
    'a key for a plain store': await refusal(withKey, keySecret('a'), plain),
    'a passphrase for a plain store': await refusal(withKey, secretOf(PASSPHRASE), plain),
  }
  for (const [what, { code, message }] of Object.entries(refusals))
    t.equal(code, 'CAIRN_WRONG_KEY', `${what}: ${message}`)
  t.equal(new Set(Object.values(refusals).map(({ message }) => message)).size, 8)
  for (const secret of [PASSPHRASE, 'aaaaaaaa', 'bbbbbbbb', '61616161', '62626262'])
    t.notOk(inspect(refusals, { depth: 9 }).includes(secret), 'no error holds a secret')
  for (const input of ['correct  horse', 'Correct horse', 'correct horsf'])
    t.equal((await refusal(withPassphrase, secretOf(input))).code, 'CAIRN_WRONG_KEY')
  for (let bit = 0; bit < 256; bit++) {
    const key = keyBytes('a')
    key[bit >> 3]! ^= 1 << (bit & 7)
    t.equal(await openedBy(withKey, secretOf(key)), 'CAIRN_WRONG_KEY', `bit ${bit} of the key`)
  }
})

t.test('composed letters are one passphrase', async (t) => {
  const storage = await storageWith(secretOf('Z\u00fcrich 1234'))
  t.same(Object.keys((await openedBy(storage, secretOf('Zu\u0308rich 1234'))) as object), ['1'])
})

t.test('what can be no secret is a mistake', (t) => {
  const mistakes: [unknown, typeof TypeError | typeof RangeError][] = [
    ...[0, 1, 16, 31, 33, 64].map((size): [unknown, typeof RangeError] => [
      new Uint8Array(size),
      RangeError,
    ]),
    [createSecretKey(new Uint8Array(31)), RangeError],
    [createSecretKey(new Uint8Array(33)), RangeError],
    [createPublicKey(generateKeyPairSync('ed25519').privateKey), TypeError],
    [generateKeyPairSync('ed25519').privateKey, TypeError],
    [new ArrayBuffer(32), TypeError],
    [new Uint16Array(16), TypeError],
    [Array.from({ length: 32 }, () => 1), TypeError],
    [null, TypeError],
    [undefined, TypeError],
    [32, TypeError],
    ['', RangeError],
    ['1234567', RangeError],
    ['\u{1f511}\u{1f511}\u{1f511}\u{1f511}', RangeError],
    ['12345678\ud800', TypeError],
    ['\udc0012345678', TypeError],
  ]
  for (const [input, kind] of mistakes) t.throws(() => secretOf(input as string), kind)
  t.throws(() => secretOfOptions({ key: keyBytes('a'), passphrase: PASSPHRASE }), TypeError)
  t.throws(() => secretOfOptions({ key: PASSPHRASE as unknown as Uint8Array }), TypeError)
  t.throws(() => secretOfOptions({ passphrase: keyBytes('a') as unknown as string }), TypeError)
  t.equal(secretOfOptions({}), undefined)
  t.equal(secretOfOptions({ key: keyBytes('a') })!.kind, 'key')
  t.equal(secretOfOptions({ passphrase: '12345678' })!.kind, 'passphrase')
  t.equal(secretOf('\u{1f511}'.repeat(8)).kind, 'passphrase')
  t.end()
})

t.test('a secret is copied, and nothing shows it', async (t) => {
  const bytes = keyBytes('a')
  const secret = secretOf(bytes)
  bytes.fill(0)
  const storage = await storageWith(secret)
  t.ok(await openKeys(storage, PLANE, IDENTITY, keySecret('a')))
  const keys = await openKeys(storage, PLANE, IDENTITY, secret)
  const shown = [secret, secretOf(PASSPHRASE), keys, keys!.file(1, bytes, 1)]
    .map((value) => inspect(value, { depth: 9, showHidden: true }) + JSON.stringify(value))
    .join('')
  for (const hidden of [PASSPHRASE, '97, 97', '61 61', 'aaaa', hexOf(keys!)[1]!.slice(0, 16)])
    t.notOk(shown.includes(hidden), `${hidden} is not shown`)
})

t.test('every flipped bit and every cut is damage, whoever asks', async (t) => {
  for (const count of [1, 2]) {
    const storage = await storageWith(keySecret('a'))
    if (count === 2) await addKey(storage, keySecret('a'))
    const bytes = await readAll(storage, 'KEYS')
    t.equal(bytes.length, KEYS_HEADER_BYTES + count * KEYS_WRAPPED_BYTES + 4)
    const damaged: [string, Uint8Array][] = []
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      damaged.push([`bit ${bit}`, flipped])
    }
    for (let size = 0; size < bytes.length; size++)
      damaged.push([`cut at ${size}`, bytes.subarray(0, size)])
    for (const more of [1, 4, KEYS_WRAPPED_BYTES, 100_000])
      damaged.push([`${more} bytes more`, Buffer.concat([bytes, Buffer.alloc(more)])])
    const askers = [keySecret('a'), keySecret('b'), undefined]
    for (const [i, [what, content]] of damaged.entries()) {
      await overwrite(storage, 'KEYS', content)
      const { code, file } = await refusal(storage, askers[i % 3])
      assert.deepEqual([code, file], ['CAIRN_CORRUPTION', 'KEYS'], what)
    }
    t.pass(`${damaged.length} kinds of damage to KEYS with ${count} of keys`)
  }
})

async function addKey(storage: Storage, secret: Secret): Promise<void> {
  const keys = await openKeys(storage, PLANE, IDENTITY, secret)
  const more = createSecretKey(seededBytes(9)(32))
  const both = new StoreKeys(keys!.cipher, STORE_ID, new Map([...keys!.keys, [2, more]]))
  await writeKeys(storage, PLANE, both, secret, seededBytes(10))
}

t.test('who forges the checksum opens nothing, and asks for no memory', async (t) => {
  const storage = await storageWith(keySecret('a'))
  await addKey(storage, keySecret('a'))
  const bytes = await readAll(storage, 'KEYS')
  const codes = new Set<unknown>()
  for (let bit = 0; bit < (bytes.length - 4) * 8; bit++) {
    const forged = bytes.slice()
    forged[bit >> 3]! ^= 1 << (bit & 7)
    await overwrite(storage, 'KEYS', withChecksum(forged))
    codes.add((await refusal(storage, keySecret('a'))).code)
  }
  t.same([...codes].sort(), ['CAIRN_CORRUPTION', 'CAIRN_FORMAT_VERSION', 'CAIRN_WRONG_KEY'])
  await overwrite(storage, 'KEYS', bytes)
  t.ok(await openKeys(storage, PLANE, IDENTITY, keySecret('a')), 'as it was')
  const passphrase = secretOf(PASSPHRASE)
  const hostile = await storageWith(passphrase)
  const keys = await readAll(hostile, 'KEYS')
  for (const [at, value] of [
    ...[0, 1, 16, 21, 30, 31, 255].map((cost) => [64, cost]),
    ...[0, 7, 9, 255].map((blocks) => [68, blocks]),
    ...[0, 2, 255].map((lanes) => [72, lanes]),
  ] as [number, number][]) {
    const forged = keys.slice()
    forged[at] = value
    await overwrite(hostile, 'KEYS', withChecksum(forged))
    const { code, offset } = await refusal(hostile, passphrase)
    t.same([code, offset], ['CAIRN_CORRUPTION', at === 64 ? 64 : 68], `${value} at ${at}`)
  }
})

t.test('keys are kept apart: exchanged, doubled, of another store, none', async (t) => {
  const storage = await storageWith(keySecret('a'))
  await addKey(storage, keySecret('a'))
  const bytes = await readAll(storage, 'KEYS')
  const [first, second] = [0, 1].map((i) => {
    const at = KEYS_HEADER_BYTES + i * KEYS_WRAPPED_BYTES
    return bytes.subarray(at + 4, at + KEYS_WRAPPED_BYTES)
  })
  const exchanged = bytes.slice()
  exchanged.set(second!, KEYS_HEADER_BYTES + 4)
  exchanged.set(first!, KEYS_HEADER_BYTES + KEYS_WRAPPED_BYTES + 4)
  const doubled = bytes.slice()
  doubled.set(first!, KEYS_HEADER_BYTES + KEYS_WRAPPED_BYTES + 4)
  const alone = bytes.slice(0, -KEYS_WRAPPED_BYTES)
  alone[14] = 1
  for (const forged of [exchanged, doubled, alone]) {
    await overwrite(storage, 'KEYS', withChecksum(forged))
    t.equal((await refusal(storage, keySecret('a'))).code, 'CAIRN_CORRUPTION')
  }
  await overwrite(storage, 'KEYS', bytes)
  const other = { storeId: new Uint8Array(16), encrypted: true }
  t.match(await refusal(storage, keySecret('a'), other), {
    code: 'CAIRN_CORRUPTION',
    message: /another store/,
  })
  await storage.remove('KEYS')
  t.match(await refusal(storage, keySecret('a')), { code: 'CAIRN_CORRUPTION', message: /missing/ })
})

/** Runs `write` on a clone, cut off power before every operation; counts who opens what is left. */
async function cutEverywhere(
  t: Test,
  base: MemoryStorage,
  write: (storage: Storage) => Promise<void>,
  judge: (left: MemoryStorage, what: string) => Promise<void>,
): Promise<void> {
  const live = base.crashClone(1)
  const left: [string, MemoryStorage][] = []
  live.onOperation = (n, what) => {
    for (const seed of [0, 1, 2, 3, 4]) left.push([`${n} ${what}, ${seed}`, live.crashClone(seed)])
  }
  await write(live)
  live.onOperation = undefined
  t.ok(left.length >= 25, `${left.length} power cuts`)
  left.push(['done, power cut', live.crashClone(0)], ['done', live])
  for (const [what, storage] of left) await judge(storage, what)
}

t.test(
  'a new secret by steps: before the rename the old one opens, after it the new',
  async (t) => {
    const [a, b] = [keySecret('a'), keySecret('b')]
    const base = await storageWith(a)
    const before = await openedBy(base, a)
    let opens = { old: 0, new: 0 }
    const write = async (storage: Storage): Promise<void> => {
      const keys = await openKeys(storage, PLANE, IDENTITY, a)
      await writeKeys(storage, PLANE, keys!, b, seededBytes(2))
    }
    await cutEverywhere(t, base, write, async (left, what) => {
      const [byOld, byNew] = [await openedBy(left, a), await openedBy(left, b)]
      const isOld = byNew === 'CAIRN_WRONG_KEY'
      assert.deepEqual(isOld ? byOld : byNew, before, what)
      assert.equal(isOld ? byNew : byOld, 'CAIRN_WRONG_KEY', what)
      if (what.startsWith('done')) assert.equal(isOld, false, 'what was done is durable')
      opens = isOld ? { ...opens, old: opens.old + 1 } : { ...opens, new: opens.new + 1 }
    })
    t.ok(opens.old > 0 && opens.new > 0, `${opens.old} by the old one, ${opens.new} by the new one`)
  },
)

t.test('a creation that is cut short can be begun again', async (t) => {
  const base = memoryStorage()
  await base.createDirectory()
  const setup = { secret: keySecret('a'), cipher: 'auto', storeId: STORE_ID } as const
  const write = async (storage: Storage): Promise<void> => {
    await createKeys(storage, PLANE, { ...setup, random: seededBytes(1) })
  }
  await cutEverywhere(t, base, write, async (left, what) => {
    const found = await openedBy(left, keySecret('a'))
    assert.ok(typeof found === 'object' || found === 'CAIRN_CORRUPTION', what)
    await createKeys(left, PLANE, { ...setup, random: seededBytes(5) })
    assert.notDeepEqual(await openedBy(left, keySecret('a')), found, what)
    assert.equal((await left.list('temporary')).length, 0)
  })
})

t.test('a failure of the disk leaves the secret before or after', async (t) => {
  const [a, b] = [keySecret('a'), keySecret('b')]
  for (const operation of [
    'remove',
    'create',
    'write',
    'sync',
    'rename',
    'syncDirectory',
  ] as const) {
    const base = await storageWith(a)
    const storage = faultyStorage(base, { operation, short: true })
    const keys = await openKeys(storage, PLANE, IDENTITY, a)
    await t.rejects(writeKeys(storage, PLANE, keys!, b, seededBytes(2)), { code: 'CAIRN_IO' })
    for (const left of [base.crashClone(0), base.crashClone(1)]) {
      const opens = [await openedBy(left, a), await openedBy(left, b)]
      t.equal(opens.filter((found) => found === 'CAIRN_WRONG_KEY').length, 1, operation)
    }
    storage.rule = undefined
    await writeKeys(storage, PLANE, keys!, b, seededBytes(2))
    t.same(await openedBy(base, b), hexOf(keys!), 'and it can be tried again')
  }
})

t.test('salts and store keys are drawn, each once', async (t) => {
  const drawn: number[] = []
  const random: RandomBytes = (count) => {
    drawn.push(count)
    return seededBytes(drawn.length)(count)
  }
  const storage = await storageWith(keySecret('a'), random)
  t.same(drawn, [32, 32])
  const before = await readAll(storage, 'KEYS')
  const keys = await openKeys(storage, PLANE, IDENTITY, keySecret('a'))
  await writeKeys(storage, PLANE, keys!, keySecret('a'), random)
  const after = await readAll(storage, 'KEYS')
  t.notSame(before.subarray(32, 64), after.subarray(32, 64), 'another salt')
  t.notSame(before.subarray(KEYS_HEADER_BYTES), after.subarray(KEYS_HEADER_BYTES))
})

t.test('auto takes AES where the processor has it', (t) => {
  const x64 = (flags: string): string => `processor\t: 0\nflags\t\t: ${flags}\n\n`.repeat(2)
  t.equal(hasAes('x64', x64('fpu sse2 aes avx')), true)
  t.equal(hasAes('x64', x64('fpu sse2 avx')), false)
  t.equal(hasAes('x64', x64('fpu vaes aesx')), false)
  t.equal(hasAes('arm64', 'processor\t: 0\nFeatures\t: fp asimd aes pmull\n'), true)
  t.equal(hasAes('arm64', 'processor\t: 0\nFeatures\t: fp asimd crc32\n'), false)
  t.equal(hasAes('arm64', 'Features : aes\nFeatures : fp\n'), false, 'on every core')
  t.equal(hasAes('arm', 'model name\t: aes\n'), false)
  t.equal(hasAes('x64', undefined), true)
  t.equal(hasAes('arm64', undefined), true)
  t.equal(hasAes('ia32', undefined), false)
  t.ok(['aes-256-gcm', 'chacha20-poly1305'].includes(fasterCipher()))
  t.end()
})
