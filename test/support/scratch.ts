/** Temporary directories of tests: under the system's, removed when the test ends. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A new, empty directory that lives as long as the test. */
export function scratch(t: Pick<Test, 'teardown'>): string {
  const directory = fs.mkdtempSync(join(tmpdir(), 'cairn-test-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}
