/**
 * Keys of files and what they seal: published vectors, and that nothing opens but what was sealed,
 * where and as it was sealed.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import t from 'tap'
import { SealingKey } from '../../lib/durable/aead.js'
import {
  FileCipher,
  deriveKey,
  isSame,
  tagOf,
  type FileIdentity,
} from '../../lib/durable/cipher.js'
import { deriveRoot, secretOf } from '../../lib/durable/secret.js'
import {
  CIPHER_INDEX_MAX,
  CIPHER_TAG_BYTES,
  nonceOf,
  type CipherName,
} from '../../lib/format/cipher.js'
import { toHex } from '../format/documents.js'

const CIPHERS: readonly CipherName[] = ['aes-256-gcm', 'chacha20-poly1305']
const NOTHING = new Uint8Array(0)
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const key = (bytes: Uint8Array): KeyObject => createSecretKey(bytes)
const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && toHex(bytes)
const hexOf = (from: KeyObject): string => toHex(from.export())
const run = (first: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => first + i)

const STORE_KEY = key(run(0x40, 32))
const FILE: FileIdentity = {
  cipher: 'aes-256-gcm',
  storeId: run(0x20, 16),
  fileKind: 1,
  salt: run(0x80, 32),
}
const cipherOf = (change: Partial<FileIdentity> = {}, storeKey = STORE_KEY): FileCipher =>
  new FileCipher(storeKey, { ...FILE, ...change })

/** Each way to flip one bit. */
function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    yield flipped
  }
}

t.test('HKDF-SHA256 as in RFC 5869', (t) => {
  const derived = (from: Uint8Array, salt: Uint8Array, info: Uint8Array): string =>
    hexOf(deriveKey(key(from), salt, info))
  const [long, zeros] = [run(0, 80), new Uint8Array(22).fill(0x0b)]
  t.equal(
    derived(zeros, run(0, 13), run(0xf0, 10)),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf',
    'A.1',
  )
  t.equal(
    derived(long, run(0x60, 80), run(0xb0, 80)),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c',
    'A.2',
  )
  t.equal(
    derived(zeros, NOTHING, NOTHING),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
    'A.3',
  )
  t.end()
})

t.test('HMAC-SHA256 as in RFC 4231, cut to 16 bytes', (t) => {
  const jefe = tagOf(key(ascii('Jefe')), ascii('what do ya want for nothing?'))
  t.equal(toHex(jefe), '5bdcc146bf60754e6a042426089575c7')
  const hiThere = tagOf(key(new Uint8Array(20).fill(0x0b)), ascii('Hi There'))
  t.equal(toHex(hiThere), 'b0344c61d8db38535ca8afceaf0bf12b')
  t.ok(isSame(jefe, jefe.slice()))
  t.notOk(isSame(jefe, hiThere))
  t.notOk(isSame(jefe, jefe.subarray(1)), 'of another length')
  t.end()
})

t.test('scrypt as in RFC 7914', async (t) => {
  const root = await deriveRoot(secretOf('pleaseletmein'), ascii('SodiumChloride'), 14)
  t.equal(hexOf(root), '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2')
})

t.test('AES-256-GCM as in NIST test cases 13 and 14', (t) => {
  const sealing = new SealingKey('aes-256-gcm', key(new Uint8Array(32)))
  const seal = (bytes: Uint8Array): string =>
    toHex(sealing.seal({ index: 0, associated: NOTHING, bytes }))
  t.equal(seal(NOTHING), '530f8afbc74536b9a963b4f1c4cb738b')
  t.equal(
    seal(new Uint8Array(16)),
    'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  )
  t.end()
})

t.test('the keystream of ChaCha20 as in RFC 8439, A.1', (t) => {
  const stream = (last: number): string => {
    const bytes = new Uint8Array(32)
    bytes[31] = last
    const sealing = new SealingKey('chacha20-poly1305', key(bytes))
    const sealed = sealing.seal({ index: 0, associated: NOTHING, bytes: new Uint8Array(64) })
    return toHex(sealed.subarray(0, 64))
  }
  t.equal(
    stream(0),
    '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed' +
      '29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    'vector 2',
  )
  t.equal(
    stream(1),
    '3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a' +
      '8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0',
    'vector 3',
  )
  t.end()
})

t.test('a nonce is four zeros and the number of the group', (t) => {
  t.equal(toHex(nonceOf(1)), '000000000100000000000000')
  t.equal(toHex(nonceOf(0x01020304)), '000000000403020100000000')
  t.equal(toHex(nonceOf(CIPHER_INDEX_MAX)), '00000000ffffffff00000000')
  t.end()
})

for (const cipher of CIPHERS) {
  t.test(`${cipher}: what was sealed is opened`, async (t) => {
    const [sealer, opener] = [cipherOf({ cipher }), cipherOf({ cipher })]
    const sizes = [0, 1, 15, 16, 17, 100, 4096, 70_000]
    const sealed = sizes.map((size, i) => sealer.seal(i + 1, run(i, 60), run(size, size)))
    sealed.forEach((bytes, i) => {
      t.equal(bytes.length, sizes[i]! + CIPHER_TAG_BYTES)
      const opened = opener.open(i + 1, run(i, 60), bytes)
      t.equal(Object.getPrototypeOf(opened), Uint8Array.prototype, 'no Buffer')
      t.equal(hex(opened), toHex(run(sizes[i]!, sizes[i]!)), `${sizes[i]} bytes`)
    })
    t.equal(new Set(sealed.map((bytes) => toHex(bytes.subarray(-16)))).size, sizes.length)
  })

  t.test(`${cipher}: large groups let the event loop go on and give the same bytes`, async (t) => {
    const plain = new Uint8Array(5 * 1024 * 1024 + 3)
    plain.forEach((_, i) => (plain[i] = i % 251))
    const sealed = cipherOf({ cipher }).seal(3, run(0, 60), plain)
    let turns = 0
    let timer = setImmediate(function count() {
      turns++
      timer = setImmediate(count)
    })
    const sealedLarge = await cipherOf({ cipher }).sealLarge(3, run(0, 60), plain)
    const afterSealing = turns
    const opened = await cipherOf({ cipher }).openLarge(3, run(0, 60), sealed)
    clearImmediate(timer)
    t.ok(afterSealing >= 5, `${afterSealing} turns while sealing`)
    t.ok(turns - afterSealing >= 5, `${turns - afterSealing} turns while opening`)
    t.ok(Buffer.from(sealedLarge).equals(sealed))
    t.ok(opened && Buffer.from(opened).equals(plain))
    for (const at of [0, plain.length, sealed.length - 1]) {
      const changed = sealed.slice()
      changed[at]! ^= 1
      t.equal(await cipherOf({ cipher }).openLarge(3, run(0, 60), changed), undefined)
    }
    t.equal(await cipherOf({ cipher }).openLarge(3, run(0, 60), sealed.subarray(0, 15)), undefined)
    for (const size of [0, 1, 1024 * 1024, 1024 * 1024 + 1]) {
      const part = plain.subarray(0, size)
      const whole = cipherOf({ cipher }).seal(9, NOTHING, part)
      t.ok(Buffer.from(await cipherOf({ cipher }).sealLarge(9, NOTHING, part)).equals(whole))
      const back = await cipherOf({ cipher }).openLarge(9, NOTHING, whole)
      t.ok(back && Buffer.from(back).equals(part), `${size} bytes`)
    }
  })

  t.test(`${cipher}: every change is refused`, (t) => {
    const [associated, plain] = [run(7, 60), run(0x61, 23)]
    const sealed = cipherOf({ cipher }).seal(2, associated, plain)
    const opener = cipherOf({ cipher })
    let opened = 0
    for (const bytes of flips(sealed)) if (opener.open(2, associated, bytes)) opened++
    for (const bytes of flips(associated)) if (opener.open(2, bytes, sealed)) opened++
    for (let bytes = 0; bytes < sealed.length; bytes++)
      for (const piece of [sealed.subarray(0, bytes), sealed.subarray(bytes + 1)])
        if (opener.open(2, associated, piece)) opened++
    for (let bytes = 0; bytes < associated.length; bytes++)
      if (opener.open(2, associated.subarray(0, bytes), sealed)) opened++
    for (const index of [0, 1, 3, 2 + 256, CIPHER_INDEX_MAX])
      if (opener.open(index, associated, sealed)) opened++
    t.equal(opened, 0)
    t.equal(hex(opener.open(2, associated, sealed)), toHex(plain))
    t.end()
  })

  t.test(`${cipher}: no other file can open it`, (t) => {
    const sealed = cipherOf({ cipher }).seal(1, NOTHING, run(0, 40))
    const header = run(0, 124)
    const tag = cipherOf({ cipher }).headerTag(header)
    const others: Record<string, FileCipher> = {
      salt: cipherOf({ cipher, salt: run(0x81, 32) }),
      kind: cipherOf({ cipher, fileKind: 2 }),
      store: cipherOf({ cipher, storeId: run(0x21, 16) }),
      cipher: cipherOf({ cipher: CIPHERS.find((name) => name !== cipher)! }),
      key: cipherOf({ cipher }, key(run(0x41, 32))),
    }
    for (const [what, other] of Object.entries(others)) {
      t.equal(other.open(1, NOTHING, sealed), undefined, `another ${what}: group`)
      t.notOk(other.isHeaderTag(header, tag), `another ${what}: header`)
    }
    t.ok(cipherOf({ cipher }).isHeaderTag(header, tag))
    for (const changed of flips(header))
      if (cipherOf({ cipher }).isHeaderTag(changed, tag)) t.fail('a changed header')
    t.end()
  })
}

t.test('the data key does not tag, and the header key does not seal', (t) => {
  const bytes = run(0, 124)
  const label = (text: string): Uint8Array =>
    new Uint8Array([...ascii(text), 1, ...FILE.storeId, FILE.fileKind])
  const [header, data] = ['cairndb file header', 'cairndb file data'].map((text) =>
    deriveKey(STORE_KEY, FILE.salt, label(text)),
  )
  t.same(cipherOf().headerTag(bytes), tagOf(header!, bytes), 'by its documented key')
  t.not(hexOf(header!), hexOf(data!))
  const sealed = cipherOf().seal(1, NOTHING, bytes)
  const opened = (from: KeyObject): string | undefined =>
    hex(new SealingKey('aes-256-gcm', from).open({ index: 1, associated: NOTHING, bytes: sealed }))
  t.equal(opened(data!), toHex(bytes))
  t.equal(opened(header!), undefined)
  t.end()
})

t.test('no number is sealed twice', async (t) => {
  const cipher = cipherOf()
  cipher.seal(5, NOTHING, NOTHING)
  for (const index of [5, 4, 1, 0, -1, 5.5, NaN, CIPHER_INDEX_MAX + 1])
    t.throws(() => cipher.seal(index, NOTHING, NOTHING), RangeError, `${index} behind 5`)
  const large = cipher.sealLarge(6, NOTHING, new Uint8Array(3 << 20))
  t.throws(() => cipher.seal(6, NOTHING, NOTHING), RangeError, 'taken by the one under way')
  await t.rejects(cipher.sealLarge(6, NOTHING, NOTHING), RangeError)
  await large
  cipher.seal(CIPHER_INDEX_MAX, NOTHING, NOTHING)
  t.throws(() => cipher.seal(CIPHER_INDEX_MAX, NOTHING, NOTHING), RangeError)
})
