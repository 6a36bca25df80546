/** Blocks: written, checked, searched and walked; malformed ones are refused, never misread. */
import t from 'tap'
import { StoreError } from '../../lib/errors.js'
import { internalKey, putTrailer, trailerHigh } from '../../lib/format/key.js'
import { putFixed32 } from '../../lib/format/coding.js'
import { BlockWriter, parseBlock } from '../../lib/table/block.js'
import type { Block } from '../../lib/table/block.js'
import { BlockWalk } from '../../lib/table/walk.js'
import { random } from '../support/random.js'
import { below, campaign, pick } from '../support/campaign.js'
import type { Entry } from './table-fixture.js'
import { compareEntries, entry, randomEntries, randomKey, told } from './table-fixture.js'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/ /g, ''), 'hex'))
const RESTART = '00000000 01000000'

function blockOf(entries: readonly Entry[], restartInterval: number): Block {
  const writer = new BlockWriter(restartInterval)
  for (const { key, sequence, type, value } of entries) {
    const internal = internalKey(key, sequence, type)
    writer.add(internal, internal.length, value, 0, value.length)
  }
  const expected = writer.sizeBytes
  const contents = writer.finish().slice()
  if (contents.length !== expected) throw new Error('another size than was told')
  return parseBlock(contents, 'internal', 'f', 0)
}

function walked(walk: BlockWalk): Entry {
  return {
    key: walk.keyBytes.slice(0, walk.keyEnd),
    sequence: walk.high * 2 ** 24 + (walk.low >>> 8),
    type: walk.low & 0xff,
    value: walk.valueBytes.slice(walk.valueStart, walk.valueEnd),
  }
}

t.test('the bytes of a small block', async (t) => {
  const writer = new BlockWriter(2)
  for (const [name, value] of [
    ['aa', 'x'],
    ['ab', ''],
    ['ac', 'yy'],
  ] as const)
    writer.add(Buffer.from(name), name.length, Buffer.from(value), 0, value.length)
  const expected = hex('000201 6161 78 010100 62 000202 6163 7979 00000000 0a000000 02000000')
  t.equal(Buffer.compare(writer.finish(), expected), 0)
  t.ok(writer.empty)
  t.equal(Buffer.from(writer.finish()).toString('hex'), RESTART.replace(' ', ''), 'and of none')
})

t.test('random blocks', async (t) => {
  await campaign(t, 300, async (seed) => {
    const next = random(seed)
    const entries = randomEntries(next, 1 + below(next, 120), pick(next, [3, 200]))
    const block = blockOf(entries, pick(next, [1, 2, 3, 16, 1000]))
    const walk = new BlockWalk()
    const lines = told(entries)
    const same = (at: number, what: string): void => {
      const line = told([walked(walk)])[0]
      if (line !== lines[at]) throw new Error(`${what}: ${line}, not ${lines[at]}`)
    }
    walk.enterFirst(block)
    for (let i = 0; i < entries.length; i++) {
      same(i, 'forward')
      if (walk.atLast !== (i === entries.length - 1)) throw new Error('wrong about the last')
      if (!walk.atLast && !walk.rises(undefined)) throw new Error('wrong about the order')
      walk.stepNext()
    }
    if (walk.stepNext()) throw new Error('beyond the last')
    walk.enterLast(block)
    for (let i = entries.length - 1; i >= 0; i--) {
      same(i, 'backward')
      if (walk.stepPrevious() !== i > 0) throw new Error('wrong about the first')
    }
    for (let i = 0; i < 100; i++) {
      const key = next() < 0.5 ? pick(next, entries).key : randomKey(next, 12)
      const sequence = pick(next, entries).sequence + below(next, 3) - 1
      const target = { ...entry(key, Math.max(0, sequence)), type: 1 }
      const low = ((target.sequence % 2 ** 24) * 256 + 1) >>> 0
      const at = entries.findIndex((other) => compareEntries(other, target) >= 0)
      const before = told([walked(walk)])[0]
      const found = walk.enterAt(block, key, trailerHigh(target.sequence), low)
      if (found !== at >= 0) throw new Error('wrong about whether there is one')
      if (found) same(at, 'seek')
      else if (told([walked(walk)])[0] !== before) throw new Error('a vain search moved')
      if (found && walk.found !== (Buffer.compare(entries[at]!.key, key) === 0))
        throw new Error('wrong about the user key')
      for (let j = at; found && j > 0 && j > at - 5; j--) {
        walk.stepPrevious()
        same(j - 1, 'back from a seek')
      }
      if (found && next() < 0.5 && walk.stepNext()) continue
    }
  })
})

t.test('malformed blocks', async (t) => {
  const key = '6b 0105000000000000'
  const vectors: [string, string][] = [
    ['', 'nothing'],
    ['000000', 'no room for a count'],
    ['00000000', 'no restart point'],
    ['02000000', 'more restart points than bytes'],
    ['ffffffff', 'more restart points than bytes'],
    ['01000000 01000000', 'a restart point where no entry is'],
    [`000901 ${key} 76 01000000 01000000`, 'the first restart point is not the first entry'],
    [`000901 ${key} 76 00000000 01000000 02000000`, 'a restart point inside of an entry'],
    [`000901 ${key} 76 00000000 0d000000 02000000`, 'a restart point at the end'],
    [`000901 ${key} 76 00000000 00000000 02000000`, 'the same restart point twice'],
    [`010901 ${key} 76 ${RESTART}`, 'shares with nothing'],
    [`000901 ${key} 76 0a0100 00 ${RESTART}`, 'shares more than the key before'],
    [`000901 ${key} ${RESTART}`, 'value cut short'],
    [`000a00 ${key} ${RESTART}`, 'key cut short'],
    ['000700 6b010500000000 00000000 01000000', 'key shorter than a trailer'],
    [`000900 6b 0205000000000000 ${RESTART}`, 'a type that is not known'],
    [`0009ff ${RESTART}`, 'length cut short'],
    [`00 ${RESTART}`, 'header cut short'],
    [`80 ${RESTART}`, 'header cut short'],
    [`00 ffffffff7f 00 ${key} ${RESTART}`, 'a length of 34 bits'],
    [`00 808080808001 09 00 ${key} ${RESTART}`, 'a varint of six bytes'],
    [`00 8080808080 09 00 ${key} ${RESTART}`, 'a varint of six bytes'],
    [`000901 ${key} 76 090000 00000000 0d000000 02000000`, 'a restart point that shares'],
  ]
  for (const [bytes, what] of vectors)
    t.throws(
      () => parseBlock(hex(bytes), 'internal', 'f', 7),
      { code: 'CAIRN_CORRUPTION', offset: 7 },
      what,
    )
  const sound = parseBlock(hex(`008900 01 ${key} 76 ${RESTART}`), 'internal', 'f', 7)
  const walk = new BlockWalk()
  walk.enterFirst(sound)
  t.equal(told([walked(walk)])[0], '6b@5/1=76', 'a longer varint than need be')
  t.equal(parseBlock(hex(RESTART), 'plain', 'f', 0).entriesEnd, 0, 'an empty block')
})

t.test('damaged blocks are refused or walked to an end', async (t) => {
  await campaign(t, 100, async (seed) => {
    const next = random(seed)
    const whole = blockOf(randomEntries(next, 1 + below(next, 40), 20), 1 + below(next, 5)).bytes
    for (let i = 0; i < 200; i++) {
      const bytes = whole.slice()
      for (let j = 0; j < 1 + below(next, 3); j++)
        bytes[below(next, bytes.length)] = below(next, 256)
      if (next() < 0.2) putFixed32(bytes, bytes.length - 4, below(next, 2 ** 32))
      let block: Block
      try {
        block = parseBlock(bytes, 'internal', 'f', 0)
      } catch (error) {
        if (error instanceof StoreError && error.code === 'CAIRN_CORRUPTION') continue
        throw error
      }
      if (block.entriesEnd > 0) roam(block, next)
    }
  })
})

/** Moves that must come to an end and stay inside, whatever the order of the keys. */
function roam(block: Block, next: () => number): void {
  const walk = new BlockWalk()
  let count = 1
  walk.enterFirst(block)
  for (; !walk.atLast; count++) {
    walk.rises(undefined)
    walk.stepNext()
  }
  walk.enterLast(block)
  for (; walk.stepPrevious(); count--)
    if (walk.valueEnd > block.entriesEnd) throw new Error('outside')
  if (count !== 1) throw new Error('another number of entries backward')
  for (let i = 0; i < 10; i++) walk.enterAt(block, randomKey(next, 12), 0, below(next, 2 ** 32))
}

t.test('trailers in two words', async (t) => {
  const trailer = new Uint8Array(8)
  putTrailer(trailer, 0, Number.MAX_SAFE_INTEGER, 1)
  t.equal(Buffer.from(trailer).toString('hex'), '01ffffffffffff1f')
  const entries = [entry('k', Number.MAX_SAFE_INTEGER, 'new'), entry('k', 2 ** 24, 'old')]
  const block = blockOf(entries, 16)
  const walk = new BlockWalk()
  t.ok(walk.enterAt(block, new Uint8Array([0x6b]), 0x1fffffff, 0xffffff01))
  t.equal(told([walked(walk)])[0], told([entries[0]])[0])
  t.ok(walk.enterAt(block, new Uint8Array([0x6b]), 0x1fffffff, 0xfffffe01))
  t.equal(told([walked(walk)])[0], told([entries[1]])[0])
  t.notOk(walk.enterAt(block, new Uint8Array([0x6b]), 0, 0xffffff01))
})
