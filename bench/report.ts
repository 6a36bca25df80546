/**
 * Figures to tables: medians with their spread, how both planes stand to the best rival, goals.
 */
import Table from 'cli-table3'
import { ASIDE_NOTES, ASIDES, BARE, ENGINES, type EngineName, type SubjectName } from './engine.js'
import {
  formatFigure,
  formatRatio,
  formatSpread,
  median,
  rowsOf,
  type Result,
  type Row,
} from './figures.js'
import { goalLines, hasGoal, ratioOf } from './goals.js'
import type { LoopReport } from './loop.js'
import type { Machine } from './machine.js'
import type { ColdReport } from './cold/report.js'

export interface Report {
  readonly machine: Machine
  readonly records: number
  readonly rounds: number
  /** What each engine says of itself. */
  readonly engines: Partial<Record<SubjectName, string>>
  readonly results: readonly Result[]
  /** Engines that could not run, and why. */
  readonly failures: readonly string[]
  /** Of the event loop while a store compacts. */
  readonly loop?: readonly LoopReport[]
  /** Of the event loop while cold tables are read. */
  readonly cold?: ColdReport
}

export function machineText(machine: Machine): string {
  const { processor, cores, memoryGiB, kernel, filesystem, node, commit, date } = machine
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB; ${kernel}; ${filesystem}; Node ${node}`,
    `commit ${commit}; ${date}`,
  ].join('\n')
}

export function headerText({ machine, records, rounds, engines }: Report): string {
  const described = ENGINES.flatMap((name) => {
    const description = engines[name]
    return description === undefined ? [] : [`${name}: ${description}`]
  })
  return [
    machineText(machine),
    ...described,
    'Unsynced: a killed process loses nothing, a power loss loses the newest writes and no more.',
    'Synced: on the disk. Compression as each does it unasked (LevelDB and cairndb: Snappy).',
    `${records.toLocaleString('en-US')} records, keys of 16 bytes, values of 100 that differ`,
    `medians of ${rounds} rounds, each engine in its own process, in turn; below: least..greatest`,
    "/best: a plane's figure over the best rival's, 1 or more is as good or better",
  ].join('\n')
}

export function tablesText(report: Report): string {
  const rows = rowsOf(report.results)
  const engines = ENGINES.filter((name) => report.engines[name] !== undefined)
  const compared = rows.filter(({ cells }) => engines.some((name) => cells.has(name)))
  const [first, more] = [compared.filter(hasGoal), compared.filter((row) => !hasGoal(row))]
  const parts = [
    ...(first.length > 0 ? [tableText(first, rows, engines, true)] : []),
    ...(more.length > 0 ? [tableText(more, rows, engines, false)] : []),
    besideText(rows),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function tableText(
  shown: readonly Row[],
  rows: readonly Row[],
  engines: readonly EngineName[],
  goals: boolean,
): string {
  const table = new Table({
    head: [
      'workload',
      ...engines,
      'native\n/best',
      'TS\n/best',
      ...(goals ? ['native: goal'] : []),
    ],
    colAligns: ['left', ...engines.map(() => 'right' as const), 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  })
  for (const row of shown) {
    const figures = engines.map((engine) => {
      const cell = row.cells.get(engine)
      if (cell === undefined) return ''
      const { figures, unit } = cell
      return `${formatFigure(median(figures), unit)}\n${formatSpread(figures, unit)}`
    })
    table.push([
      `${row.workload}\n  ${[row.variant, row.percentile].filter(Boolean).join(', ')}`,
      ...figures,
      formatRatio(ratioOf(row, 'native')),
      formatRatio(ratioOf(row, 'typescript')),
      ...(goals ? [goalLines(row, rows).join('\n')] : []),
    ])
  }
  return table.toString()
}

/** What is not compared, line by line: bare loops, and rivals called in other ways. */
function besideText(rows: readonly Row[]): string {
  const table = new Table({
    head: ['beside the tables', 'workload', '', 'least..greatest'],
    colAligns: ['left', 'left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const subject of [BARE, ...ASIDES] as const) {
    for (const { name, unit, cells } of rows) {
      const cell = cells.get(subject)
      if (cell === undefined) continue
      const note = subject === BARE ? 'no store: pwrite and fdatasync' : ASIDE_NOTES[subject]
      const { figures } = cell
      const figure = formatFigure(median(figures), unit)
      table.push([note, name, figure, formatSpread(figures, unit)])
    }
  }
  return table.length === 0 ? '' : table.toString()
}
