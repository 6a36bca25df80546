/**
 * Bad input at the seam: handles that are closed or foreign, buffers that go away, numbers that are
 * no lengths, files that change under a reader. On every plane the same expectations, in a child
 * process, so that a death by a signal is a failed assertion.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Test } from 'tap'
import { eachPlane } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { SCENARIOS, isFor } from './hostile.js'

const CHILD = fileURLToPath(new URL('./hostile.js', import.meta.url))

const CHILD_LIMIT_MS = 120_000

interface Told {
  readonly began?: number
  readonly index?: number
  readonly outcome?: string
  readonly unhandled?: string
}

interface Ended {
  readonly told: readonly Told[]
  /** How the child ended, when it did not come to its end. */
  readonly death: string | undefined
}

function runChild(plane: PlaneName, first: number): Promise<Ended> {
  const child = spawn(process.execPath, ['--expose-gc', CHILD, plane, String(first)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (part: Buffer) => out.push(part))
  child.stderr.on('data', (part: Buffer) => errors.push(part))
  // Whatever scenario holds the child's only thread can not tell that it hangs.
  const hang = setTimeout(() => child.kill('SIGKILL'), CHILD_LIMIT_MS)
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(hang)
      const lines = Buffer.concat(out).toString().split('\n').filter(Boolean)
      const told = lines.map((line) => JSON.parse(line) as Told)
      const last = Buffer.concat(errors).toString().slice(-2000)
      resolve({ told, death: code === 0 ? undefined : `${signal ?? code}: ${last}` })
    })
  })
}

/** Runs all scenarios, going on behind one that ends the child. */
async function outcomes(t: Test, plane: PlaneName): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  for (let first = 0; first < SCENARIOS.length;) {
    const { told, death } = await runChild(plane, first)
    let began = first
    for (const line of told) {
      if (line.began !== undefined) began = line.began
      if (line.index !== undefined) found.set(line.index, line.outcome ?? 'undefined')
      if (line.unhandled !== undefined)
        t.fail(`${SCENARIOS[began]!.name}: an unhandled rejection, ${line.unhandled}`)
    }
    if (death === undefined) break
    found.set(began, `died of ${death}`)
    first = began + 1
  }
  return found
}

eachPlane(t, 'bad input at the seam', async (t, plane) => {
  const found = await outcomes(t, plane)
  for (const [index, scenario] of SCENARIOS.entries()) {
    if (!isFor(scenario, plane)) continue
    t.match(found.get(index) ?? 'was not run', scenario.expected, scenario.name)
  }
})
