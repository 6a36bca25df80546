/**
 * The report as one HTML file that needs nothing else: machine, goals, bars, charts, notes.
 */
import { BARE, ENGINES } from '../engine.js'
import { rowsOf } from '../figures.js'
import { goalsOf } from '../goals.js'
import { notesText, type Report } from '../report.js'
import { goalHtml } from './bars.js'
import { besideHtml, coldHtml, loopHtml, partsHtml } from './extras.js'
import { sizeHtml } from './sizes.js'
import { colourOf, escape, STYLE } from './style.js'
import type { Draw } from './vega.js'

export async function htmlReport(report: Report, draw: Draw): Promise<string> {
  const sizes = await Promise.all(report.sizes.map((size) => sizeHtml(size, draw)))
  const parts = [
    `<h1>cairndb bench</h1>`,
    machineHtml(report),
    goalsHtml(report),
    legendHtml(),
    ...sizes,
    besideHtml(report),
    loopHtml(report),
    coldHtml(report),
    partsHtml(report),
    notesHtml(report),
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>cairndb bench</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body>
${parts.filter((part) => part !== '').join('\n')}
</body></html>
`
}

function machineHtml({ machine, engines }: Report): string {
  const { processor, cores, memoryGiB, kernel, filesystem, node, commit, date } = machine
  const plane = engines.native?.split(':')[0] ?? 'not measured'
  const facts = [
    ['machine', `${processor}, ${cores} cores, ${memoryGiB} GiB`],
    ['system', `${kernel}, ${filesystem}`],
    ['Node', node],
    ['native plane', plane],
    ['commit', `${commit}, ${date}`],
  ] as const
  const rows = facts.map(([name, fact]) => `<tr><th>${name}</th><td>${escape(fact)}</td></tr>`)
  return `<table>${rows.join('')}</table>`
}

function goalsHtml({ sizes }: Report): string {
  const rows = sizes.flatMap((size) => rowsOf(size.results, size.valueBytes))
  const states = rows.flatMap((row) => goalsOf(row, rows).map((goal) => ({ row, goal })))
  if (states.length === 0) return ''
  const met = states.filter(({ goal }) => goal.met === true).length
  const lines = states.map(({ row, goal }) => {
    return `<tr><td>${escape(row.name)}</td><td>${goalHtml(goal)}</td></tr>`
  })
  return [
    `<h2>Goals of the native plane: ${met} of ${states.length} met</h2>`,
    `<div class="scroll"><table>${lines.join('\n')}</table></div>`,
  ].join('\n')
}

function legendHtml(): string {
  const entries = [...ENGINES, BARE].map((name) => {
    return `<span><i style="background:${colourOf(name)}"></i>${name}</span>`
  })
  return `<div class="legend">${entries.join('')}<span class="soft">| goal</span></div>`
}

function notesHtml({ engines, failures }: Report): string {
  const lines = notesText(engines).split('\n')
  const items = [...lines, ...failures.map((failure) => `not measured: ${failure}`)]
  const list = items.map((item) => `<li>${escape(item)}</li>`).join('\n')
  return `<h2>How it was measured</h2>\n<ul>${list}</ul>`
}
