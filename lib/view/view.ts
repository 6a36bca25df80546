/**
 * View: a stack of runs, newest first, over this plane's memtables and tables.
 *
 * Built once per version; `find`, `scan` and `merge` read nothing else. It owns no source: control
 * closes memtables and tables when no view holds them any more.
 * Twin: native/view/view.h
 */
import { TypescriptMemtable } from '../memtable/memtable.js'
import type { Run, Source, View } from '../plane.js'
import { TypescriptTable } from '../table/reader.js'
import type { TableHit } from '../table/reader.js'
import { TableRun } from './run.js'

export type OwnSource = TypescriptMemtable | TypescriptTable
export type OwnRun = readonly OwnSource[]
/** A run, made ready for look-ups. */
export type ViewPart = TypescriptMemtable | TableRun

export class TypescriptView implements View {
  readonly runs: readonly Run[]
  readonly ownRuns: readonly OwnRun[]
  readonly parts: readonly ViewPart[]
  found = 0
  closed = false
  /** Where a lookup finds its entry; one per view, because lookups in memory do not overlap. */
  readonly hit: TableHit = {
    high: 0,
    low: 0,
    valueBytes: new Uint8Array(0),
    valueStart: 0,
    valueEnd: 0,
  }

  /** Throws TypeError for a source of another plane. */
  constructor(runs: readonly Run[]) {
    this.runs = runs
    this.ownRuns = ownRuns(runs)
    this.parts = this.ownRuns.map(partOf)
  }

  close(): void {
    this.closed = true
  }
}

/** The same runs without the empty ones. TypeError for another plane's source, or a run of two
 * memtables, which can not be disjoint by their names alone. */
export function ownRuns(runs: readonly Run[]): OwnRun[] {
  return runs.filter((run) => run.length > 0).map((run) => run.map((source) => own(source, run)))
}

function partOf(run: OwnRun): ViewPart {
  const first = run[0]!
  return first.kind === 'memtable' ? first : new TableRun(run as readonly TypescriptTable[])
}

function own(source: Source, run: Run): OwnSource {
  if (source instanceof TypescriptMemtable) {
    if (run.length > 1) throw new TypeError('a run with a memtable holds nothing else')
    return source
  }
  if (source instanceof TypescriptTable) return source
  throw new TypeError('not a source of the TypeScript plane')
}

/** Throws TypeError unless `view` is an open view of this plane. */
export function ownView(view: View): TypescriptView {
  if (!(view instanceof TypescriptView)) throw new TypeError('not a view of the TypeScript plane')
  if (view.closed) throw new TypeError('the view is closed')
  return view
}
