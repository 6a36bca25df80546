/**
 * Versions: which memtables and tables make up the tree at one moment.
 *
 * Invariant: a Version never changes. Readers retain the one they began with; a table's file is
 * removed only when no retained version holds it. Level 0 is ordered newest first and may
 * overlap; deeper levels are sorted by key and disjoint.
 * Decides: when a table is no longer needed.
 */
import { compareInternalKeys, compareUserKeys, userKey } from '../format/key.js'
import type { TableMeta, VersionEdit } from '../format/edit.js'
import type { DataPlane, KeyRange, Memtable, Run, Table, View } from '../plane.js'
import { LEVELS } from './options.js'

/** Live tables by level. */
export type Levels = readonly (readonly TableMeta[])[]

export function emptyLevels(): Levels {
  return Array.from({ length: LEVELS }, () => [])
}

/** The levels after an edit. Throws a plain Error when it deletes a table that is not there. */
export function applyEdit(levels: Levels, edit: VersionEdit): Levels {
  const next = levels.map((tables) => [...tables])
  for (const { level, number } of edit.deleted ?? []) {
    const at = next[level]!.findIndex((table) => table.number === number)
    if (at < 0) throw new Error(`table ${number} is not in level ${level}`)
    next[level]!.splice(at, 1)
  }
  const touched = new Set<number>()
  for (const { level, table } of edit.added ?? []) {
    next[level]!.push(table)
    touched.add(level)
  }
  for (const level of touched) next[level]!.sort(level === 0 ? newestFirst : byKey)
  return next
}

function newestFirst(a: TableMeta, b: TableMeta): number {
  return b.number - a.number
}

function byKey(a: TableMeta, b: TableMeta): number {
  return compareInternalKeys(a.smallest, b.smallest)
}

/** Gives a reason why the levels can not be read from, or undefined when they are sound. */
export function findDisorder(levels: Levels): string | undefined {
  const seen = new Set<number>()
  for (const [level, tables] of levels.entries()) {
    for (const [i, table] of tables.entries()) {
      if (seen.has(table.number)) return `table ${table.number} is listed twice`
      seen.add(table.number)
      if (compareInternalKeys(table.smallest, table.largest) > 0)
        return `table ${table.number} ends before it begins`
      const previous = level > 0 && i > 0 ? tables[i - 1]! : undefined
      if (previous && compareInternalKeys(previous.largest, table.smallest) >= 0)
        return `tables ${previous.number} and ${table.number} of level ${level} overlap`
    }
  }
  return undefined
}

export function bytesOf(tables: readonly TableMeta[]): number {
  return tables.reduce((sum, table) => sum + table.sizeBytes, 0)
}

export function rangeOf(table: TableMeta): KeyRange {
  return { smallest: userKey(table.smallest), largest: userKey(table.largest) }
}

/** The tables that hold keys in [smallest, largest]; a bound left out is open. */
export function overlapping(
  tables: readonly TableMeta[],
  smallest?: Uint8Array,
  largest?: Uint8Array,
): TableMeta[] {
  return tables.filter(
    (table) =>
      (smallest === undefined || compareUserKeys(userKey(table.largest), smallest) >= 0) &&
      (largest === undefined || compareUserKeys(userKey(table.smallest), largest) <= 0),
  )
}

/** Sorted key ranges of the levels from `first` on, for MergeJob.deeper. */
export function rangesFrom(levels: Levels, first: number): KeyRange[][] {
  return levels.slice(first).flatMap((tables, i) => {
    if (first + i === 0) return tables.map((table) => [rangeOf(table)])
    return tables.length === 0 ? [] : [tables.map(rangeOf)]
  })
}

/** One moment of the tree. Made by VersionSet alone. */
export class Version {
  readonly view: View
  references = 1

  constructor(
    readonly levels: Levels,
    readonly memtables: readonly Memtable[],
    readonly tables: readonly Table[],
    createView: (runs: readonly Run[]) => View,
    handle: (meta: TableMeta) => Table,
  ) {
    const runs: Run[] = memtables.map((memtable) => [memtable])
    for (const meta of levels[0]!) runs.push([handle(meta)])
    for (const tables of levels.slice(1)) if (tables.length > 0) runs.push(tables.map(handle))
    this.view = createView(runs)
  }
}

/** Keeps the current version and counts who needs which table and memtable. */
export class VersionSet {
  #current: Version
  readonly #tables = new Map<number, { table: Table; references: number }>()
  readonly #memtables = new Map<Memtable, number>()

  /** `onObsolete` is called once for each table that no version holds any more. */
  constructor(
    private readonly plane: DataPlane,
    levels: Levels,
    memtables: readonly Memtable[],
    private readonly onObsolete: (meta: TableMeta) => void,
  ) {
    this.#current = this.#build(levels, memtables)
  }

  get current(): Version {
    return this.#current
  }

  /** Makes a new version current. */
  install(levels: Levels, memtables: readonly Memtable[]): void {
    const before = this.#current
    this.#current = this.#build(levels, memtables)
    this.release(before)
  }

  retain(version: Version = this.#current): Version {
    version.references++
    return version
  }

  release(version: Version): void {
    if (--version.references > 0) return
    version.view.close()
    for (const table of version.tables) this.#releaseTable(table)
    for (const memtable of version.memtables) {
      const left = this.#memtables.get(memtable)! - 1
      this.#memtables.set(memtable, left)
      if (left > 0) continue
      this.#memtables.delete(memtable)
      memtable.close()
    }
  }

  /** Lets go of everything, as the tree closes: no table is obsolete by that. */
  close(): void {
    this.#current.view.close()
    for (const { table } of this.#tables.values()) table.close()
    for (const memtable of this.#memtables.keys()) memtable.close()
  }

  /** The handle of a live table. */
  handle(meta: TableMeta): Table {
    const held = this.#tables.get(meta.number)
    if (held) return held.table
    const table = this.plane.openTable(meta)
    this.#tables.set(meta.number, { table, references: 0 })
    return table
  }

  #build(levels: Levels, memtables: readonly Memtable[]): Version {
    const tables = levels.flat().map((meta) => this.handle(meta))
    for (const table of tables) this.#tables.get(table.meta.number)!.references++
    for (const memtable of memtables)
      this.#memtables.set(memtable, (this.#memtables.get(memtable) ?? 0) + 1)
    return new Version(
      levels,
      memtables,
      tables,
      (runs) => this.plane.createView(runs),
      (meta) => this.handle(meta),
    )
  }

  #releaseTable(table: Table): void {
    const held = this.#tables.get(table.meta.number)!
    if (--held.references > 0) return
    this.#tables.delete(table.meta.number)
    table.close()
    this.onObsolete(table.meta)
  }
}
