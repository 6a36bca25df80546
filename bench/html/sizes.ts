/**
 * The workloads with values of one size: plain ones as bars, others with charts of their own.
 */
import { rowsOf, type Row } from '../figures.js'
import { goalsOf, SEVERAL } from '../goals.js'
import { sizeText, type SizeReport } from '../report.js'
import { barsHtml, goalHtml } from './bars.js'
import { latencyCharts, timeCharts } from './charts.js'
import { escape } from './style.js'
import type { Draw } from './vega.js'

/** A part of the page with a heading of its own. */
interface Section {
  readonly title: string
  readonly note: string
  readonly workloads: readonly string[]
}

/** What is not among the plain workloads, in the order of the page. */
const SECTIONS: readonly Section[] = [
  {
    title: 'How long single operations take',
    note: 'Percentiles on a logarithmic scale, lower is better.',
    workloads: ['latency'],
  },
  {
    title: 'What waits while the store merges',
    note:
      'Synced puts at full load beside flushes and merges; the bare loops beside a thread that ' +
      'writes as many tables as the native plane did. Reads beside merges of the whole store.',
    workloads: ['stall'],
  },
  {
    title: 'A long load',
    note:
      'Random keys, 256 puts in flight, until all are written or the time is over; live bytes ' +
      'are those of keys and values.',
    workloads: ['load'],
  },
  {
    title: 'Memory',
    note:
      'Resident memory over what the process had before the store was opened; mapped files are ' +
      'part of it, and belong to the page cache.',
    workloads: ['memory'],
  },
  {
    title: 'The Journal and the DurableMap',
    note:
      'Both planes; no rival has these stores. The event loop is watched by timers that know ' +
      'nothing of the store.',
    workloads: SEVERAL['stores']!,
  },
]

export async function sizeHtml(size: SizeReport, draw: Draw): Promise<string> {
  const rows = rowsOf(size.results, size.valueBytes)
  const special = SECTIONS.flatMap(({ workloads }) => workloads)
  const plain = rows.filter(({ workload }) => !special.includes(workload))
  const bytes = size.valueBytes.toLocaleString('en-US')
  const heading = `<h2>Values of ${bytes} bytes</h2><p>${sizeText(size)}</p>`
  const sections = SECTIONS.map((section) => sectionHtml(section, size, rows, draw))
  return [
    plain.length === 0 ? '' : `${heading}\n${barsHtml(plain, rows)}`,
    ...(await Promise.all(sections)),
  ].join('\n')
}

async function sectionHtml(
  { title, note, workloads }: Section,
  size: SizeReport,
  rows: readonly Row[],
  draw: Draw,
): Promise<string> {
  const own = rows.filter((row) => workloads.includes(row.workload))
  if (own.length === 0) return ''
  const sequences = size.sequences.filter(({ workload }) => workloads.includes(workload))
  const [timed, bars] = [own.filter(isTimed), own.filter((row) => !isTimed(row))]
  const goals = timed.flatMap((row) => {
    return goalsOf(row, rows).map((goal) => `${escape(row.name)}: goal ${goalHtml(goal)}`)
  })
  return [
    `<h2>${title}</h2><p>${note}</p>`,
    await timeCharts(sequences, draw),
    await latencyCharts(timed, draw),
    ...goals.map((goal) => `<div class="goal">${goal}</div>`),
    barsHtml(bars, rows),
  ].join('\n')
}

function isTimed({ percentile }: Row): boolean {
  return percentile !== undefined
}
