/** Figures of many rounds: put in rows, their median and spread, and how they are written. */
import type { SubjectName } from './engine.js'
import type { Timing } from './workloads/bench.js'

export interface Result {
  readonly workload: string
  readonly variant: string
  readonly unit: Timing['unit']
  readonly subject: SubjectName
  /** One figure per round. */
  readonly figures: number[]
}

export interface Row {
  /** Workload and variant. */
  readonly name: string
  readonly workload: string
  readonly variant: string
  readonly unit: Timing['unit']
  readonly cells: ReadonlyMap<SubjectName, Result>
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The value that `share` of the sorted figures do not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export function rowsOf(results: readonly Result[]): Row[] {
  const rows = new Map<string, { row: Row; cells: Map<SubjectName, Result> }>()
  for (const result of results) {
    const { workload, variant, unit } = result
    const name = `${workload}, ${variant}`
    let found = rows.get(name)
    if (found === undefined) {
      const cells = new Map<SubjectName, Result>()
      found = { row: { name, workload, variant, unit, cells }, cells }
      rows.set(name, found)
    }
    found.cells.set(result.subject, result)
  }
  return [...rows.values()].map(({ row }) => row)
}

export function formatFigure(figure: number, unit: Timing['unit']): string {
  if (unit === 'ms') return `${figure.toFixed(1)} ms`
  const [short, suffix] = shortened(figure)
  return `${short}${suffix}/s`
}

/** The least and the greatest figure: '1.10..1.32 M'. */
export function formatSpread(figures: readonly number[], unit: Timing['unit']): string {
  const least = Math.min(...figures)
  const most = Math.max(...figures)
  if (unit === 'ms') return `${least.toFixed(1)}..${most.toFixed(1)}`
  const [from, fromSuffix] = shortened(least)
  const [to, toSuffix] = shortened(most)
  return fromSuffix === toSuffix
    ? `${from}..${to}${toSuffix}`
    : `${from}${fromSuffix}..${to}${toSuffix}`
}

function shortened(figure: number): [short: string, suffix: string] {
  if (figure >= 1e6) return [(figure / 1e6).toFixed(2), ' M']
  if (figure < 1e3) return [figure.toFixed(0), '']
  return [(figure / 1e3).toFixed(figure >= 1e4 ? 0 : 2), ' k']
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}x`
}
