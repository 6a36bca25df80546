/**
 * Temporary directories for the tests of stores; all of them go when the test file ends.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const root = mkdtempSync(join(tmpdir(), 'cairndb-test-'))
let count = 0

t.teardown(() => rmSync(root, { recursive: true, force: true }))

/** A path where nothing is yet. */
export function freshPath(): string {
  return join(root, String(++count))
}

/** Every file below a directory with its length and hash; what must not change does not. */
export function listing(directory: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile()) continue
    const bytes = readFileSync(path)
    files[path] = `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`
  }
  return files
}
