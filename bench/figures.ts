/** Figures of many rounds: put in rows, their median and spread, and how they are written. */
import type { SubjectName } from './engine.js'
import type { Series, Timing, Unit } from './workloads/bench.js'

export interface Result extends Omit<Timing, 'figure'> {
  readonly subject: SubjectName
  /** One figure per round. */
  readonly figures: number[]
}

/** A rate over time, and whose. */
export interface Sequence extends Series {
  readonly subject: SubjectName
}

export interface Row extends Omit<Timing, 'figure'> {
  /** Workload, variant and percentile. */
  readonly name: string
  readonly valueBytes: number
  readonly cells: ReadonlyMap<SubjectName, Result>
}

export function nameOf({ workload, variant, percentile }: Omit<Timing, 'figure' | 'unit'>): string {
  return [workload, variant, ...(percentile === undefined ? [] : [percentile])].join(', ')
}

/** Which figures are the better ones; undefined where neither is. */
export function betterOf(unit: Unit): 'greater' | 'less' | undefined {
  if (unit === 'MB/s' || unit === 'M' || unit === 's') return undefined
  return unit === 'op/s' || unit === '%' ? 'greater' : 'less'
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

/** Items by what `keyOf` gives of them, in their order. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

export function rowsOf(results: readonly Result[], valueBytes: number): Row[] {
  const rows = new Map<string, { row: Row; cells: Map<SubjectName, Result> }>()
  for (const result of results) {
    const { subject, figures: _, ...what } = result
    const name = nameOf(result)
    let found = rows.get(name)
    if (found === undefined) {
      const cells = new Map<SubjectName, Result>()
      found = { row: { ...what, name, valueBytes, cells }, cells }
      rows.set(name, found)
    }
    found.cells.set(subject, result)
  }
  return [...rows.values()].map(({ row }) => row)
}

export function formatFigure(figure: number, unit: Unit): string {
  if (unit === 'op/s') return `${shortened(figure)}/s`
  if (unit === 'µs' && figure >= 10_000) return `${rounded(figure / 1000)} ms`
  return unit === 'x' ? `${rounded(figure)}x` : `${rounded(figure)} ${unit}`
}

/** Half of what lies between the least and the greatest figure: '±6%' of the median. */
export function formatSpread(figures: readonly number[]): string {
  if (figures.length < 2) return ''
  const half = (Math.max(...figures) - Math.min(...figures)) / 2
  return `±${((100 * half) / Math.max(median(figures), Number.MIN_VALUE)).toFixed(0)}%`
}

/** Three digits, or as many as stand before the point. */
export function rounded(figure: number): string {
  if (Math.abs(figure) >= 100) return Math.round(figure).toLocaleString('en-US')
  return figure.toFixed(Math.abs(figure) >= 10 ? 1 : 2)
}

function shortened(figure: number): string {
  if (figure >= 1e6) return `${rounded(figure / 1e6)} M`
  if (figure >= 1e3) return `${rounded(figure / 1e3)} k`
  return rounded(figure)
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}x`
}
