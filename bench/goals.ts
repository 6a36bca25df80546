/**
 * What the native plane is to reach, row by row, and whether it did.
 *
 * A goal is a factor over something that was measured in the same run: the best rival, the faster
 * bare loop, or one call of lmdb. A run prints it and never fails on it.
 */
import { RIVALS, type EngineName } from './engine.js'
import { median, type Row } from './figures.js'
import { BARE_APPENDING, BARE_OVERWRITING } from './workloads/bare.js'

interface Goal {
  readonly factor: number
  readonly over: 'the best rival' | 'the faster bare loop' | 'getBinary' | 'getBinaryFast'
}

const best = (factor: number): readonly Goal[] => [{ factor, over: 'the best rival' }]

/** By workload and variant. */
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
}

/** The workloads whose rows have goals. */
export const GOAL_WORKLOADS = ['fillrandom', 'fillbatch', 'fillsync', 'readrandom', 'readseq']

export function hasGoal(row: Row): boolean {
  return row.name in GOALS
}

/** One line per goal: 'met: 4x the best rival (5.10x)'. */
export function goalLines(row: Row, rows: readonly Row[]): string[] {
  return (GOALS[row.name] ?? []).map(({ factor, over }) => {
    const mine = figureOf(row, 'native')
    const other = measured(over, row, rows)
    const wanted = `${factor}x ${over}`
    if (mine === undefined || other === undefined) return wanted
    const reached = mine / other
    return `${reached >= factor ? 'met' : 'MISSED'}: ${wanted} (${reached.toFixed(2)}x)`
  })
}

function measured(over: Goal['over'], row: Row, rows: readonly Row[]): number | undefined {
  switch (over) {
    case 'the best rival':
      return bestRival(row)
    case 'getBinary':
      return figureOf(row, 'lmdb')
    case 'getBinaryFast':
      return figureOf(named(rows, 'readrandom, into a reused buffer'), 'lmdb')
    case 'the faster bare loop':
      return fasterLoop(rows)
  }
}

function fasterLoop(rows: readonly Row[]): number | undefined {
  const figures = [BARE_APPENDING, BARE_OVERWRITING].flatMap((variant) => {
    const cell = named(rows, `fillsync, ${variant}`)?.cells.get('bare loop')
    return cell === undefined ? [] : [median(cell.figures)]
  })
  return figures.length === 0 ? undefined : Math.max(...figures)
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
  const figures = RIVALS.flatMap((engine) => figureOf(row, engine) ?? [])
  if (figures.length === 0) return undefined
  return row.unit === 'ms' ? Math.min(...figures) : Math.max(...figures)
}

/** Above 1 the engine is better than the best rival. */
export function ratioOf(row: Row, engine: 'native' | 'typescript'): number | undefined {
  const mine = figureOf(row, engine)
  const other = bestRival(row)
  if (mine === undefined || other === undefined) return undefined
  return row.unit === 'ms' ? other / mine : mine / other
}
