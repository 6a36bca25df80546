/**
 * Figures to tables: medians with their spread, and how we stand to the best rival.
 */
import Table from 'cli-table3'
import { ENGINES, type EngineName } from './engine.js'
import type { Lateness } from './loop.js'
import type { Machine } from './machine.js'
import type { Timing } from './workloads.js'

export interface Result {
  readonly workload: string
  readonly variant: string
  readonly unit: Timing['unit']
  readonly engine: EngineName
  /** One figure per round. */
  readonly figures: number[]
}

export interface Report {
  readonly machine: Machine
  readonly records: number
  readonly rounds: number
  readonly engines: Partial<Record<EngineName, string>>
  readonly results: readonly Result[]
  /** Of the event loop while a store compacts. */
  readonly lateness?: Lateness
}

export interface Row {
  readonly workload: string
  readonly variant: string
  readonly unit: Timing['unit']
  readonly cells: ReadonlyMap<EngineName, Result>
  /** Above 1 we are better than the best rival; undefined without rivals. */
  readonly ratio: number | undefined
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Half the distance from the least to the greatest figure, as a share of the median. */
export function spread(figures: readonly number[]): number {
  return (Math.max(...figures) - Math.min(...figures)) / 2 / median(figures)
}

export function rowsOf(results: readonly Result[]): Row[] {
  const rows = new Map<string, Map<EngineName, Result>>()
  for (const result of results) {
    const name = `${result.workload}, ${result.variant}`
    const cells = rows.get(name) ?? new Map<EngineName, Result>()
    rows.set(name, cells.set(result.engine, result))
  }
  return [...rows.values()].map((cells) => {
    const [{ workload, variant, unit }] = [...cells.values()] as [Result]
    return { workload, variant, unit, cells, ratio: ratioOf(cells) }
  })
}

function ratioOf(cells: ReadonlyMap<EngineName, Result>): number | undefined {
  const ours = cells.get('cairndb')
  const rivals = [...cells.values()].filter(({ engine }) => engine !== 'cairndb')
  if (ours === undefined || rivals.length === 0) return undefined
  const figures = rivals.map(({ figures }) => median(figures))
  const mine = median(ours.figures)
  return ours.unit === 'ms' ? Math.min(...figures) / mine : mine / Math.max(...figures)
}

export function formatFigure(figure: number, unit: Timing['unit']): string {
  if (unit === 'ms') return `${figure.toFixed(1)} ms`
  if (figure >= 1e6) return `${(figure / 1e6).toFixed(2)} M/s`
  if (figure < 1e3) return `${figure.toFixed(0)}/s`
  return figure >= 1e4 ? `${(figure / 1e3).toFixed(0)} k/s` : `${(figure / 1e3).toFixed(2)} k/s`
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}x`
}

export function headerText({ machine, records, rounds, engines }: Report): string {
  const { processor, cores, memoryGiB, kernel, filesystem, node, commit, date } = machine
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB; ${kernel}; ${filesystem}; Node ${node}`,
    `commit ${commit}; ${date}`,
    ...Object.entries(engines).map(([name, description]) => `${name}: ${description}`),
    `${records.toLocaleString('en-US')} records, keys of 16 bytes, values of 100`,
    `medians of ${rounds} rounds, +- half the spread`,
  ].join('\n')
}

export function tableText(report: Report): string {
  const engines = ENGINES.filter((name) => report.engines[name] !== undefined)
  const table = new Table({
    head: ['workload', '', ...engines, 'to the best rival'],
    colAligns: ['left', 'left', ...engines.map(() => 'right' as const), 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const { workload, variant, unit, cells, ratio } of rowsOf(report.results)) {
    const figures = engines.map((engine) => {
      const result = cells.get(engine)
      if (result === undefined) return ''
      const share = Math.round(spread(result.figures) * 100)
      return `${formatFigure(median(result.figures), unit)} +-${share}%`
    })
    table.push([workload, variant, ...figures, formatRatio(ratio)])
  }
  return table.toString()
}
