/**
 * Figures to text: medians with their spread, how both planes stand to the best rival, goals.
 */
import { ASIDE_NOTES, ASIDES, BARE, ENGINES, type EngineName, type SubjectName } from './engine.js'
import {
  formatFigure,
  formatRatio,
  formatSpread,
  grouped,
  median,
  rowsOf,
  type Row,
} from './figures.js'
import type { ColdReport } from './cold/report.js'
import { goalLines, ratioOf } from './goals.js'
import type { LoopReport } from './loop.js'
import type { Machine } from './machine.js'
import type { PartsReport } from './parts/main.js'
import type { Measured, Size } from './rounds.js'
import { tableText, type Column, type Line } from './table.js'

/** The workloads with values of one size. */
export type SizeReport = Size & Pick<Measured, 'results' | 'sequences'>

export interface Report {
  readonly machine: Machine
  readonly sizes: readonly SizeReport[]
  /** What each engine says of itself. */
  readonly engines: Partial<Record<SubjectName, string>>
  /** Engines that could not run, and why. */
  readonly failures: readonly string[]
  /** Of the event loop while a store compacts. */
  readonly loop?: readonly LoopReport[]
  /** Of the event loop while cold tables are read. */
  readonly cold?: ColdReport
  readonly parts?: PartsReport
}

const NAME_WIDTH = 43
const BESIDE_WIDTH = 80
const FIGURE_WIDTH = 9
const RATIO_WIDTH = 6

const HEADS: Readonly<Record<EngineName, string>> = {
  native: 'native',
  typescript: 'Type-\nScript',
  'classic-level': 'classic-\nlevel',
  lmdb: 'lmdb',
  'better-sqlite3': 'better-\nsqlite3',
}

export function machineText(machine: Machine): string {
  const { processor, cores, memoryGiB, kernel, filesystem, node, commit, date } = machine
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB; ${kernel}; ${filesystem}; Node ${node}`,
    `commit ${commit}; ${date}`,
  ].join('\n')
}

/** How the engines were called, and how the figures are to be read. */
export function notesText(engines: Report['engines']): string {
  const described = ENGINES.flatMap((name) => {
    const description = engines[name]
    return description === undefined ? [] : [`${name}: ${description}`]
  })
  return [
    ...described,
    'Unsynced: a killed process loses nothing, a power loss loses the newest writes and no more.',
    'Synced: on the disk. Compression as each does it unasked (LevelDB and cairndb: Snappy).',
    'Each engine in its own process, in turn; medians, and half the spread in percent of them.',
    'One round of a quarter of the records: fillseq overwrite deleterandom readreverse seekrandom',
    'open mixed latency. A rival that takes long and decides no row of a group runs once there.',
    "/best: a plane's figure against the best rival's, above 1 is better.",
  ].join('\n')
}

export function sizeText({ valueBytes, records, rounds }: Size): string {
  return (
    `${records.toLocaleString('en-US')} records, keys of 16 bytes, values of ` +
    `${valueBytes.toLocaleString('en-US')} bytes that differ, ` +
    (rounds === 1 ? 'one round' : `${rounds} rounds`)
  )
}

/** All rows that have a figure of an engine, and below what is beside them. */
export function rowsText(size: SizeReport, known: Report['engines']): string {
  const rows = rowsOf(size.results, size.valueBytes)
  const engines = ENGINES.filter((name) => known[name] !== undefined)
  const compared = rows.filter(({ cells }) => engines.some((name) => cells.has(name)))
  const workloads = [...grouped(compared, ({ workload }) => workload)]
  const lines = workloads.flatMap(([workload, own]): Line[] => {
    return [workload, ...own.flatMap((row) => rowLines(row, rows, engines))]
  })
  const columns: Column[] = [
    { head: '', width: NAME_WIDTH, left: true },
    ...engines.map((name) => ({ head: HEADS[name], width: FIGURE_WIDTH })),
    { head: 'native\n/best', width: RATIO_WIDTH },
    { head: 'TS\n/best', width: RATIO_WIDTH },
  ]
  const beside = besideText(rows)
  return [sizeText(size), tableText(columns, lines), ...(beside === '' ? [] : [beside])].join('\n')
}

function rowLines(row: Row, rows: readonly Row[], engines: readonly EngineName[]): Line[] {
  const cells = engines.map((engine) => row.cells.get(engine)?.figures)
  const spreads = cells.map((figures) => (figures === undefined ? '' : formatSpread(figures)))
  return [
    [
      `  ${shortName(row)}`,
      ...cells.map((figures) => (figures ? formatFigure(median(figures), row.unit) : '')),
      formatRatio(ratioOf(row, 'native')),
      formatRatio(ratioOf(row, 'typescript')),
    ],
    ...(spreads.some((spread) => spread !== '') ? [['', ...spreads, '', '']] : []),
    ...goalLines(row, rows).map((line) => `    goal ${line}`),
  ]
}

/** Variant and percentile. */
export function shortName({ variant, percentile }: Row): string {
  return percentile === undefined ? variant : `${variant}, ${percentile}`
}

/** What is not compared, line by line: bare loops, and rivals called in other ways. */
function besideText(rows: readonly Row[]): string {
  const columns: Column[] = [
    { head: '', width: BESIDE_WIDTH, left: true },
    { head: '', width: FIGURE_WIDTH + 2 },
    { head: '', width: RATIO_WIDTH },
  ]
  const lines = ([BARE, ...ASIDES] as const).flatMap((subject): Line[] => {
    const own = rows.flatMap(({ name, unit, cells }): Line[] => {
      const figures = cells.get(subject)?.figures
      if (figures === undefined) return []
      return [[`  ${name}`, formatFigure(median(figures), unit), formatSpread(figures)]]
    })
    const note = subject === BARE ? 'no store: pwrite and fdatasync' : ASIDE_NOTES[subject]
    return own.length === 0 ? [] : [`beside: ${note}`, ...own]
  })
  return lines.length === 0 ? '' : tableText(columns, lines)
}
