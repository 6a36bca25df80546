/** Rows as bars: figure, spread, how it stands to the best rival, and where the goal is. */
import { ENGINES, type EngineName } from '../engine.js'
import {
  betterOf,
  formatFigure,
  grouped,
  formatRatio,
  formatSpread,
  median,
  type Row,
} from '../figures.js'
import { bestRival, goalsOf, ratioOf, type GoalState } from '../goals.js'
import { shortName } from '../report.js'
import { colourOf, escape } from './style.js'

/** Rows by workload, each with its heading; `all` are those that their goals may stand on. */
export function barsHtml(rows: readonly Row[], all: readonly Row[]): string {
  const groups = grouped(
    rows.filter(({ cells }) => ENGINES.some((name) => cells.has(name))),
    ({ workload }) => workload,
  )
  return [...groups]
    .map(([workload, own]) => {
      const parts = own.map((row) => rowHtml(row, all)).join('\n')
      return `<h3>${escape(workload)}</h3>\n${parts}`
    })
    .join('\n')
}

function rowHtml(row: Row, rows: readonly Row[]): string {
  const goals = goalsOf(row, rows)
  const figures = ENGINES.flatMap((name) => row.cells.get(name)?.figures ?? [])
  const marks = goals.flatMap(({ limit }) => limit ?? [])
  const longest = Math.max(...figures, ...marks)
  const better = betterOf(row.unit) === 'less' ? ' <small class="soft">less is better</small>' : ''
  const bars = ENGINES.flatMap((name) => {
    const figures = row.cells.get(name)?.figures
    return figures === undefined ? [] : [barHtml(row, name, figures, longest, marks)]
  })
  return [
    `<h4>${escape(shortName(row))}${better}</h4>`,
    ...goals.map((goal) => `<div class="goal">goal ${goalHtml(goal)}</div>`),
    ...bars,
  ].join('\n')
}

export function goalHtml({ text, met }: GoalState): string {
  if (met === undefined) return escape(text)
  return `<span class="${met ? 'met' : 'missed'}">${met ? 'met' : 'missed'}</span> ${escape(text)}`
}

function barHtml(
  row: Row,
  name: EngineName,
  figures: readonly number[],
  longest: number,
  marks: readonly number[],
): string {
  const figure = median(figures)
  const percent = (part: number): string => `${((100 * part) / longest).toFixed(1)}%`
  const lines = name === 'native' ? marks : []
  return [
    `<div class="bar"><span>${name}</span><span class="track">`,
    `<div class="fill" style="width:${percent(figure)};background:${colourOf(name)}"></div>`,
    ...lines.map((mark) => `<i class="mark" title="goal" style="left:${percent(mark)}"></i>`),
    `</span><span class="n">${formatFigure(figure, row.unit)}</span>`,
    `<span class="n soft">${formatSpread(figures)}</span>`,
    `<span class="soft">${standing(row, name, figure)}</span></div>`,
  ].join('')
}

function standing(row: Row, name: EngineName, figure: number): string {
  if (betterOf(row.unit) === undefined) return ''
  if (name === 'native' || name === 'typescript') {
    const ratio = ratioOf(row, name)
    return ratio === undefined ? '' : `${formatRatio(ratio)} best rival`
  }
  return figure === bestRival(row) ? 'best rival' : ''
}
