/** Tables: what was written is found and walked, in both directions, whatever the options. */
import t from 'tap'
import { KEY_TYPE_SEEK, trailerHigh, trailerLow } from '../../lib/format/key.js'
import { ABSENT, COLD } from '../../lib/plane.js'
import type { TableOptions } from '../../lib/plane.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import type { EntryCursor } from '../../lib/view/entries.js'
import { random } from '../support/random.js'
import { below, campaign, pick } from '../support/campaign.js'
import type { Entry } from './table-fixture.js'
import {
  compareEntries,
  cursorEntry,
  entry,
  hitEntry,
  modelFind,
  moved,
  newHit,
  randomEntries,
  randomKey,
  tableOf,
  told,
  walkAll,
} from './table-fixture.js'

function randomOptions(next: () => number): Partial<TableOptions> {
  return {
    blockSizeBytes: pick(next, [64, 64, 300, 4096]),
    restartInterval: pick(next, [1, 2, 16]),
    compression: next() < 0.5,
    filterBits: pick(next, [0, 1, 10, 50]),
  }
}

async function findAt(
  table: TypescriptTable,
  key: Uint8Array,
  at: number,
  way: 'wait' | 'cold',
): Promise<Entry | undefined> {
  const hit = newHit()
  const high = trailerHigh(at)
  const low = trailerLow(at, KEY_TYPE_SEEK)
  const type =
    way === 'wait'
      ? table.find(key, high, low, hit, true, true)
      : await table.findCold(key, high, low, hit, true)
  return type === ABSENT ? undefined : hitEntry(key, hit)
}

/** Any key: one of the table's, one beside it, or another. */
function anyKey(next: () => number, entries: readonly Entry[]): Uint8Array {
  if (next() < 0.2) return randomKey(next, 12)
  const { key } = pick(next, entries)
  if (next() < 0.5) return key
  if (next() < 0.5) return key.slice(0, below(next, key.length + 1))
  return Uint8Array.from([...key, below(next, 256)])
}

t.test('random tables hold what was written', async (t) => {
  await campaign(t, 300, async (seed) => {
    const next = random(seed)
    const entries = randomEntries(next, 1 + below(next, 300), pick(next, [4, 60, 300]))
    const options = randomOptions(next)
    const cacheBytes = pick(next, [0, 1000, 1 << 20])
    const { table, files } = await tableOf(entries, options, cacheBytes)
    const lines = told(entries)
    for (const cursor of [table.cursor(true), table.cursor(false), table.stream()]) {
      sameLines(told(await walkAll(cursor)), lines, 'forward')
      cursor.close()
    }
    sameLines(told(await walkAll(table.cursor(true), true)), lines.toReversed(), 'backward')
    for (let i = 0; i < 60; i++) {
      const key = anyKey(next, entries)
      const at = next() < 0.3 ? Number.MAX_SAFE_INTEGER : pick(next, entries).sequence
      const expected = told([modelFind(entries, key, at)])
      sameLines(told([await findAt(table, key, at, 'wait')]), expected, 'find')
      sameLines(told([await findAt(table, key, at, 'cold')]), expected, 'findCold')
    }
    await wander(table.cursor(next() < 0.5), entries, next)
    const { damage, entries: count } = await table.verify()
    if (damage.length > 0 || count !== entries.length) throw new Error(JSON.stringify(damage))
    table.close()
    await files.close()
  })
})

/** A cursor is moved at random beside an index into the array. */
async function wander(cursor: EntryCursor, entries: Entry[], next: () => number): Promise<void> {
  let at = -1
  for (let i = 0; i < 200; i++) {
    const what = next()
    if (at >= 0 && at < entries.length && what < 0.7) {
      const forward = what < 0.35
      await moved(cursor, () => (forward ? cursor.next() : cursor.previous()))
      at += forward ? 1 : -1
    } else {
      const key = anyKey(next, entries)
      const sequence = next() < 0.3 ? 2 ** 50 : pick(next, entries).sequence
      const probe = { ...entry(key, sequence), type: KEY_TYPE_SEEK }
      const high = trailerHigh(sequence)
      const low = trailerLow(sequence, KEY_TYPE_SEEK)
      // A deletion sorts behind the look-up key of its own sequence, a value with it.
      const found = entries.findIndex((other) => compareEntries(other, probe) >= 0)
      const first = found < 0 ? entries.length : found
      const before = what > 0.85
      at = before ? first - 1 : first
      await moved(cursor, () =>
        before ? cursor.seekBefore(key, high, low) : cursor.seek(key, high, low),
      )
    }
    sameLines(told([cursorEntry(cursor)]), told([entries[at]]), `step ${i}`)
  }
  cursor.close()
}

function sameLines(got: string[], expected: string[], what: string): void {
  if (got.length === expected.length && got.every((line, i) => line === expected[i])) return
  const at = expected.findIndex((line, i) => line !== got[i])
  throw new Error(
    `${what}: ${got.length} for ${expected.length} lines, ${at}: ${got[at]}, not ${expected[at]}`,
  )
}

t.test('seeks at every key and between, in both directions', async (t) => {
  for (const restartInterval of [1, 2, 16]) {
    const entries = Array.from({ length: 200 }, (_, i) =>
      entry(`key${String(i * 2).padStart(4, '0')}`, 1 + i, `value${i}`),
    )
    const { table } = await tableOf(entries, { blockSizeBytes: 64, restartInterval })
    const cursor = table.cursor(true)
    for (let i = -1; i <= 400; i++) {
      const key = new Uint8Array(Buffer.from(`key${String(i).padStart(4, '0')}`))
      const index = i < 0 ? 0 : Math.ceil(i / 2)
      await moved(cursor, () => cursor.seek(key, 0xffffffff, 0xffffffff))
      const forward = told([cursorEntry(cursor)])
      await moved(cursor, () => cursor.seekBefore(key, 0xffffffff, 0xffffffff))
      const backward = told([cursorEntry(cursor)])
      if (forward[0] !== told([entries[index]])[0] || backward[0] !== told([entries[index - 1]])[0])
        t.fail(`interval ${restartInterval}, key ${i}: ${forward[0]}, ${backward[0]}`)
    }
    t.pass(`interval ${restartInterval}`)
  }
})

t.test('many versions of one user key', async (t) => {
  const entries = Array.from({ length: 1000 }, (_, i) =>
    entry('the same key', 2 ** 40 + (1000 - i) * 7, i % 5 === 0 ? undefined : `v${i}`),
  )
  const { table } = await tableOf(entries, { blockSizeBytes: 64 })
  t.same(told(await walkAll(table.cursor(true))), told(entries))
  for (const { sequence } of entries)
    for (const at of [sequence - 1, sequence, sequence + 1]) {
      const found = await findAt(table, entries[0]!.key, at, 'wait')
      if (told([found])[0] !== told([modelFind(entries, entries[0]!.key, at)])[0])
        t.fail(`at ${at}`)
    }
  t.equal(await findAt(table, entries[0]!.key, 2 ** 40, 'wait'), undefined, 'older than all')
})

t.test('empty keys, empty values and values of a mebibyte', async (t) => {
  const large = new Uint8Array(1 << 20).map((_, i) => i * 31)
  const entries = [
    entry('', 3, ''),
    entry('a', 1, large),
    entry('b', 2, ''),
    entry('c', 4, large.subarray(0, 70_000)),
    entry(new Uint8Array(5000).fill(0xff), 9, large),
    entry(new Uint8Array(5001).fill(0xff), 8),
  ]
  const { table } = await tableOf(entries)
  for (const cursor of [table.cursor(true), table.stream()]) {
    t.same(told(await walkAll(cursor)), told(entries))
    cursor.close()
  }
  for (const { key, sequence, value } of entries) {
    const found = await findAt(table, key, sequence, 'wait')
    t.equal(Buffer.compare(found!.value, value), 0)
  }
  t.same((await table.verify()).damage, [])
})

t.test('COLD until it is loaded; wait reads at once', async (t) => {
  const entries = Array.from({ length: 100 }, (_, i) => entry(`k${i + 100}`, i, 'x'.repeat(50)))
  const { table, files } = await tableOf(entries, { blockSizeBytes: 64 })
  const hit = newHit()
  const find = (i: number, wait: boolean, fillCache = true): number =>
    table.find(entries[i]!.key, 0xffffffff, 0xffffffff, hit, wait, fillCache)
  t.equal(find(7, false), COLD, 'not open')
  t.equal(files.openTables, 0)
  t.equal(find(7, true, false), 1)
  t.equal(files.openTables, 1)
  t.equal(files.cachedBlockBytes, 0, 'the cache was not to be filled')
  t.equal(find(7, false), COLD, 'open, the block is not there')
  t.equal(find(7, true), 1)
  t.equal(find(7, false), 1, 'now it is')
  t.ok(files.cachedBlockBytes > 0)
  t.equal(find(50, false), COLD)
  t.equal(await table.findCold(entries[50]!.key, 0xffffffff, 0xffffffff, hit, true), 1)
  t.equal(find(50, false), 1)
  const absent = new Uint8Array(Buffer.from('k1070'))
  t.equal(table.find(absent, 9, 9, hit, false, true), ABSENT, 'the filter answers without a block')
  table.close()
  t.equal(files.cachedBlockBytes, 0, 'nothing is left of a closed table')
  t.throws(() => find(7, true), { code: 'CAIRN_NOT_OPEN' })
  await files.close()
})

t.test('a move that answers COLD changes nothing', async (t) => {
  const entries = Array.from({ length: 60 }, (_, i) => entry(`k${i + 100}`, i, `value ${i}`))
  const { table } = await tableOf(entries, { blockSizeBytes: 64 }, 0)
  const cursor = table.cursor(false)
  await moved(cursor, () => cursor.seek(entries[30]!.key, 0xffffffff, 0xffffffff))
  const far = entries[5]!.key
  const moves = [
    () => cursor.seek(far, 0xffffffff, 0xffffffff),
    () => cursor.seekBefore(far, 0xffffffff, 0xffffffff),
    () => cursor.first(),
    () => cursor.last(),
  ]
  for (const move of moves) {
    t.notOk(move())
    t.same(told([cursorEntry(cursor)]), told([entries[30]]))
  }
  for (let i = 30; i < 59; i++) {
    while (!cursor.next()) {
      t.same(told([cursorEntry(cursor)]), told([entries[i]]))
      cursor.loadSync()
      t.same(told([cursorEntry(cursor)]), told([entries[i]]))
    }
    t.same(told([cursorEntry(cursor)]), told([entries[i + 1]]))
  }
})

t.test('properties, the range of keys and offsets', async (t) => {
  const entries = [
    entry('apple', 7, 'red'),
    entry('apple', 5),
    entry('banana', 12, 'yellow'),
    entry('cherry', 3),
  ]
  const { table, files } = await tableOf(entries, { blockSizeBytes: 1 })
  const expected = {
    entries: 4,
    deletions: 2,
    keyBytes: 22,
    valueBytes: 9,
    smallestSequence: 3,
    largestSequence: 12,
  }
  t.same(table.meta.properties, expected, 'told by the writer')
  const { properties, ...meta } = table.meta
  t.ok(properties)
  t.same(await new TypescriptTable(files, meta).properties(), expected, 'read from the file')
  t.equal(Buffer.from(meta.smallest).toString('hex'), '6170706c650107000000000000')
  t.equal(Buffer.from(meta.largest).toString('hex'), '6368657272790003000000000000'.padEnd(28, '0'))
  const offsets: number[] = []
  for (const key of ['', 'apple', 'apricot', 'banana', 'cherry', 'date'])
    offsets.push(await table.offsetOf(new Uint8Array(Buffer.from(key))))
  t.equal(offsets[0], 0)
  t.equal(offsets[1], 0)
  t.same(
    offsets,
    [...offsets].sort((a, b) => a - b),
  )
  t.ok(offsets[4]! > offsets[3]! && offsets[5]! > offsets[4]! && offsets[5]! < meta.sizeBytes)
})

t.test('the writer refuses what is out of order, and a table of nothing', async (t) => {
  const bad = [
    [entry('b', 1, 'x'), entry('a', 2, 'x')],
    [entry('a', 1, 'x'), entry('a', 2, 'x')],
    [entry('a', 1, 'x'), entry('a', 1, 'x')],
    [entry('ab', 1, 'x'), entry('a', 1, 'x')],
    [],
  ]
  for (const entries of bad) await t.rejects(tableOf(entries), RangeError)
})
