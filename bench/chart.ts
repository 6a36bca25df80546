/**
 * The report as one HTML file that needs nothing else: a bar for each engine in each row.
 */
import { ENGINES, type EngineName } from './engine.js'
import {
  formatFigure,
  formatRatio,
  formatSpread,
  isRate,
  median,
  rowsOf,
  type Result,
  type Row,
} from './figures.js'
import { ratioOf } from './goals.js'
import { headerText, type Report } from './report.js'

const COLOURS: Record<EngineName, string> = {
  native: '#2a6f77',
  typescript: '#6fa8ae',
  'classic-level': '#a3a9b2',
  lmdb: '#c9b37e',
  'better-sqlite3': '#9bb3d1',
}

const STYLE = `
body { font: 15px/1.45 system-ui, sans-serif; max-width: 52rem; color: #222;
  margin: 2rem auto; padding: 0 1rem }
pre { white-space: pre-wrap; color: #555; font-size: 13px }
section { margin: 1.4rem 0 }
h2 { font-size: 1rem; margin: 0 0 .3rem }
h2 small { font-weight: normal; color: #666 }
.row { display: grid; grid-template-columns: 8.5rem 1fr 13rem; gap: .6rem;
  align-items: center; margin: 2px 0 }
.bar { height: 1rem; border-radius: 2px; min-width: 1px }
.figure { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap }
@media (prefers-color-scheme: dark) {
  body { background: #16181b; color: #ddd }
  pre, h2 small { color: #999 }
}
`

export function htmlReport(report: Report): string {
  const sections = rowsOf(report.results).flatMap((row) => sectionHtml(row) ?? [])
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>cairndb bench</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><h1>cairndb bench</h1><pre>${escape(headerText(report))}</pre>
${sections.join('\n')}
</body></html>
`
}

function sectionHtml(row: Row): string | undefined {
  const { workload, unit, cells } = row
  const variant = row.name.slice(workload.length + 2)
  const results = ENGINES.flatMap((engine) => cells.get(engine) ?? [])
  if (results.length === 0) return undefined
  const longest = Math.max(...results.map(({ figures }) => median(figures)))
  const bars = ENGINES.flatMap((engine) => {
    const result = cells.get(engine)
    return result === undefined ? [] : [barHtml(engine, result, longest)]
  })
  const ratio = ratioOf(row, 'native')
  const better = isRate(unit) ? '' : ', shorter is better'
  const stand = ratio === undefined ? '' : `, native ${formatRatio(ratio)} the best rival`
  const small = `<small>${escape(variant)}${better}${stand}</small>`
  return `<section><h2>${escape(workload)} ${small}</h2>\n${bars.join('\n')}</section>`
}

function barHtml(engine: EngineName, { figures, unit }: Result, longest: number): string {
  const figure = median(figures)
  const width = ((figure / longest) * 100).toFixed(1)
  const bar = `<div class="bar" style="width:${width}%;background:${COLOURS[engine]}"></div>`
  const text = `${formatFigure(figure, unit)} <small>${formatSpread(figures, unit)}</small>`
  return `<div class="row"><span>${engine}</span>${bar}<span class="figure">${text}</span></div>`
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
