/** Charts of the report: percentiles of latencies, and rates over time. */
import { BARE, ENGINES, type SubjectName } from '../engine.js'
import { grouped, median, type Row, type Sequence } from '../figures.js'
import { BARE_OVERWRITING } from '../workloads/bare.js'
import { PERCENTILES } from '../workloads/latencies.js'
import { colourOf, escape } from './style.js'
import type { Draw, Spec } from './vega.js'

const DRAWN: readonly SubjectName[] = [...ENGINES, BARE]
const COLOUR = {
  field: 'subject',
  type: 'nominal',
  scale: { domain: DRAWN, range: DRAWN.map(colourOf) },
  legend: null,
}
/** In microseconds: from a tenth to ten seconds. */
const DECADES = Array.from({ length: 9 }, (_, at) => 10 ** (at - 1))
const TIME_LABEL =
  "datum.value >= 1e6 ? datum.value / 1e6 + ' s' : " +
  "datum.value >= 1e3 ? datum.value / 1e3 + ' ms' : datum.value + ' µs'"

function figureHtml(title: string, svg: string): string {
  return `<figure><figcaption>${escape(title)}</figcaption>${svg}</figure>`
}

/** One chart for each operation whose percentiles are among the rows; bare loops are in each. */
export async function latencyCharts(rows: readonly Row[], draw: Draw): Promise<string> {
  const timed = rows.filter(({ percentile }) => percentile !== undefined)
  const bare = timed.filter(({ cells }) => cells.has(BARE))
  const others = timed.filter((row) => !bare.includes(row))
  const charts = [...grouped(others, ({ variant }) => variant)]
  const figures = charts.map(async ([variant, some]) => {
    const note = bare.length === 0 ? '' : '; bare loop: appending, and dashed over zeroes'
    return figureHtml(`${variant}${note}`, await draw(latencySpec([...some, ...bare])))
  })
  return `<div class="charts">${(await Promise.all(figures)).join('\n')}</div>`
}

function latencySpec(rows: readonly Row[]): Spec {
  const values = rows.flatMap(({ variant, percentile, cells }) => {
    return [...cells.values()].map(({ subject, figures }) => {
      return { subject, variant, percentile, us: median(figures) }
    })
  })
  return {
    width: 380,
    height: 200,
    data: { values },
    mark: { type: 'line', point: { size: 40 }, strokeWidth: 2 },
    encoding: {
      x: {
        field: 'percentile',
        type: 'ordinal',
        sort: PERCENTILES,
        axis: { title: null, labelAngle: 0, grid: false },
      },
      y: {
        field: 'us',
        type: 'quantitative',
        scale: { type: 'log' },
        axis: { title: null, labelExpr: TIME_LABEL, values: DECADES },
      },
      color: COLOUR,
      detail: { field: 'variant' },
      strokeDash: {
        condition: { test: `datum.variant === '${BARE_OVERWRITING}'`, value: [4, 3] },
        value: [1, 0],
      },
    },
  }
}

/** One chart for each workload whose rates over time are there. */
export async function timeCharts(sequences: readonly Sequence[], draw: Draw): Promise<string> {
  const drawn = sequences.filter(({ subject }) => DRAWN.includes(subject))
  const charts = grouped(drawn, ({ workload, variant }) => `${workload}, ${variant}`)
  const figures = [...charts].map(async ([title, some]) => {
    return figureHtml(`${title}: operations per second over time`, await draw(timeSpec(some)))
  })
  return (await Promise.all(figures)).join('\n')
}

function timeSpec(sequences: readonly Sequence[]): Spec {
  const values = sequences.flatMap(({ subject, points }) => {
    return points.map((point) => ({ subject, ...point }))
  })
  return {
    width: 860,
    height: 300,
    data: { values },
    // A rate is that of the whole stretch before its point.
    mark: { type: 'line', interpolate: 'step-before', strokeWidth: 1.6 },
    encoding: {
      x: { field: 'seconds', type: 'quantitative', axis: { title: 'seconds', grid: false } },
      y: { field: 'figure', type: 'quantitative', axis: { title: null, format: '~s' } },
      color: COLOUR,
    },
  }
}
