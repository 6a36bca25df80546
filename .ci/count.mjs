/**
 * Counts the assertions of a TAP stream and prints `N passed, N failed`; exits 1 if any failed.
 *
 * Assertions at the leaves are counted, not the subtests that sum them up; skipped and todo ones
 * are neither. A stream that its parser refuses (a missing plan, a file that died) or a runner
 * that failed without a failed assertion counts as one failure, so a quiet death never passes.
 * Usage: node .ci/count.mjs FILE.tap FAILURES-BEFORE (EXIT-STATUS-OF-THE-RUNNER | 'not run')
 */
import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'

const [file, before, status] = process.argv.slice(2)
let passed = 0
let failed = 0
let whole = false

if (status !== 'not run') {
  await count()
  if (failed === 0 && (!whole || status !== '0')) failed = 1
}
failed += Number(before)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function count() {
  // tap brings its parser along; nothing is installed when `npm ci` failed.
  const tap = createRequire(import.meta.url).resolve('tap')
  const { Parser } = createRequire(tap)('tap-parser')
  const parser = new Parser()
  parser.on('result', (result) => {
    if (result.skip || result.todo) return
    if (result.ok) passed++
    else {
      failed++
      console.log(`not ok: ${result.fullname}`)
    }
  })
  parser.on('complete', (results) => {
    whole = results.ok
  })
  try {
    await access(file)
    await pipeline(createReadStream(file), parser)
  } catch (error) {
    console.log(`no TAP stream to count: ${error.message}`)
  }
}
