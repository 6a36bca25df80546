/**
 * The picker: which tables to merge next, as a pure function of the levels.
 *
 * Level 0 is due at LEVEL0_START_TABLES tables, a deeper level when it outgrows its limit; the
 * level with the highest score goes first, at the table behind its compaction pointer. When no
 * level is due, a table that is mostly deletions is rewritten towards the tables below it, so
 * that space comes back after deletes.
 * Decides: inputs, widening, moves. Knows no time, no plane and no I/O.
 */
import { compareInternalKeys, compareUserKeys, userKey } from '../format/key.js'
import type { TableMeta } from '../format/edit.js'
import { EXPANSION_TABLES, LEVEL0_START_TABLES, LEVELS, levelBytesLimit } from './options.js'
import { bytesOf, overlapping, type Levels } from './version.js'

/** Where compaction of each level goes on: the largest internal key of its last inputs. */
export type Pointers = readonly (Uint8Array | undefined)[]

export interface Compaction {
  readonly level: number
  /** Tables of `level`, and tables of `level + 1` under them. */
  readonly upper: readonly TableMeta[]
  readonly lower: readonly TableMeta[]
  /** Tables of `level + 2` under both. */
  readonly grandparents: readonly TableMeta[]
  /** The single upper table has nothing under it: it moves down as it is. */
  readonly move: boolean
}

export interface PickerInput {
  readonly levels: Levels
  readonly pointers: Pointers
  readonly maxTableBytes: number
  /** The oldest sequence that a reader may hold: deletions above it must stay. */
  readonly oldestSnapshot: number
}

/** The next compaction, or undefined when none is due. */
export function pickCompaction(input: PickerInput): Compaction | undefined {
  const level = dueLevel(input.levels)
  if (level !== undefined) {
    const first = nextTable(input.levels[level]!, level, input.pointers[level])
    return planCompaction(input, level, [first], true)
  }
  const tombstones = mostlyDeleted(input)
  return tombstones && planCompaction(input, tombstones.level, [tombstones.table], false)
}

/** How far each level is past its limit; 1 and above is due. */
export function scoreLevel(levels: Levels, level: number): number {
  const tables = levels[level]!
  return level === 0
    ? tables.length / LEVEL0_START_TABLES
    : bytesOf(tables) / levelBytesLimit(level)
}

function dueLevel(levels: Levels): number | undefined {
  let due: number | undefined
  let highest = 1
  for (let level = 0; level < LEVELS - 1; level++) {
    const score = scoreLevel(levels, level)
    if (score < highest || (score === highest && due !== undefined)) continue
    highest = score
    due = level
  }
  return due
}

/** Level 0: the oldest table, so that a move never passes an older one. */
function nextTable(tables: readonly TableMeta[], level: number, pointer?: Uint8Array): TableMeta {
  if (level === 0) return tables.at(-1)!
  const behind = pointer && tables.find((t) => compareInternalKeys(t.largest, pointer) > 0)
  return behind ?? tables[0]!
}

/**
 * Widens the first tables of a level to a sound compaction: everything that overlaps in level 0,
 * every table that shares a boundary user key, all of the next level below, and more of the
 * level itself where that costs nothing below.
 */
export function planCompaction(
  input: Omit<PickerInput, 'oldestSnapshot' | 'pointers'>,
  level: number,
  first: readonly TableMeta[],
  mayMove: boolean,
): Compaction {
  const { levels, maxTableBytes } = input
  const below = levels[level + 1]!
  let upper = closeOver(levels[level]!, level, first)
  let lower = closeOver(below, level + 1, under(below, upper))
  const wider = closeOver(levels[level]!, level, under(levels[level]!, [...upper, ...lower]))
  if (wider.length > upper.length && lower.length > 0) {
    const widerLower = closeOver(below, level + 1, under(below, wider))
    const bytes = bytesOf(wider) + bytesOf(lower)
    if (widerLower.length === lower.length && bytes < EXPANSION_TABLES * maxTableBytes) {
      upper = wider
      lower = widerLower
    }
  }
  const grandparents = level + 2 < LEVELS ? under(levels[level + 2]!, [...upper, ...lower]) : []
  const move =
    mayMove &&
    upper.length === 1 &&
    lower.length === 0 &&
    bytesOf(grandparents) <= EXPANSION_TABLES * maxTableBytes
  return { level, upper, lower, grandparents, move }
}

/** The tables of `among` that overlap the span of `tables`. */
function under(among: readonly TableMeta[], tables: readonly TableMeta[]): TableMeta[] {
  if (tables.length === 0) return []
  const { smallest, largest } = spanOf(tables)
  return overlapping(among, smallest, largest)
}

/** The user keys between which the tables lie. */
export function spanOf(tables: readonly TableMeta[]): {
  smallest: Uint8Array
  largest: Uint8Array
} {
  let smallest = userKey(tables[0]!.smallest)
  let largest = userKey(tables[0]!.largest)
  for (const table of tables) {
    if (compareUserKeys(userKey(table.smallest), smallest) < 0) smallest = userKey(table.smallest)
    if (compareUserKeys(userKey(table.largest), largest) > 0) largest = userKey(table.largest)
  }
  return { smallest, largest }
}

/**
 * Adds tables until none outside shares a user key with the span: in level 0 any overlap (only
 * older tables matter, but newer ones come along), deeper the neighbours that LevelDB may have
 * cut between two versions of one key.
 */
function closeOver(
  among: readonly TableMeta[],
  level: number,
  tables: readonly TableMeta[],
): TableMeta[] {
  let chosen = [...tables]
  for (;;) {
    if (chosen.length === 0) return chosen
    const { smallest, largest } = spanOf(chosen)
    const wider = overlapping(among, smallest, largest)
    if (wider.length === chosen.length) return level === 0 ? wider : sorted(wider)
    chosen = wider
  }
}

function sorted(tables: TableMeta[]): TableMeta[] {
  return tables.sort((a, b) => compareInternalKeys(a.smallest, b.smallest))
}

/** A table whose deletions outnumber its values and whose deletions no reader needs. */
function mostlyDeleted(input: PickerInput): { level: number; table: TableMeta } | undefined {
  for (let level = 0; level < LEVELS - 1; level++) {
    const table = input.levels[level]!.findLast(
      ({ properties }) =>
        properties !== undefined &&
        properties.deletions * 2 > properties.entries &&
        properties.largestSequence <= input.oldestSnapshot,
    )
    if (table) return { level, table }
  }
  return undefined
}
