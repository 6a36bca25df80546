/**
 * The workloads with values of one size: plain ones as bars, others with charts of their own.
 */
import { rowsOf, type Row } from '../figures.js'
import { goalsOf } from '../goals.js'
import { sizeText, type SizeReport } from '../report.js'
import { barsHtml, goalHtml } from './bars.js'
import { latencyCharts, timeCharts } from './charts.js'
import { escape } from './style.js'
import type { Draw } from './vega.js'

/** What is not among the plain workloads, in the order of the page. */
const TITLES: Readonly<Record<string, [title: string, note: string]>> = {
  latency: [
    'How long single operations take',
    'Percentiles on a logarithmic scale, lower is better.',
  ],
  stall: [
    'What waits while the store merges',
    'Synced puts at full load beside flushes and merges; the bare loops beside a thread that ' +
      'writes as many tables as the native plane did. Reads beside merges of the whole store.',
  ],
  load: [
    'A long load',
    'Random keys, 256 puts in flight, until all are written or the time is over; live bytes are ' +
      'those of keys and values.',
  ],
  memory: [
    'Memory',
    'Resident memory over what the process had before the store was opened; mapped files are ' +
      'part of it, and belong to the page cache.',
  ],
}

export async function sizeHtml(size: SizeReport, draw: Draw): Promise<string> {
  const rows = rowsOf(size.results, size.valueBytes)
  const plain = rows.filter(({ workload }) => !(workload in TITLES))
  const bytes = size.valueBytes.toLocaleString('en-US')
  const heading = `<h2>Values of ${bytes} bytes</h2><p>${sizeText(size)}</p>`
  const special = Object.keys(TITLES).map((workload) => specialHtml(workload, size, rows, draw))
  return [
    plain.length === 0 ? '' : `${heading}\n${barsHtml(plain, rows)}`,
    ...(await Promise.all(special)),
  ].join('\n')
}

async function specialHtml(
  workload: string,
  size: SizeReport,
  rows: readonly Row[],
  draw: Draw,
): Promise<string> {
  const own = rows.filter((row) => row.workload === workload)
  if (own.length === 0) return ''
  const [title, note] = TITLES[workload]!
  const sequences = size.sequences.filter((sequence) => sequence.workload === workload)
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
