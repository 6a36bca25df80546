/**
 * Reads docs/format/*.md for tests: tables with a header row, and the worked examples in hex.
 *
 * A table is lines of `| cell | cell |` under a row of dashes. An example is a fence tagged
 * `hex name`; in it `#` begins a comment, and white space between digits means nothing.
 * Format: docs/format/*.md
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

const FOLDER = join('docs', 'format')

export interface DocumentTable {
  readonly file: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export interface Example {
  readonly file: string
  readonly name: string
  readonly bytes: Uint8Array
}

/** Holds the code to an example. */
export type Check = (t: Test, bytes: Uint8Array) => Promise<void> | void

function documents(): { file: string; lines: string[] }[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.md'))
    .map((file) => ({ file, lines: readFileSync(join(FOLDER, file), 'utf8').split('\n') }))
}

function cells(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim())
}

/** Every table of every format document, in order. */
export function documentTables(): DocumentTable[] {
  const tables: DocumentTable[] = []
  for (const { file, lines } of documents())
    for (let i = 1; i < lines.length; i++) {
      if (!/^\| -+ \|/.test(lines[i]!)) continue
      const rows: string[][] = []
      for (let row = i + 1; lines[row]?.startsWith('|'); row++) rows.push(cells(lines[row]!))
      tables.push({ file, header: cells(lines[i - 1]!), rows })
    }
  return tables
}

/** Every example in hex of every format document. Throws where the digits do not make bytes. */
export function documentExamples(): Example[] {
  const examples: Example[] = []
  for (const { file, lines } of documents())
    for (let i = 0; i < lines.length; i++) {
      const name = /^```hex (\S+)$/.exec(lines[i]!)?.[1]
      if (name === undefined) continue
      let digits = ''
      while (lines[++i] !== '```') {
        const line = lines[i]
        if (line === undefined) throw new Error(`${file}: the example ${name} does not end`)
        digits += line.replace(/#.*$/, '').replace(/\s/g, '')
      }
      if (!/^([0-9a-f]{2})+$/.test(digits)) throw new Error(`${file}: ${name} is not hex`)
      examples.push({ file, name, bytes: fromHex(digits) })
    }
  return examples
}

/** The spans in backquotes of a cell. */
export function codeSpans(cell: string): string[] {
  return [...cell.matchAll(/`([^`]*)`/g)].map((match) => match[1]!)
}

export function fromHex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replace(/\s/g, ''), 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
