/** What the worked examples of docs/format/cipher.md say. */
import { crc32c } from '../../lib/checksum/crc32c.js'
import type { FileCipher } from '../../lib/durable/cipher.js'
import { createKeys, openKeys, type StoreKeys } from '../../lib/durable/keys.js'
import { secretOf } from '../../lib/durable/secret.js'
import { CIPHER_FILE_SEGMENT, CIPHER_INDEX_MAX, nonceOf } from '../../lib/format/cipher.js'
import { decodeKeysBody } from '../../lib/format/keys.js'
import { memoryStorage } from '../../lib/io/memory.js'
import { overwrite, readAll } from '../support/level.js'
import { toHex, type Check } from './documents.js'

/** `count` bytes that count up from `first`. */
const run = (first: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => first + i)

const SECRET = secretOf(run(0x00, 32))
const STORE_ID = run(0x20, 16)
const PLAIN = new Uint8Array(Buffer.from('cairn'))
const ASSOCIATED = run(0, 4)

async function exampleKeys(): Promise<{ keys: StoreKeys; bytes: Uint8Array }> {
  const storage = memoryStorage()
  await storage.createDirectory()
  const firsts = [0x40, 0x60]
  const random = (count: number): Uint8Array => run(firsts.shift()!, count)
  const setup = { secret: SECRET, cipher: 'aes-256-gcm', storeId: STORE_ID, random } as const
  const keys = await createKeys(storage, { crc32c }, setup)
  return { keys, bytes: await readAll(storage, 'KEYS') }
}

async function segmentCipher(): Promise<FileCipher> {
  const { keys } = await exampleKeys()
  return keys.file(1, run(0x80, 32), CIPHER_FILE_SEGMENT)!
}

export const CIPHER: Record<string, Check> = {
  keys: async (t, bytes) => {
    t.equal(toHex((await exampleKeys()).bytes), toHex(bytes))
    const { cipher, scryptCost, storeId, salt, wrapped } = decodeKeysBody(bytes.subarray(0, -4))
    t.same([cipher, scryptCost, wrapped.map(({ id }) => id)], ['aes-256-gcm', undefined, [1]])
    t.same([toHex(storeId), toHex(salt)], [toHex(STORE_ID), toHex(run(0x60, 32))])
    const storage = memoryStorage()
    await storage.createDirectory()
    await overwrite(storage, 'KEYS', bytes)
    const identity = { storeId: STORE_ID, encrypted: true }
    const keys = await openKeys(storage, { crc32c }, identity, SECRET)
    t.equal(toHex(keys!.keys.get(1)!.export()), toHex(run(0x40, 32)))
  },
  'cipher-header': async (t, bytes) => {
    const cipher = await segmentCipher()
    t.equal(toHex(cipher.headerTag(run(0, 124))), toHex(bytes))
    t.ok(cipher.isHeaderTag(run(0, 124), bytes))
  },
  'cipher-group': async (t, bytes) => {
    const cipher = await segmentCipher()
    t.equal(toHex(cipher.seal(1, ASSOCIATED, PLAIN)), toHex(bytes))
    t.equal(toHex(cipher.open(1, ASSOCIATED, bytes)!), toHex(PLAIN))
  },
  'cipher-nonce': (t, bytes) => {
    t.equal(toHex(nonceOf(1)) + toHex(nonceOf(CIPHER_INDEX_MAX)), toHex(bytes))
  },
  'cipher-seal': async (t, bytes) => {
    const { keys } = await exampleKeys()
    t.equal(toHex(keys.sealTag(ASSOCIATED)), toHex(bytes))
    t.ok(keys.isSealTag(ASSOCIATED, bytes))
  },
}
