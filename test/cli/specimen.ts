/** Stores for the tests of the command, and what harms them. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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
