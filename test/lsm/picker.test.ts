/** The picker is a pure function: levels in, compaction out. */
import t from 'tap'
import type { TableMeta } from '../../lib/format/edit.js'
import { internalKey } from '../../lib/format/key.js'
import { noPointers } from '../../lib/lsm/manifest.js'
import { levelBytesLimit } from '../../lib/lsm/options.js'
import { pickCompaction, planCompaction, type PickerInput } from '../../lib/lsm/picker.js'
import { applyEdit, emptyLevels, findDisorder, type Levels } from '../../lib/lsm/version.js'

const MIB = 1024 * 1024

function table(number: number, from: string, to: string, more: Partial<TableMeta> = {}): TableMeta {
  return {
    number,
    sizeBytes: MIB,
    smallest: internalKey(Buffer.from(from), 100, 1),
    largest: internalKey(Buffer.from(to), 100, 1),
    ...more,
  }
}

function levelsOf(tables: Readonly<Record<number, TableMeta[]>>): Levels {
  const added = Object.entries(tables).flatMap(([level, list]) =>
    list.map((table) => ({ level: Number(level), table })),
  )
  return applyEdit(emptyLevels(), { added })
}

function pick(levels: Levels, more: Partial<PickerInput> = {}) {
  return pickCompaction({
    levels,
    pointers: noPointers(),
    maxTableBytes: 2 * MIB,
    oldestSnapshot: 1000,
    ...more,
  })
}

const numbers = (tables: readonly TableMeta[]): number[] => tables.map(({ number }) => number)

t.test('nothing is due in an empty tree or below the limits', (t) => {
  t.equal(pick(emptyLevels()), undefined)
  t.equal(pick(levelsOf({ 0: [1, 2, 3].map((n) => table(n, 'a', 'z')) })), undefined)
  t.end()
})

t.test('level 0 takes every table that overlaps, newest first, and what lies below', (t) => {
  const levels = levelsOf({
    0: [table(1, 'a', 'c'), table(2, 'b', 'e'), table(3, 'e', 'g'), table(4, 'x', 'z')],
    1: [table(5, 'a', 'b'), table(6, 'f', 'h'), table(7, 'm', 'n')],
  })
  const plan = pick(levels)
  t.equal(plan?.level, 0)
  t.same(numbers(plan!.upper), [3, 2, 1])
  t.same(numbers(plan!.lower), [5, 6])
  t.equal(plan!.move, false)
  t.end()
})

t.test('the oldest table of level 0 moves alone when nothing overlaps it', (t) => {
  const tables = ['a', 'b', 'c', 'd'].map((key, i) => table(i + 1, key, key))
  const plan = pick(levelsOf({ 0: tables }))
  t.same(numbers(plan!.upper), [1])
  t.equal(plan!.move, true)
  t.end()
})

t.test('a level that outgrew its limit goes on behind its pointer', (t) => {
  const big = { sizeBytes: levelBytesLimit(1) }
  const levels = levelsOf({ 1: [table(1, 'a', 'b', big), table(2, 'c', 'd', big)] })
  t.same(numbers(pick(levels)!.upper), [1])
  const pointers = noPointers()
  pointers[1] = internalKey(Buffer.from('b'), 100, 1)
  t.same(numbers(pick(levels, { pointers })!.upper), [2])
  pointers[1] = internalKey(Buffer.from('x'), 1, 1)
  t.same(numbers(pick(levels, { pointers })!.upper), [1], 'and begins again at the end')
  t.end()
})

t.test('tables that share a boundary user key go together', (t) => {
  const first = table(1, 'a', 'k')
  const second = {
    ...table(2, 'k', 'p'),
    smallest: internalKey(Buffer.from('k'), 50, 1),
  }
  const levels = levelsOf({ 1: [first, second, table(3, 'q', 'r')] })
  const plan = planCompaction({ levels, maxTableBytes: 2 * MIB }, 1, [first], true)
  t.same(numbers(plan.upper), [1, 2])
  t.end()
})

t.test('more tables of the level come along when that costs nothing below', (t) => {
  const levels = levelsOf({
    1: [table(1, 'a', 'b'), table(2, 'c', 'd')],
    2: [table(3, 'a', 'e')],
  })
  const plan = planCompaction({ levels, maxTableBytes: 2 * MIB }, 1, [levels[1]![0]!], true)
  t.same(numbers(plan.upper), [1, 2])
  t.same(numbers(plan.lower), [3])
  t.end()
})

t.test('a table of deletions is rewritten once no snapshot needs it', (t) => {
  const properties = {
    entries: 10,
    deletions: 6,
    keyBytes: 1,
    valueBytes: 1,
    smallestSequence: 1,
    largestSequence: 500,
  }
  const levels = levelsOf({ 2: [table(1, 'a', 'b', { properties })] })
  const plan = pick(levels)
  t.same(numbers(plan!.upper), [1])
  t.equal(plan!.move, false, 'it is merged, so that its deletions go')
  t.equal(pick(levels, { oldestSnapshot: 499 }), undefined)
  t.end()
})

t.test('disorder in levels is found', (t) => {
  t.equal(findDisorder(levelsOf({ 1: [table(1, 'a', 'c'), table(2, 'd', 'e')] })), undefined)
  t.match(findDisorder(levelsOf({ 1: [table(1, 'a', 'c'), table(2, 'b', 'e')] })), /overlap/)
  t.match(findDisorder(levelsOf({ 1: [table(1, 'a', 'b')], 2: [table(1, 'a', 'b')] })), /twice/)
  t.match(findDisorder(levelsOf({ 1: [table(1, 'b', 'a')] })), /ends before/)
  t.throws(() => applyEdit(emptyLevels(), { deleted: [{ level: 1, number: 5 }] }), /not in level/)
  t.end()
})
