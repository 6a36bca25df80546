/**
 * Holds lib/format to the tables of constants in docs/format: every exported constant stands in
 * exactly one table, with its value, and every row names a constant that exists.
 */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { codeSpans, documentTables } from './documents.js'

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'lib', 'format')

async function exportedConstants(): Promise<Map<string, string>> {
  const constants = new Map<string, string>()
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.js'))) {
    const exports = (await import(pathToFileURL(join(FOLDER, file)).href)) as object
    for (const [name, value] of Object.entries(exports))
      if (/^[A-Z][A-Z0-9_]*$/.test(name)) constants.set(name, text(value))
  }
  return constants
}

/** A value as its row should read: numbers in decimal, lists with commas. */
function text(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(', ') : String(value)
}

function documented(): { name: string; value: string; file: string }[] {
  return documentTables()
    .filter(({ header }) => header.join('|') === 'Name|Value|Meaning')
    .flatMap(({ file, rows }) =>
      rows.map(([name, value]) => ({
        file,
        name: codeSpans(name!)[0]!,
        value: codeSpans(value!)
          .map((span) => (/^(0x[0-9a-f]+|\d+(\.\d+)?)$/.test(span) ? String(Number(span)) : span))
          .join(', '),
      })),
    )
}

t.test('every constant stands in one table with its value', async (t) => {
  const constants = await exportedConstants()
  const rows = documented()
  t.ok(constants.size > 50, `${constants.size} constants`)
  for (const [name, value] of constants) {
    const found = rows.filter((row) => row.name === name)
    t.equal(
      found.length,
      1,
      `${name} stands in one table: ${found.map((row) => row.file).join(' ')}`,
    )
    t.equal(found[0]?.value, value, `${name} is ${value}`)
  }
  for (const row of rows)
    t.ok(constants.has(row.name), `${row.name} of ${row.file} is exported by lib/format`)
})
