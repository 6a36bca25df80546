/** Figures of many rounds: put in rows, their median and spread, and how they are written. */
import type { SubjectName } from './engine.js'
import type { Timing, Unit } from './workloads/bench.js'

export interface Result extends Omit<Timing, 'figure'> {
  readonly subject: SubjectName
  /** One figure per round. */
  readonly figures: number[]
}

export interface Row extends Omit<Timing, 'figure'> {
  /** Workload, variant and percentile. */
  readonly name: string
  readonly cells: ReadonlyMap<SubjectName, Result>
}

export function nameOf({ workload, variant, percentile }: Omit<Timing, 'figure' | 'unit'>): string {
  return [workload, variant, ...(percentile === undefined ? [] : [percentile])].join(', ')
}

/** Whether a greater figure is a better one. */
export function isRate(unit: Unit): boolean {
  return unit === 'op/s' || unit === 'MB/s' || unit === '%'
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
    const { subject, figures: _, ...what } = result
    const name = nameOf(result)
    let found = rows.get(name)
    if (found === undefined) {
      const cells = new Map<SubjectName, Result>()
      found = { row: { ...what, name, cells }, cells }
      rows.set(name, found)
    }
    found.cells.set(subject, result)
  }
  return [...rows.values()].map(({ row }) => row)
}

export function formatFigure(figure: number, unit: Unit): string {
  if (unit === 'op/s') {
    const [short, suffix] = shortened(figure)
    return `${short}${suffix}/s`
  }
  return `${rounded(figure)} ${unit}`
}

/** The least and the greatest figure: '1.10..1.32 M'. */
export function formatSpread(figures: readonly number[], unit: Unit): string {
  const least = Math.min(...figures)
  const most = Math.max(...figures)
  if (unit !== 'op/s') return `${rounded(least)}..${rounded(most)}`
  const [from, fromSuffix] = shortened(least)
  const [to, toSuffix] = shortened(most)
  return fromSuffix === toSuffix
    ? `${from}..${to}${toSuffix}`
    : `${from}${fromSuffix}..${to}${toSuffix}`
}

/** Three digits, or as many as stand before the point. */
function rounded(figure: number): string {
  if (figure >= 100) return Math.round(figure).toLocaleString('en-US')
  return figure.toFixed(figure >= 10 ? 1 : 2)
}

function shortened(figure: number): [short: string, suffix: string] {
  if (figure >= 1e6) return [(figure / 1e6).toFixed(2), ' M']
  if (figure < 1e3) return [figure.toFixed(0), '']
  return [(figure / 1e3).toFixed(figure >= 1e4 ? 0 : 2), ' k']
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}x`
}
