/** Version edits: round trips, the order of fields, bad bytes. */
import t from 'tap'
import { FormatError } from '../../lib/format/coding.js'
import { EDIT_LEVELS, decodeEdit, encodeEdit, type VersionEdit } from '../../lib/format/edit.js'
import { KEY_COMPARATOR, internalKey } from '../../lib/format/key.js'
import { fromHex, toHex } from './documents.js'
import { below, pick } from '../support/campaign.js'
import { CAMPAIGN, generator, randomBytes, type Random } from './random.js'

function randomKey(random: Random): Uint8Array {
  const user = randomBytes(random, pick(random, [0, 10, 300]))
  return internalKey(user, below(random, Number.MAX_SAFE_INTEGER), below(random, 2))
}

function randomEdit(random: Random): VersionEdit {
  const edit: { -readonly [K in keyof VersionEdit]: VersionEdit[K] } = {}
  const number = (): number => below(random, pick(random, [1, 200, 2 ** 35, 2 ** 53]))
  const level = (): number => below(random, EDIT_LEVELS)
  const list = <T>(make: () => T): T[] => Array.from({ length: 1 + below(random, 3) }, make)
  if (random() < 0.5) edit.comparator = KEY_COMPARATOR
  if (random() < 0.5) edit.logNumber = number()
  if (random() < 0.5) edit.previousLogNumber = number()
  if (random() < 0.5) edit.nextFileNumber = number()
  if (random() < 0.5) edit.lastSequence = number()
  if (random() < 0.5)
    edit.compactPointers = list(() => ({ level: level(), key: randomKey(random) }))
  if (random() < 0.5) edit.deleted = list(() => ({ level: level(), number: number() }))
  if (random() < 0.5)
    edit.added = list(() => ({
      level: level(),
      table: {
        number: number(),
        sizeBytes: number(),
        smallest: randomKey(random),
        largest: randomKey(random),
      },
    }))
  return edit
}

t.test('what is written is read', (t) => {
  const { random, seed } = generator()
  for (let i = 0; i < 500 * CAMPAIGN; i++) {
    const edit = randomEdit(random)
    const bytes = encodeEdit(edit)
    const read = decodeEdit(bytes)
    if (toHex(encodeEdit(read)) !== toHex(bytes)) t.fail(`bytes of edit ${i}, seed ${seed}`)
    if (JSON.stringify(read) !== JSON.stringify(decodeEdit(Buffer.from(bytes))))
      t.fail(`a Buffer reads alike: edit ${i}, seed ${seed}`)
    if (i % 20 === 0) t.same(read, edit)
  }
  t.same(decodeEdit(new Uint8Array(0)), {}, 'an edit may be empty')
  t.equal(encodeEdit({}).length, 0)
  t.end()
})

t.test('what is read is its own copy', (t) => {
  const bytes = Buffer.from(fromHex('05 00 09 61 01 01000000000000'))
  const { compactPointers } = decodeEdit(bytes)
  bytes.fill(0xff)
  t.equal(toHex(compactPointers![0]!.key), '610101000000000000')
  t.equal(compactPointers![0]!.key.constructor, Uint8Array)
  t.end()
})

t.test('fields in any order, the last value wins, lists grow', (t) => {
  const go = decodeEdit(fromHex('0201 0302 0400'))
  t.same(go, { logNumber: 1, nextFileNumber: 2, lastSequence: 0 }, 'goleveldb')
  const cpp = decodeEdit(fromHex('0203 0900 0304 0400'))
  t.same(cpp, { logNumber: 3, previousLogNumber: 0, nextFileNumber: 4, lastSequence: 0 })
  t.same(decodeEdit(fromHex('0407 0203 0408 0204')), { lastSequence: 8, logNumber: 4 })
  t.same(decodeEdit(fromHex('06 00 05 0302 06 01 07')), {
    nextFileNumber: 2,
    deleted: [
      { level: 0, number: 5 },
      { level: 1, number: 7 },
    ],
  })
  t.end()
})

t.test('bad bytes are refused', (t) => {
  const key = '09 61 01 01000000000000'
  const bad: Record<string, string> = {
    'tag 0': '00 00',
    'tag 8': '08 00',
    'tag 10': '0a 00',
    'large tag': 'ffffffff0f 00',
    'tag without value': '02',
    'value cut short': '02 80',
    'number over 2^53': '03 ffffffffffffff10',
    'comparator past the end': '01 1a 6c',
    'level 7': '06 07 05',
    'huge level': '06 ffffffff0f 05',
    'key too short': '05 00 07 61010100000000',
    'key of unknown type': '05 00 09 61 02 01000000000000',
    'key past the end': '05 00 0a 61 01 01000000000000',
    'table without keys': '07 00 05 10',
    'table without its largest key': `07 00 05 10 ${key}`,
    'bytes behind': `07 00 05 10 ${key} ${key} 01`,
  }
  for (const [what, hex] of Object.entries(bad))
    t.throws(() => decodeEdit(fromHex(hex)), FormatError, what)
  t.doesNotThrow(() => decodeEdit(fromHex(`07 06 05 10 ${key} ${key}`)))
  t.end()
})

t.test('every truncation and random changes are read or refused', (t) => {
  const { random, seed } = generator()
  for (let i = 0; i < 100 * CAMPAIGN; i++) {
    const bytes = encodeEdit(randomEdit(random))
    for (let length = 0; length < bytes.length; length++) tryEdit(bytes.subarray(0, length))
    for (let change = 0; change < 50 && bytes.length > 0; change++) {
      const changed = new Uint8Array(bytes)
      changed[below(random, bytes.length)] = below(random, 256)
      tryEdit(changed)
    }
  }
  function tryEdit(bytes: Uint8Array): void {
    try {
      decodeEdit(bytes)
    } catch (error) {
      if (!(error instanceof FormatError))
        t.fail(`${toHex(bytes)} threw ${String(error)}, seed ${seed}`)
    }
  }
  t.pass('cut and changed')
  t.end()
})
