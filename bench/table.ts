/** Tables of text without frames, for terminals of 100 columns. */
import Table from 'cli-table3'

const FRAMELESS = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'top-mid', 'bottom-mid', 'mid-mid', 'left-mid']
    .concat(['right-mid', 'top-left', 'top-right', 'bottom-left', 'bottom-right', 'middle'])
    .map((place) => [place, place === 'middle' ? ' ' : '']),
)

/** A line of cells, or a text that goes over all of them. */
export type Line = readonly string[] | string

export interface Column {
  readonly head: string
  readonly width: number
  readonly left?: boolean
}

export function tableText(columns: readonly Column[], lines: readonly Line[]): string {
  const table = new Table({
    head: columns.map(({ head }) => head),
    colWidths: columns.map(({ width }) => width),
    colAligns: columns.map(({ left }) => (left === true ? 'left' : 'right')),
    chars: FRAMELESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    wordWrap: true,
  })
  for (const line of lines) {
    if (typeof line !== 'string') table.push([...line])
    else table.push([{ content: line, colSpan: columns.length, hAlign: 'left' }])
  }
  // What aligns the last cell of a line is of no use.
  return table.toString().replace(/ +$/gm, '')
}
