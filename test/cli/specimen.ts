/** Stores for the tests of the command, and what harms them. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { cairn } from './command.js'

/** Changes one byte in the middle of the first file with this ending; gives its name. */
export async function flipByte(directory: string, ending: string): Promise<string> {
  const names = (await readdir(directory)).sort()
  const name = names.find((one) => one.endsWith(ending))!
  const bytes = await readFile(join(directory, name))
  const middle = bytes.length >> 1
  bytes[middle] = bytes[middle]! ^ 1
  await writeFile(join(directory, name), bytes)
  return name
}

/** Every file below a directory and what it holds, to tell whether anything was changed. */
export async function contents(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const found = new Map<string, string>()
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name)
    found.set(path, (await readFile(path)).toString('latin1'))
  }
  return found
}

/** A place in a folder that a command refuses, and with which code. */
export type Refused = readonly [name: string, code: string]

/** The first command refuses every place, the others the first `few`; each says what to do. */
export async function refuses(
  t: Pick<Test, 'equal' | 'match'>,
  store: 'journal' | 'map',
  folder: string,
  commands: readonly (readonly [string, ...string[]])[],
  places: readonly Refused[],
  few: number,
): Promise<void> {
  for (const [i, [command, ...rest]] of commands.entries())
    for (const [name, code] of i === 0 ? places : places.slice(0, few)) {
      const ended = await cairn(store, command, join(folder, name), ...rest)
      t.equal(ended.code, 1, `${command} ${name}`)
      t.equal(ended.text, '')
      t.match(ended.errors, new RegExp(`^cairn: .* \\(${code}\\)\\n {2}\\S`))
    }
}
