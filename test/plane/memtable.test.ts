/** The memtable against a sorted array: look-ups, both directions, growth between two moves. */
import t from 'tap'
import { BatchWriter } from '../../lib/format/batch.js'
import { FormatError } from '../../lib/format/coding.js'
import { trailerHigh, trailerLow } from '../../lib/format/key.js'
import type { MemtableHit } from '../../lib/memtable/memtable.js'
import { TypescriptMemtable } from '../../lib/memtable/memtable.js'
import { ABSENT } from '../../lib/plane.js'
import {
  applyVersions,
  compareVersions,
  modelFind,
  randomVersions,
  show,
  versionAt,
} from '../support/entries.js'
import type { Version } from '../support/entries.js'
import { random } from '../support/random.js'

const SEEDS = process.env.CAIRN_CAMPAIGN === 'full' ? 400 : 40
const SEEK = 1

function newHit(): MemtableHit {
  return { high: 0, low: 0, valueBytes: new Uint8Array(0), valueStart: 0, valueEnd: 0 }
}

function walk(memtable: TypescriptMemtable, reverse: boolean): Version[] {
  const cursor = memtable.cursor()
  const walked: Version[] = []
  if (reverse) for (cursor.last(); cursor.valid; cursor.previous()) walked.push(versionAt(cursor))
  else for (cursor.first(); cursor.valid; cursor.next()) walked.push(versionAt(cursor))
  return walked
}

function checkWhole(memtable: TypescriptMemtable, versions: Version[]): string | undefined {
  const sorted = show(versions.toSorted(compareVersions))
  if (show(walk(memtable, false)).join() !== sorted.join()) return 'forward'
  if (show(walk(memtable, true)).reverse().join() !== sorted.join()) return 'backward'
  return undefined
}

/** Looks up and seeks around every kind of key; tells the first difference. */
function checkLookups(
  memtable: TypescriptMemtable,
  versions: Version[],
  next: () => number,
): string | undefined {
  const sorted = versions.toSorted(compareVersions)
  const hit = newHit()
  for (let i = 0; i < 60; i++) {
    const near = versions[Math.floor(next() * versions.length)]!.key
    const key =
      next() < 0.7
        ? near
        : Buffer.concat([
            near.subarray(0, near.length >> 1),
            Buffer.from([Math.floor(next() * 256)]),
          ])
    const at = Math.floor(next() * (versions.length + 10))
    const expected = modelFind(versions, key, at)
    const type = memtable.find(key, trailerHigh(at), trailerLow(at, SEEK), hit)
    const value = Buffer.from(hit.valueBytes.subarray(hit.valueStart, hit.valueEnd))
    if (type !== (expected?.type ?? ABSENT)) return `find ${key.toString('hex')} at ${at}`
    if (
      expected &&
      (!value.equals(expected.value) || hit.low !== trailerLow(expected.sequence, type))
    )
      return `value of ${key.toString('hex')} at ${at}`
    const lookup = { key, sequence: at, type: SEEK, value }
    const place = sorted.findIndex((version) => compareVersions(version, lookup) >= 0)
    const cursor = memtable.cursor()
    cursor.seek(key, trailerHigh(at), trailerLow(at, SEEK))
    const after = place < 0 ? undefined : sorted[place]
    if (cursor.valid ? !after || compareVersions(versionAt(cursor), after) !== 0 : after)
      return `seek ${i}`
    cursor.seekBefore(key, trailerHigh(at), trailerLow(at, SEEK))
    const before = place < 0 ? sorted.at(-1) : sorted[place - 1]
    if (cursor.valid ? !before || compareVersions(versionAt(cursor), before) !== 0 : before)
      return `seekBefore ${i}`
  }
  return undefined
}

t.test('holds what was applied, in order', (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const next = random(seed)
    const versions = randomVersions(next, 1, 1 + Math.floor(next() * 3000))
    const memtable = new TypescriptMemtable()
    applyVersions(memtable, versions, next)
    const flaw = checkWhole(memtable, versions) ?? checkLookups(memtable, versions, next)
    if (flaw !== undefined || memtable.entries !== versions.length) t.fail(`seed ${seed}: ${flaw}`)
  }
  t.pass(`${SEEDS} seeds`)
  t.end()
})

t.test('random, ascending, descending and lengthening keys', (t) => {
  const shapes: ((i: number, next: () => number) => Buffer)[] = [
    (_, next) => Buffer.from(Array.from({ length: 16 }, () => Math.floor(next() * 256))),
    (i) => Buffer.from(String(i).padStart(16, '0')),
    (i) => Buffer.from(String(100000 - i).padStart(16, '0')),
    (i) => Buffer.from('x'.repeat(i % 300) + String(i)),
    // Each key shares less with the ones before it, until the shared prefix is given up.
    (i) => Buffer.from('p'.repeat(Math.max(0, 40 - (i >> 3))) + String(i)),
    () => Buffer.alloc(0),
    // Keys that differ in zeros at their ends alone, below one long prefix and below several.
    (_, next) => Buffer.alloc(Math.floor(next() * 40)),
    (_, next) => Buffer.concat([Buffer.alloc(12, 'p'), Buffer.alloc(Math.floor(next() * 99))]),
    (_, next) => {
      const prefix = Buffer.from('abcdefghijklmnopqrst').subarray(0, Math.floor(next() * 20))
      const zeros = Buffer.alloc(Math.floor(next() * 6))
      return Buffer.concat([prefix, zeros, Buffer.of(...(next() < 0.5 ? [next() * 3] : []))])
    },
    (i, next) =>
      Buffer.from(`!${['users', 'sessions', 't'][i % 3]}!prefix-${Math.floor(next() * 9999)}`),
  ]
  for (const [index, shape] of shapes.entries()) {
    const next = random(index + 1)
    const versions = Array.from({ length: 20000 }, (_, i) => ({
      key: shape(i, next),
      sequence: i + 1,
      type: 1,
      value: Buffer.from(String(i)),
    }))
    const memtable = new TypescriptMemtable()
    applyVersions(memtable, versions, next)
    t.equal(checkWhole(memtable, versions), undefined, `shape ${index}: whole`)
    t.equal(checkLookups(memtable, versions, next), undefined, `shape ${index}: look-ups`)
  }
  t.end()
})

// A node at the edge of the tree may hold kinds of keys that its parent's slots say nothing of.
t.test('two kinds of keys in changing shares', (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const next = random(seed)
    const share = 0.4 + next() * 0.2
    const turn = 2000 + Math.floor(next() * 2000)
    const versions = Array.from({ length: 8000 }, (_, i) => ({
      key: Buffer.from(
        next() < (i < turn ? share : 0.9)
          ? `!by-name!${Math.floor(next() * 1e6).toString(36)}`
          : `!cities!${String(i).padStart(6, '0')}`,
      ),
      sequence: i + 1,
      type: 1,
      value: Buffer.alloc(0),
    }))
    const memtable = new TypescriptMemtable()
    applyVersions(memtable, versions, next)
    const flaw = checkWhole(memtable, versions)
    if (flaw !== undefined) t.fail(`seed ${seed}: ${flaw}`)
  }
  t.pass(`${SEEDS} seeds`)
  t.end()
})

t.test('a cursor goes on from its entry while the memtable grows', (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const next = random(seed)
    const versions = randomVersions(next, 1, 2000)
    const memtable = new TypescriptMemtable()
    let applied = 1 + Math.floor(next() * 200)
    applyVersions(memtable, versions.slice(0, applied), next)
    const cursor = memtable.cursor()
    cursor.first()
    let sorted = versions.slice(0, applied).sort(compareVersions)
    for (let move = 0; move < 400 && cursor.valid; move++) {
      if (next() < 0.1 && applied < versions.length) {
        const more = Math.min(versions.length - applied, 1 + Math.floor(next() * 40))
        applyVersions(memtable, versions.slice(applied, applied + more), next)
        applied += more
        sorted = versions.slice(0, applied).sort(compareVersions)
      }
      const here = versionAt(cursor)
      const place = sorted.findIndex((version) => compareVersions(version, here) === 0)
      const back = next() < 0.3
      if (back) cursor.previous()
      else cursor.next()
      const expected = sorted[back ? place - 1 : place + 1]
      const got = cursor.valid ? versionAt(cursor) : undefined
      if (show(got ? [got] : []).join() !== show(expected ? [expected] : []).join()) {
        t.fail(`seed ${seed}: move ${move}`)
        break
      }
    }
  }
  t.pass(`${SEEDS} seeds`)
  t.end()
})

t.test('bytes counts whole batches; parts may be applied by other readers', (t) => {
  const memtable = new TypescriptMemtable()
  const batch = new BatchWriter()
  for (let i = 0; i < 10; i++) batch.put(`key${i}`, 'x'.repeat(i))
  const bytes = batch.stamp(100)
  t.equal(memtable.apply(bytes, 0, 4), 4)
  t.equal(memtable.bytes, 0)
  t.equal(memtable.entries, 4)
  t.equal(memtable.apply(Buffer.from(bytes), 4, 3), 7, 'another copy of the batch')
  t.equal(memtable.apply(bytes, 7, Infinity), 10)
  t.equal(memtable.bytes, bytes.length)
  t.equal(memtable.apply(bytes, 10, 1), 10, 'nothing is left')
  t.equal(memtable.entries, 10)
  t.same(
    walk(memtable, false).map(({ sequence }) => sequence),
    [100, 101, 102, 103, 104, 105, 106, 107, 108, 109],
  )
  t.ok(memtable.memoryBytes > bytes.length)
  t.throws(() => memtable.apply(bytes, 11, 1), RangeError)
  t.throws(() => memtable.apply(bytes, -1, 1), RangeError)
  t.throws(() => memtable.apply(bytes, 0, -1), RangeError)
  t.end()
})

t.test('records larger than a chunk, and many chunks', (t) => {
  const memtable = new TypescriptMemtable()
  const versions: Version[] = []
  for (let i = 0; i < 60; i++) {
    const value = Buffer.alloc(i % 7 === 0 ? 1500000 : i * 900, i)
    versions.push({ key: Buffer.from(`k${(i * 37) % 60}`), sequence: i + 1, type: 1, value })
  }
  applyVersions(memtable, versions, random(5))
  const sorted = versions.toSorted(compareVersions)
  const walked = walk(memtable, false)
  t.equal(walked.length, sorted.length)
  t.ok(
    walked.every(
      (version, i) => version.key.equals(sorted[i]!.key) && version.value.equals(sorted[i]!.value),
    ),
  )
  t.end()
})

t.test('bad bytes change nothing', (t) => {
  const batch = new BatchWriter()
  for (let i = 0; i < 5; i++) batch.put(`key${i}`, `value${i}`)
  batch.delete('key2')
  const good = new Uint8Array(batch.stamp(7))
  const memtable = new TypescriptMemtable()
  memtable.apply(good, 0, Infinity)
  const before = show(walk(memtable, false)).join()
  const { bytes } = memtable
  for (let length = 0; length < good.length; length++) {
    t.throws(() => memtable.apply(good.subarray(0, length), 0, Infinity), FormatError)
  }
  for (let flip = 0; flip < good.length * 8; flip++) {
    const bad = good.slice()
    bad[flip >> 3]! ^= 1 << (flip & 7)
    const probe = new TypescriptMemtable()
    probe.apply(good, 0, Infinity)
    try {
      probe.apply(bad, 0, Infinity)
    } catch (error) {
      t.ok(error instanceof FormatError, `flip ${flip}`)
      t.equal(show(walk(probe, false)).join(), before)
      t.equal(probe.bytes, bytes)
    }
  }
  t.equal(show(walk(memtable, false)).join(), before)
  t.end()
})

t.test('a bad batch that needed a new chunk leaves no trace', (t) => {
  const memtable = new TypescriptMemtable()
  const versions = randomVersions(random(3), 1, 500)
  applyVersions(memtable, versions.slice(0, 100), random(4))
  const batch = new BatchWriter()
  for (let i = 0; i < 20; i++) batch.put(`big${i}`, 'x'.repeat(10000))
  const bytes = new Uint8Array(batch.stamp(1000))
  const { memoryBytes } = memtable
  t.throws(() => memtable.apply(bytes.subarray(0, -1), 0, Infinity), FormatError)
  t.equal(memtable.memoryBytes, memoryBytes)
  applyVersions(memtable, versions.slice(100), random(4))
  t.equal(checkWhole(memtable, versions), undefined)
  t.end()
})

t.test('a closed memtable answers nothing', (t) => {
  const memtable = new TypescriptMemtable()
  applyVersions(memtable, randomVersions(random(1), 1, 100), random(2))
  const cursor = memtable.cursor()
  cursor.first()
  memtable.close()
  memtable.close()
  t.throws(() => memtable.find(Buffer.from('a'), 0, 0, newHit()), TypeError)
  t.throws(() => memtable.cursor(), TypeError)
  t.throws(() => memtable.apply(new Uint8Array(12), 0, 1), TypeError)
  let count = 0
  for (; cursor.valid; cursor.next()) count++
  t.equal(count, 100, 'an open cursor keeps what it walks')
  cursor.close()
  t.notOk(cursor.valid)
  t.end()
})
