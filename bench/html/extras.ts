/** Tables of the report: what is beside the engines, the event loop, cold reads, parts. */
import { ASIDE_NOTES, ASIDES, BARE } from '../engine.js'
import { formatFigure, formatSpread, grouped, median, rounded, rowsOf } from '../figures.js'
import type { Lateness } from '../lateness.js'
import { PART_TITLES } from '../parts/main.js'
import type { PartFigure } from '../parts/part.js'
import type { Report } from '../report.js'
import { escape } from './style.js'

/** Cells after the first are figures. */
function tableHtml(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: 'td' | 'th', cells: readonly string[]): string => {
    const marked = cells.map((cell, at) => {
      return `<${tag}${at === 0 ? '' : ' class="n"'}>${escape(cell)}</${tag}>`
    })
    return `<tr>${marked.join('')}</tr>`
  }
  const body = rows.map((row) => line('td', row)).join('\n')
  const table = `<thead>${line('th', head)}</thead><tbody>${body}</tbody>`
  return `<div class="scroll"><table>${table}</table></div>`
}

/** Bare loops, and rivals called in other ways. */
export function besideHtml({ sizes }: Report): string {
  const tables = ([BARE, ...ASIDES] as const).flatMap((subject) => {
    const rows = sizes.flatMap(({ valueBytes, results }) => {
      return rowsOf(results, valueBytes).flatMap(({ name, unit, cells }) => {
        const figures = cells.get(subject)?.figures
        if (figures === undefined) return []
        const size = valueBytes.toLocaleString('en-US')
        return [[name, size, formatFigure(median(figures), unit), formatSpread(figures)]]
      })
    })
    const note = subject === BARE ? 'no store: pwrite and fdatasync' : ASIDE_NOTES[subject]
    if (rows.length === 0) return []
    return [`<h3>${escape(note)}</h3>${tableHtml(['', 'value bytes', 'median', ''], rows)}`]
  })
  return tables.length === 0 ? '' : `<h2>Beside the engines</h2>${tables.join('\n')}`
}

const LATENESS_HEAD = ['took, s', 'late at most, ms', 'held at most, ms', 'collector, ms']

function latenessCells({ seconds, maxMs, ownMaxMs, collectorMaxMs }: Lateness): string[] {
  return [seconds, maxMs, ownMaxMs, collectorMaxMs].map(rounded)
}

export function loopHtml({ loop }: Report): string {
  if (loop === undefined) return ''
  const rows = loop.map(({ plane, megabytes, lateness }) => {
    return [plane, rounded(megabytes), ...latenessCells(lateness)]
  })
  return [
    '<h2>The event loop while a whole store is compacted</h2>',
    "<p>Held: without other programs and without V8's collector.</p>",
    tableHtml(['plane', 'merged, MB', ...LATENESS_HEAD], rows),
  ].join('\n')
}

export function coldHtml({ cold }: Report): string {
  if (cold === undefined) return ''
  const rows = cold.phases.map(({ plane, io, phase, reads, waited, diskBytes, lateness }) => [
    `${plane}, ${io}: ${phase}`,
    reads.toLocaleString('en-US'),
    waited.toLocaleString('en-US'),
    diskBytes === undefined ? '' : rounded(diskBytes / 1e6),
    ...latenessCells(lateness),
  ])
  return [
    '<h2>The event loop while cold tables are read</h2>',
    `<p>A store of ${cold.megabytes} MB whose files left the page cache before each phase.</p>`,
    tableHtml(['', 'reads', 'waited', 'from disk, MB', ...LATENESS_HEAD], rows),
    ...cold.failures.map((failure) => `<p>not measured: ${escape(failure)}</p>`),
  ].join('\n')
}

export function partsHtml({ parts }: Report): string {
  if (parts === undefined) return ''
  const tables = [...grouped(parts.figures, ({ plane }) => plane)].map(([plane, figures]) => {
    const title = escape(PART_TITLES[plane as PartFigure['plane']])
    const head = ['', 'ns', 'per second', 'bytes', '']
    return `<h3>${title}</h3>${tableHtml(head, figures.map(partCells))}`
  })
  const failures = parts.failures.map((failure) => `<p>not measured: ${escape(failure)}</p>`)
  return ['<h2>Parts by themselves</h2>', ...tables, ...failures].join('\n')
}

function partCells({ name, nanoseconds, bytesPerSecond, percent }: PartFigure): string[] {
  return [
    name,
    rounded(nanoseconds),
    `${rounded(1e3 / nanoseconds)} M`,
    bytesPerSecond === undefined ? '' : `${rounded(bytesPerSecond / 1e9)} GB/s`,
    `±${percent.toFixed(1)}%`,
  ]
}
