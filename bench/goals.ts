/**
 * What the native plane is to reach, row by row, and whether it did.
 *
 * A goal is a factor over something that was measured in the same run, as the best rival, the
 * faster bare loop or another row, or a figure by itself. A run prints it and never fails on it.
 */
import { BARE, RIVALS, type EngineName } from './engine.js'
import { formatFigure, betterOf, median, type Row } from './figures.js'
import { VALUE_BYTES } from './records.js'
import { BARE_APPENDING, BARE_OVERWRITING } from './workloads/bare.js'
import { SAVED } from './workloads/compaction.js'
import { HELD } from './workloads/held.js'
import { appendText, LARGE, SMALL } from './workloads/journal.js'
import { LOAD_RATE, SPACE_ROW } from './workloads/load.js'
import { SET_ACKNOWLEDGED, SET_SYNCED } from './workloads/map.js'
import { WITH_SETS, entriesText } from './workloads/million.js'
import { STALL_HELD, STALL_KEPT, STALL_PUTS } from './workloads/stall.js'

type Reference =
  'the best rival' | 'the faster bare loop' | 'getBinary' | 'getBinaryFast' | 'fillrandom' | 'p50'

interface Goal {
  /** Of `over`; the figure itself where that is undefined. */
  readonly factor: number
  readonly over?: Reference
}

const MILLION = entriesText(1_000_000)

const best = (factor: number): readonly Goal[] => [{ factor, over: 'the best rival' }]

/** By name of the row. Figures of rates are to be as high, others as low. */
const GOALS: Readonly<Record<string, readonly Goal[]>> = {
  'fillrandom, put, 256 in flight': best(4),
  'fillrandom, put, one at a time': best(3),
  'fillbatch, batch of 1,000': best(3),
  'fillsync, put synced, one at a time': [
    { factor: 0.9, over: 'the faster bare loop' },
    { factor: 1, over: 'the best rival' },
  ],
  'fillsync, put synced, 64 in flight': best(5),
  'fillsync, put synced, 1,024 in flight': best(6),
  'readrandom, getSync': [
    { factor: 2, over: 'getBinary' },
    { factor: 1.2, over: 'getBinaryFast' },
  ],
  // For the goal above.
  'readrandom, into a reused buffer': [],
  'readrandom, await get': best(1.5),
  'readseq, for await, Buffers': best(2),
  'readseq, for await, strings': best(1.2),
  'readseq, nextv(1000), Buffers': best(3),
  'readseq, nextv(1000), strings': best(1.3),
  [`stall, ${STALL_PUTS}, p99.9`]: [
    { factor: 50, over: 'p50' },
    { factor: 1, over: 'the faster bare loop' },
  ],
  [`stall, ${STALL_HELD}`]: [{ factor: 20 }],
  [`stall, getSync ${STALL_KEPT}`]: [{ factor: 70 }],
  [`stall, await get ${STALL_KEPT}`]: [{ factor: 70 }],
  [`load, ${LOAD_RATE}`]: [{ factor: 0.5, over: 'fillrandom' }],
  [`load, ${SPACE_ROW}`]: [{ factor: 1.12 }],
  [`journalappend, ${appendText('synced', 1, SMALL)}`]: [
    { factor: 0.9, over: 'the faster bare loop' },
  ],
  [`journalappend, ${appendText('synced', 64, SMALL)}`]: [{ factor: 100_000 }],
  [`journalappend, ${appendText('synced', 1024, SMALL)}`]: [{ factor: 400_000 }],
  [`journalappend, ${appendText('synced', 1, LARGE)}`]: [
    { factor: 0.85, over: 'the faster bare loop' },
  ],
  [`mapset, ${SET_ACKNOWLEDGED}`]: [{ factor: 500_000 }],
  [`mapset, ${SET_SYNCED}`]: [{ factor: 100_000 }],
  [`mapsnapshot, full, ${MILLION}`]: [{ factor: 3000 }],
  [`mapsnapshot, ${HELD}`]: [{ factor: 20 }],
  [`mapsnapshot, ${WITH_SETS}${HELD}`]: [{ factor: 20 }],
  [`mapopen, from the journal alone, ${MILLION}`]: [{ factor: 2000 }],
  [`mapopen, from a snapshot, ${MILLION}`]: [{ factor: 2000 }],
  [`mapcompact, ${HELD}`]: [{ factor: 20 }],
  [`mapcompact, ${SAVED}`]: [{ factor: 30 }],
}

/** Names for several workloads: those of the key-value store's rates, those of other stores. */
export const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  goals: ['fillrandom', 'fillbatch', 'fillsync', 'readrandom', 'readseq'],
  stores: ['journalappend', 'mapset', 'mapget', 'mapsnapshot', 'mapopen', 'mapcompact'],
}

export function hasGoal(row: Row): boolean {
  return row.name in GOALS
}

export interface GoalState {
  /** '4x the best rival (5.10x)'. */
  readonly text: string
  /** Undefined when what it stands on was not measured. */
  readonly met?: boolean
  /** What is to be reached, in the unit of the row. */
  readonly limit?: number
}

/** There are goals for values of 100 bytes only. */
export function goalsOf(row: Row, rows: readonly Row[]): GoalState[] {
  if (row.valueBytes !== VALUE_BYTES) return []
  return (GOALS[row.name] ?? []).map((goal) => stateOf(goal, row, rows))
}

/** One line per goal: 'met: 4x the best rival (5.10x)'. */
export function goalLines(row: Row, rows: readonly Row[]): string[] {
  return goalsOf(row, rows).map(({ text, met }) => {
    return met === undefined ? text : `${met ? 'met' : 'MISSED'}: ${text}`
  })
}

function stateOf({ factor, over }: Goal, row: Row, rows: readonly Row[]): GoalState {
  const atLeast = betterOf(row.unit) === 'greater'
  const mine = figureOf(row, 'native')
  const other = over === undefined ? 1 : measured(over, row, rows)
  const shown = (figure: number): string => {
    return over === undefined ? formatFigure(figure, row.unit) : `${Number(figure.toFixed(2))}x`
  }
  const what = over === undefined ? '' : ` ${over}`
  const text = `${atLeast ? '' : 'at most '}${shown(factor)}${what}`
  if (mine === undefined || other === undefined) return { text }
  const reached = mine / other
  return {
    text: `${text} (${shown(reached)})`,
    met: atLeast ? reached >= factor : reached <= factor,
    limit: factor * other,
  }
}

function measured(over: Reference, row: Row, rows: readonly Row[]): number | undefined {
  switch (over) {
    case 'the best rival':
      return bestRival(row)
    case 'getBinary':
      return figureOf(row, 'lmdb')
    case 'getBinaryFast':
      return figureOf(named(rows, 'readrandom, into a reused buffer'), 'lmdb')
    case 'the faster bare loop':
      return fasterLoop(row, rows)
    case 'fillrandom':
      return figureOf(named(rows, `fillrandom, ${row.variant}`), 'native')
    case 'p50':
      return figureOf(sibling(row, rows, row.variant, 'p50'), 'native')
  }
}

/** The better figure of the two bare loops in the workload of `row`, for records of its size
 * where its name ends with one. */
function fasterLoop(row: Row, rows: readonly Row[]): number | undefined {
  const size = /, \d+ (bytes|KiB)$/.exec(row.variant)?.[0] ?? ''
  const figures = [BARE_APPENDING, BARE_OVERWRITING].flatMap((loop) => {
    const cell = sibling(row, rows, loop + size, row.percentile)?.cells.get(BARE)
    return cell === undefined ? [] : [median(cell.figures)]
  })
  return better(figures, row)
}

function better(figures: readonly number[], { unit }: Row): number | undefined {
  if (figures.length === 0) return undefined
  return betterOf(unit) === 'greater' ? Math.max(...figures) : Math.min(...figures)
}

function sibling(
  { workload }: Row,
  rows: readonly Row[],
  variant: string,
  percentile: Row['percentile'],
): Row | undefined {
  return rows.find((row) => {
    return row.workload === workload && row.variant === variant && row.percentile === percentile
  })
}

function named(rows: readonly Row[], name: string): Row | undefined {
  return rows.find((row) => row.name === name)
}

function figureOf(row: Row | undefined, engine: EngineName): number | undefined {
  const cell = row?.cells.get(engine)
  return cell === undefined ? undefined : median(cell.figures)
}

/** The best median of the rivals; asides are not among them. */
export function bestRival(row: Row): number | undefined {
  return better(
    RIVALS.flatMap((engine) => figureOf(row, engine) ?? []),
    row,
  )
}

/** Above 1 the engine is better than the best rival. */
export function ratioOf(row: Row, engine: 'native' | 'typescript'): number | undefined {
  const mine = figureOf(row, engine)
  const other = bestRival(row)
  if (mine === undefined || other === undefined || betterOf(row.unit) === undefined) return
  return betterOf(row.unit) === 'greater' ? mine / other : other / mine
}
